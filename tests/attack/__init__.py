"""Attacks on the real daemon over loopback: ``make attack``."""
