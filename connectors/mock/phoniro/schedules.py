"""A schedule, as the row of its versions: what it says now, what it said then, and whether anyone could look.

A call writes a version, which is in force until the next one. What happens by itself in between (the first day comes, a
pause runs out, a planned end is reached) is calculated from the version and the instant, so nothing has to run.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any, get_args
from zoneinfo import ZoneInfo

from connectors.mock.phoniro.schemas import NewSchedule, Rule, Status, Weekday, instant

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@dataclass(frozen=True, slots=True)
class Version:
    """What a schedule says from ``at`` (UTC) on. ``act`` is what wrote it: created, changed, paused ..."""

    number: int
    at: datetime
    act: str
    time_zone: str
    valid_from: date
    valid_to: date | None
    rules: tuple[Rule, ...]
    tolerance_minutes: int = 30
    retry_after_minutes: int = 15
    camera_id: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    paused: bool = False
    paused_until: datetime | None = None
    pause_reason: str | None = None

    def ended(self, at: datetime) -> bool:
        """Whether it has ended for good at that instant."""
        return self.ended_at is not None and self.ended_at <= at

    def pausing(self, at: datetime) -> bool:
        """Whether it is paused at that instant; a pause whose ``until`` has come is over by itself."""
        return self.paused and (self.paused_until is None or at < self.paused_until)

    def status(self, at: datetime) -> Status:
        """What the vendor calls it. After the last day it still says ``active``, though nobody can look."""
        if self.ended(at):
            return "ended"
        if self.pausing(at):
            return "paused"
        return "planned" if self.local_date(at) < self.valid_from else "active"

    def can_look(self, at: datetime) -> bool:
        """Whether anyone can look at that instant: on a day from the first to the last, not paused, not ended."""
        if self.ended(at) or self.pausing(at):
            return False
        day = self.local_date(at)
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def local_date(self, at: datetime) -> date:
        """The calendar date in the schedule's own zone."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def looks(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The looks due in [start, end), in order, as instants in UTC.

        A wall-clock time that does not exist on its date is moved on by the missing hour, one that comes twice
        counts the first time, and two looks never fall on the same instant.
        """
        if start >= end:
            return
        last = self.local_date(end)
        if self.valid_to is not None:
            last = min(last, self.valid_to)
        day = max(self.local_date(start), self.valid_from)
        while day <= last:
            for due in sorted({self._instant(day, clock) for clock in self._times(day)}):
                if start <= due < end and self.can_look(due):
                    yield due
            day += timedelta(days=1)

    def _times(self, day: date) -> tuple[str, ...]:
        weekday = WEEKDAYS[day.weekday()]
        return next((rule.times for rule in self.rules if weekday in rule.weekdays), ())

    def _instant(self, day: date, clock: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(self.time_zone)).astimezone(UTC)


@dataclass(slots=True)
class Schedule:
    """A schedule and all its versions, oldest first. ``sequence`` is its place in lists."""

    id: str
    sequence: int
    new: NewSchedule
    versions: list[Version] = field(default_factory=list)

    @property
    def now(self) -> Version:
        """The newest version."""
        return self.versions[-1]

    def version_at(self, at: datetime) -> Version | None:
        """The version that stood at that instant; None before the schedule was created."""
        if self.versions[-1].at <= at:
            return self.versions[-1]
        place = bisect_right(self.versions, at, key=attrgetter("at"))
        return self.versions[place - 1] if place else None

    def could_look(self, at: datetime) -> bool:
        """Whether anyone could look at that instant, as things stood then."""
        version = self.version_at(at)
        return version is not None and version.can_look(at)

    def looks(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The looks due in [start, end), each by the version that stood at its instant."""
        for place, version in enumerate(self.versions):
            follows = self.versions[place + 1].at if place + 1 < len(self.versions) else end
            yield from version.looks(max(start, version.at), min(end, follows))

    def as_json(self, version: Version, at: datetime) -> dict[str, Any]:
        """The schedule as that version has it, with its status at that instant."""
        status = version.status(at)
        return {
            **self.new.json_dict(),
            "id": self.id,
            "status": status,
            "validFrom": version.valid_from.isoformat(),
            "validTo": version.valid_to.isoformat() if version.valid_to else None,
            "rules": [rule.json_dict() for rule in version.rules],
            "toleranceMinutes": version.tolerance_minutes,
            "retryAfterMinutes": version.retry_after_minutes,
            "cameraId": version.camera_id,
            "endedAt": instant(version.ended_at) if version.ended_at else None,
            "pausedUntil": instant(version.paused_until) if version.paused_until and status == "paused" else None,
            "createdAt": instant(self.versions[0].at),
            "updatedAt": instant(version.at),
        }
