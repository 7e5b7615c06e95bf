"""What the demo says while it plays: one line per thing that somebody did."""

from __future__ import annotations

import time

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from adapter.demo.cast import Person

_ROLE_WIDTH = 22


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
        line = Text.assemble(
            (f"{self.seconds:5.1f} s  ", "dim"),
            (f"{person.first_name:<9}", person.colour),
            (f"{step:<4}", "bold"),
            (f"{'→ ' if adapter else '  '}{who:<{_ROLE_WIDTH}}", "bold green" if adapter else "dim"),
            (what, style or ("bold" if adapter else "")),
            no_wrap=False,
        )
        self.console.print(line)
