"""Night times: which times belong to which night, what was granted, and on which calendar weekdays they fall.

A *night* is named by the evening on which it begins: 02:15 of Monday's night is early on Tuesday. Times are wall-clock.
How a note's text becomes times is in ``times_reading``, which instants they are is in ``wall_clock``. See
``docs/nights.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import IntEnum
from typing import Self

MAX_TIMES_PER_DAY = 12
"""What Phoniro takes on one calendar weekday (``Rule.times.maxItems``)."""

_NOON = time(12)
_SWEDISH = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")


class Weekday(IntEnum):
    """A day of the week, numbered as ``date.weekday()``; for a night, that of the evening on which it begins."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6

    @property
    def code(self) -> str:
        """``mon`` to ``sun``."""
        return self.name.lower()

    @property
    def swedish(self) -> str:
        """The day's Swedish name, lower case."""
        return _SWEDISH[self]

    def plus(self, days: int) -> Weekday:
        """The weekday that many days later (earlier when negative)."""
        return Weekday((self + days) % 7)


def _minutes(t: time) -> int:
    return t.hour * 60 + t.minute


def _order(t: time) -> int:
    """Minutes since noon: the order of times within a night, whatever its window."""
    return (_minutes(t) - 720) % 1440


@dataclass(frozen=True, slots=True)
class NightWindow:
    """From when (afternoon or evening) up to, not including, when (at noon at the latest) a night lasts.

    Raises ``ValueError`` when the window does not run from one side of midnight towards the other.
    """

    start: time = time(21)
    end: time = time(7)

    def __post_init__(self) -> None:
        if self.start < _NOON or self.end > _NOON or self.start.tzinfo or self.end.tzinfo:
            raise ValueError(
                f"a night window begins at noon or later and ends at noon or earlier, as 21:00 to 07:00 does; "
                f"got {self.start} to {self.end}"
            )

    def contains(self, t: time) -> bool:
        """Whether the wall-clock time lies in the window."""
        return t >= self.start or t < self.end

    def day_offset(self, t: time) -> int:
        """0 for a time on the night's evening, 1 for one on the morning after.

        The line is drawn at noon, so that times agreed under an earlier, wider window keep their day.
        """
        return 0 if t >= _NOON else 1


@dataclass(frozen=True, slots=True)
class NightTimes:
    """The agreed times, in seven entries: one per night, Monday's first; a night without looks is empty.

    Each entry runs from evening to morning, in whole minutes, without repeats (``ValueError`` otherwise).
    """

    nights: tuple[tuple[time, ...], ...]

    def __post_init__(self) -> None:
        if len(self.nights) != 7:
            raise ValueError(f"night times have seven nights, not {len(self.nights)}")
        checked: set[tuple[time, ...]] = set()
        for day, times in zip(Weekday, self.nights, strict=True):
            if times in checked:  # most nights are alike
                continue
            checked.add(times)
            if any(t.second or t.microsecond or t.tzinfo for t in times):
                raise ValueError(f"night times of {day.code} must be whole minutes without a zone")
            keys = [_order(t) for t in times]
            if keys != sorted(set(keys)):
                raise ValueError(f"night times of {day.code} must run from evening to morning without repeats")

    @classmethod
    def of(cls, nights: Mapping[Weekday, Iterable[time]]) -> Self:
        """Build from any mapping of nights, sorting each night's times."""
        return cls(tuple(tuple(sorted(nights.get(day, ()), key=_order)) for day in Weekday))

    def per_night(self) -> tuple[int, ...]:
        """How many looks each night has, Monday's first."""
        return tuple(len(times) for times in self.nights)

    @property
    def max_per_night(self) -> int:
        """The most looks that any night has."""
        return max(self.per_night())

    @property
    def is_same_every_night(self) -> bool:
        """Whether all seven nights have the same times."""
        return len(set(self.nights)) == 1

    def groups(self) -> tuple[tuple[tuple[Weekday, ...], tuple[time, ...]], ...]:
        """Nights with the same times together, by their first night. Nights without looks are left out."""
        return _grouped(dict(zip(Weekday, self.nights, strict=True)))

    def to_json(self) -> dict[str, list[str]]:
        """``{"mon": ["22:30", "02:15"]}``; nights without looks are left out."""
        return {d.code: [f"{t:%H:%M}" for t in ts] for d, ts in zip(Weekday, self.nights, strict=True) if ts}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The inverse of ``to_json``; raises ``ValueError`` for anything else."""
        if not isinstance(value, Mapping):
            raise ValueError("night times are a JSON object of weekday codes")
        if unknown := set(value) - {day.code for day in Weekday}:
            raise ValueError(f"night times have {len(unknown)} key(s) that are no weekday code (mon to sun)")
        nights: list[tuple[time, ...]] = []
        for day in Weekday:
            times = value.get(day.code, [])
            if not isinstance(times, list) or not all(isinstance(t, str) for t in times):
                raise ValueError(f"night times of {day.code} must be a list of texts like 22:30")
            nights.append(tuple(time.fromisoformat(t) for t in times))
        return cls(tuple(nights))

    def to_text(self) -> str:
        """``to_json`` as one text, as the content of an act has it."""
        return json.dumps(self.to_json())

    @classmethod
    def from_text(cls, text: object) -> Self:
        """The inverse of ``to_text``; raises ``ValueError`` for anything else."""
        return cls.from_json(json.loads(str(text)))


def _grouped(days: Mapping[Weekday, tuple[time, ...]]) -> tuple[tuple[tuple[Weekday, ...], tuple[time, ...]], ...]:
    by_times: dict[tuple[time, ...], list[Weekday]] = {}
    for day in Weekday:
        if times := days[day]:
            by_times.setdefault(times, []).append(day)
    return tuple((tuple(members), times) for times, members in by_times.items())


@dataclass(frozen=True, slots=True)
class TimesProblem:
    """Why times can't be used. ``code`` names a sentence of the text table's section ``times``, ``params`` are its
    parameters, and perhaps more. They never hold free text of the note (P8)."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """What was granted (LA6): looks per night, and which nights. None: it can't be checked, and holds up nothing."""

    per_night: int | None = None
    nights: frozenset[Weekday] | None = None


