"""The command line. ``main`` is the program ``adapter``; each command's work is imported when it is called for."""

from __future__ import annotations

from adapter.cli.app import main

__all__ = ["main"]
