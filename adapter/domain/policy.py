"""What a municipality decides for itself, handed to ``decide`` as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta, tzinfo

from adapter.domain.nights import NightWindow


@dataclass(frozen=True, slots=True)
class Lateness:
    """Working days after which a step that is awaited is reminded of, reminded of again, and escalated."""

    remind: int
    again: int
    escalate: int


@dataclass(frozen=True, slots=True)
class Policy:
    """``zone`` is the municipality's. ``late`` maps a step's id to its patience; a step that isn't there is never late.
    ``quiet`` is the local interval in which no message or reminder goes out (never a pause or an end).
    ``holidays`` are days that aren't working days beside Saturdays and Sundays."""

    zone: tzinfo
    window: NightWindow = field(default_factory=NightWindow)
    deviation_grace: timedelta = timedelta(hours=2)
    renewal_gap_days: int = 14
    last_day_is_home: bool = True
    late: Mapping[str, Lateness] = field(default_factory=dict)
    quiet: tuple[time, time] | None = None
    holidays: frozenset[date] = frozenset()