def check_granted(times: NightTimes, granted: Granted) -> TimesProblem | None:
    """Refuse looks in a night that wasn't granted, or more looks in a night than were granted. Fewer are allowed."""
    counts = dict(zip(Weekday, times.per_night(), strict=True))
    if granted.nights is not None:
        extra = [d for d, n in counts.items() if n and d not in granted.nights]
        if extra:
            return TimesProblem("night_not_granted", {"nights": names(extra)})
    if granted.per_night is not None:
        over = [d for d, n in counts.items() if n > granted.per_night]
        if over:
            found = str(max(counts[d] for d in over))
            return TimesProblem(
                "more_than_granted", {"nights": names(over), "found": found, "granted": str(granted.per_night)}
            )
    return None


def names(nights: Iterable[Weekday]) -> str:
    """The nights' names, Monday's first."""
    found = [day.swedish for day in sorted(nights)]
    return ", ".join(found) if len(found) < len(Weekday) else "alla nätter"


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """Wall-clock times (from 00:00 on) on calendar weekdays, as Phoniro has them."""

    weekdays: tuple[Weekday, ...]
    times: tuple[time, ...]


def calendar_rules(times: NightTimes, window: NightWindow) -> tuple[CalendarRule, ...]:
    """The same looks by calendar weekday, Monday first. Each is in one rule, and equal days are together."""
    return tuple(CalendarRule(days, at) for days, at in _grouped(calendar_days(times, window)))


def calendar_days(times: NightTimes, window: NightWindow) -> dict[Weekday, tuple[time, ...]]:
    """The looks of each calendar weekday, from 00:00 on; every weekday is there."""
    days: dict[Weekday, list[time]] = {day: [] for day in Weekday}
    for night, at in zip(Weekday, times.nights, strict=True):
        for t in at:
            days[night.plus(window.day_offset(t))].append(t)
    return {day: tuple(sorted(at)) for day, at in days.items()}


def night_times_from_rules(rules: Iterable[CalendarRule], window: NightWindow) -> NightTimes:
    """The inverse of ``calendar_rules``, for any grouping; raises ``ValueError`` when a weekday has a time twice."""
    nights: dict[Weekday, list[time]] = {day: [] for day in Weekday}
    for rule in rules:
        for day in rule.weekdays:
            for t in rule.times:
                nights[day.plus(-window.day_offset(t))].append(t)
    return NightTimes.of(nights)
