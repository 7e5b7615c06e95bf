"""Where a person reads: colours and width on a terminal, plain text of a fixed width everywhere else."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import IO, TextIO, cast

from rich.console import Console

PLAIN_WIDTH = 132
"""Wide enough for two checklists side by side."""


def console(stream: TextIO | None = None) -> Console:
    """A console on ``stream`` (standard output by default). ``COLUMNS`` sets the width, ``NO_COLOR`` takes colours."""
    out = stream or sys.stdout
    plain = not out.isatty()
    width = PLAIN_WIDTH if plain and not os.environ.get("COLUMNS") else None
    file = cast("IO[str]", _Trimmed(out)) if plain else out
    return Console(file=file, width=width, highlight=False, emoji=False, markup=False)


class _Trimmed(io.TextIOBase):
    """Lines without the blanks that tables are filled up with: nobody wants them in a file."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        self._out.flush()

    def isatty(self) -> bool:
        return False
