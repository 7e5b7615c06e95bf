"""What a note's text would mean, tried by a person: read, checked and told, with nothing stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from adapter.domain.nights import Granted, NightTimes, NightWindow, TimesProblem, Weekday, check_granted
from adapter.domain.times_reading import names, read_times


@dataclass(frozen=True, slots=True)
class Trial:
    """The nights that the text gives, or the ``problem`` for which it would be told back. ``kept`` are the nights that
    stay as they are; ``start`` is the day from which it holds, None from now on."""

    times: NightTimes | None = None
    problem: TimesProblem | None = None
    kept: frozenset[Weekday] = frozenset()
    start: date | None = None


def try_times(text: str, window: NightWindow, today: date, *, changed: bool, granted: int | None) -> Trial:
    """Read a text as if a note of ``today`` had it, under *times changed* or *times agreed*. Which times hold already
    isn't known here: a change must say what becomes of every night."""
    reading = read_times(text, window, today)
    if isinstance(reading, TimesProblem):
        return Trial(problem=reading)
    unsaid = frozenset(Weekday) - reading.named - reading.kept
    if changed and unsaid:
        return Trial(problem=TimesProblem("nights_left_out", {"nights": names(unsaid)}))
    if reading.kept and not changed:
        return Trial(problem=TimesProblem("nothing_kept"))
    if problem := check_granted(reading.times, Granted(granted)):
        return Trial(problem=problem)
    return Trial(reading.times, None, reading.kept, reading.start)
