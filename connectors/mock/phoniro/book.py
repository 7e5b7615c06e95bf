"""All schedules of the simulated Phoniro, with the indexes that keep a hundred thousand of them fast."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.mock.phoniro.schedule import Schedule, Status, Version
from connectors.mock.phoniro.schemas import NewSchedule


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of schedules is narrowed by; None is no narrowing. ``updated_since`` is an instant, included."""

    reference: str | None = None
    customer: str | None = None
    status: Status | None = None
    updated_since: datetime | None = None


@dataclass(slots=True)
class Book:
    """Schedules in the order of their creation; nothing is ever taken out."""

    all: list[Schedule] = field(default_factory=list)
    by_id: dict[str, Schedule] = field(default_factory=dict)
    by_reference: dict[str, Schedule] = field(default_factory=dict)
    revision: int = 0
    _of_customer: dict[str, list[int]] = field(default_factory=dict)
    _updates: list[tuple[datetime, int]] = field(default_factory=list)
    _not_ended: list[int] = field(default_factory=list)
    _ever_paused: set[int] = field(default_factory=set)
    _ever_ended: set[int] = field(default_factory=set)

    def create(self, schedule_id: str, new: NewSchedule, at: datetime, act: str) -> Schedule:
        """Write the first version of a schedule. Raises KeyError where its reference is taken."""
        if new.external_reference in self.by_reference:
            raise KeyError(new.external_reference)
        first = Version(1, at, act, new.time_zone, new.valid_from, new.valid_to, new.rules, new.camera_id)
        schedule = Schedule(schedule_id, len(self.all), new)
        self.all.append(schedule)
        self.by_id[schedule_id] = schedule
        self.by_reference[new.external_reference] = schedule
        self._of_customer.setdefault(new.customer_external_id, []).append(schedule.sequence)
        self._not_ended.append(schedule.sequence)
        self.write(schedule, first)
        return schedule

    def write(self, schedule: Schedule, version: Version) -> None:
        """Add a version to a schedule."""
        schedule.versions.append(version)
        insort(self._updates, (version.at, schedule.sequence))
        if version.paused:
            self._ever_paused.add(schedule.sequence)
        if version.ended_at is not None:
            self._ever_ended.add(schedule.sequence)
        self.revision += 1

    def page(
        self, filters: Filters, after: int, limit: int, *, seen_at: datetime, now: datetime
    ) -> tuple[list[tuple[Schedule, Version]], int | None]:
        """One page of the list as an index that last caught up at ``seen_at`` has it, with statuses of ``now``.

        ``after`` is the last sequence of the page before (-1 to begin); the second value is the ``after`` of the next
        page, None at the end.
        """
        found: list[tuple[Schedule, Version]] = []
        ended: list[int] = []
        following: int | None = None
        for sequence in self._candidates(filters, after):
            schedule = self.all[sequence]
            version = schedule.version_at(seen_at)
            if version is None:
                continue
            if not _fits(filters, schedule, version, now):
                if version.ended(now) and schedule.now.ended(now):
                    ended.append(sequence)
                continue
            if len(found) == limit:
                following = found[-1][0].sequence
                break
            found.append((schedule, version))
        if filters.status not in (None, "ended"):
            self._forget(ended)
        return found, following

    def _candidates(self, filters: Filters, after: int) -> Iterable[int]:
        sequences: Sequence[int] = range(len(self.all))
        if filters.reference is not None:
            schedule = self.by_reference.get(filters.reference)
            sequences = [schedule.sequence] if schedule else []
        elif filters.customer is not None:
            sequences = self._of_customer.get(filters.customer, [])
        elif filters.updated_since is not None:
            place = bisect_left(self._updates, (filters.updated_since, -1))
            sequences = sorted({sequence for _, sequence in self._updates[place:]})
        elif filters.status is not None:
            sequences = self._of_status(filters.status)
        return (sequences[place] for place in range(bisect_right(sequences, after), len(sequences)))

    def _of_status(self, status: Status) -> Sequence[int]:
        """Who may have that status: a few too many, none too few."""
        if status in ("paused", "ended"):
            return sorted(self._ever_paused if status == "paused" else self._ever_ended)
        return self._not_ended

    def _forget(self, ended: list[int]) -> None:
        """Ended is for good: who is seen to have ended is never again a candidate for another status."""
        if ended:
            gone = set(ended)
            self._not_ended = [sequence for sequence in self._not_ended if sequence not in gone]


def _fits(filters: Filters, schedule: Schedule, version: Version, now: datetime) -> bool:
    return (
        (filters.reference is None or filters.reference == schedule.new.external_reference)
        and (filters.customer is None or filters.customer == schedule.new.customer_external_id)
        and (filters.updated_since is None or version.at >= filters.updated_since)
        and (filters.status is None or filters.status == version.status(now))
    )
