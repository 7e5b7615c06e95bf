"""What the demo says while it plays: one line per thing that somebody did."""

from __future__ import annotations

import time

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from adapter.demo.cast import Person

_WIDTHS = (7, 8, 3, 22)
"""Of time, person, step and role; what was done has the rest, and is indented where it needs a second line."""


class Timeline:
    """Lines with the seconds since the start, whose life it is, the routine's step, who did it, and what."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def chapter(self, title: str) -> None:
        self.console.print()
        self.console.print(Rule(Text(title, style="bold"), align="left", style="dim"))

    def say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style))

    def line(self, person: Person, step: str, who: str, what: str, *, adapter: bool = False, style: str = "") -> None:
        """``adapter``: the adapter did it, which is what the demo is about."""
        row = Table.grid(padding=(0, 1, 0, 0))
        for width in _WIDTHS:
            row.add_column(width=width, no_wrap=True)
        row.add_column()
        row.add_row(
            Text(f"{self.seconds:5.1f} s", style="dim"),
            Text(person.first_name, style=person.colour),
            Text(step, style="bold"),
            Text(f"{'→ ' if adapter else '  '}{who}", style="bold green" if adapter else "dim"),
            Text(what, style=style or ("bold" if adapter else "")),
        )
        self.console.print(row)
