"""The corpus of texts about times, and the form in which it writes a reading."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from adapter.domain.nights import NightWindow, TimesProblem, Weekday
from adapter.domain.times_reading import try_times
from mappings.rtf import visible_text

WRITTEN = date(2026, 11, 29)
WINDOW = NightWindow()


@dataclass(frozen=True, slots=True)
class Case:
    """A text in the corpus, the heading above it, and the expected reading."""

    text: str
    changed: bool
    granted: int | None
    wanted: str

    @property
    def note(self) -> str:
        """The text itself, with its special signs and line ends."""
        text = self.text.replace("⏎", "\n").replace("⇥", "\t").replace("⟨tom⟩", "")
        return re.sub("⟨U[+]([0-9A-F]{4})⟩", lambda m: chr(int(m[1], 16)), text)


def corpus() -> list[Case]:
    """Every text of ``corpus.txt``."""
    lines = (Path(__file__).parent / "corpus.txt").read_text(encoding="utf-8").split("\n")
    found: list[Case] = []
    changed, granted, text = False, None, ""
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("["):
            changed = line.startswith("[changed")
            number = re.search("granted ([0-9]+)", line)
            granted = int(number[1]) if number else None
        elif line.startswith("    "):
            found.append(Case(text, changed, granted, line.strip()))
        else:
            text = line
    return found


def reading(note: str, *, changed: bool = False, granted: int | None = None) -> str:
    """A reading in the corpus's form."""
    trial = try_times(visible_text(note), WINDOW, WRITTEN, changed=changed, granted=granted)
    if isinstance(trial, TimesProblem):
        return f"! {trial.code}"
    parts = [f"från {trial.start}"] if trial.start else []
    for nights, at in trial.times.groups():
        parts.append(f"{_names(nights)} {' '.join(f'{t:%H:%M}' for t in at)}")
    if trial.kept:
        parts.append(f"som förut {_names(tuple(sorted(trial.kept)))}")
    return "; ".join(parts)


def _names(nights: tuple[Weekday, ...]) -> str:
    return "alla" if len(nights) == 7 else " ".join(day.swedish[:3] for day in nights)
