"""Measures the adapter against a bare client that makes the same calls: ``python -m tests.bench``."""
