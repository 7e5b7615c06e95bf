"""Output for people: with colours and the full width on a terminal, plain text of a fixed width elsewhere."""

import os
import re
import sys
from collections.abc import Collection, Iterable
from typing import IO, TextIO, cast

from rich import box
from rich.console import Console, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

TONES = {"ok": "green", "warn": "yellow", "bad": "bold red", "soft": "dim", "": ""}
"""The style for each tone of what the status page shows too."""
PLAIN_WIDTH = 132
"""Wide enough for two checklists side by side."""


def console(stream: TextIO | None = None) -> Console:
    """A console on ``stream`` (default: standard output). ``COLUMNS`` sets the width, ``NO_COLOR`` turns colours
    off."""
    out = stream or sys.stdout
    plain = not out.isatty()
    width = PLAIN_WIDTH if plain and not os.environ.get("COLUMNS") else None
    file = cast("IO[str]", _Trimmed(out)) if plain else out
    return Console(file=file, width=width, highlight=False, emoji=False, markup=False)


def table(*headings: str, right: Collection[str] = ()) -> Table:
    """An empty table with these columns; those named ``right`` hold numbers. Long words are folded, not cut."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for name in headings:
        justify: JustifyMethod = "right" if name in right else "left"
        made.add_column(Text(name, overflow="fold"), overflow="fold", justify=justify)
    return made


def titled(title: str, body: RenderableType) -> list[RenderableType]:
    """A part of a page, indented under its heading."""
    return [Text(), Text(title, style="bold"), Padding(body, (0, 0, 0, 2))]


def bullets(title: str, lines: Iterable[str | Text]) -> list[RenderableType]:
    """A list under its heading; nothing if the list is empty."""
    shown = [Text.assemble("• ", line) for line in lines]
    return titled(title, Text("\n").join(shown)) if shown else []


class _Trimmed:
    """Removes the blanks at the end of lines, with which tables are filled. Nobody wants them in a file."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        self._out.flush()

    def isatty(self) -> bool:
        return False
