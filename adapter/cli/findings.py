"""What ``adapter check`` finds: one line each, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from rich.text import Text


class Mark(StrEnum):
    FINE = "fine"
    NOTE = "note"
    """Worth knowing; nothing has to be mended."""
    FAULT = "fault"


_SIGNS = {Mark.FINE: ("✓", "green"), Mark.NOTE: ("•", "yellow"), Mark.FAULT: ("✗", "bold red")}
_WIDTH = 34


@dataclass(frozen=True, slots=True)
class Finding:
    """``subject`` is what was looked at, ``told`` what was found, ``do`` what to do about it."""

    mark: Mark
    subject: str
    told: str
    do: str = ""

    def line(self) -> Text:
        """For a person."""
        sign, style = _SIGNS[self.mark]
        line = Text.assemble((sign, style), " ", f"{self.subject:<{_WIDTH}} ", self.told)
        if self.do:
            line.append(f"\n    → {self.do}", style="bold" if self.mark is Mark.FAULT else "dim")
        return line


def fine(subject: str, told: str) -> Finding:
    return Finding(Mark.FINE, subject, told)


def note(subject: str, told: str, do: str = "") -> Finding:
    return Finding(Mark.NOTE, subject, told, do)


def fault(subject: str, told: str, do: str) -> Finding:
    return Finding(Mark.FAULT, subject, told, do)
