"""Rows, webhooks and files that nobody would write, ten thousand of each: ``make fuzz``."""
