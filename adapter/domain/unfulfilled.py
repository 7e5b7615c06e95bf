"""Decisions that aren't executed, or whose supervision is interrupted, and for how long: what a municipality has to
watch after 60 days and report to IVO after three months."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from adapter.domain.calendar import is_working_day, months_after
from adapter.domain.ledger import ActKind, ScheduleRecord, ScheduleStatus
from adapter.domain.policy import Policy
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import local_date

WARN_AFTER = timedelta(days=60)
REPORT_AFTER_MONTHS = 3


class Kind(StrEnum):
    NOT_EXECUTED = "not_executed"
    INTERRUPTED = "interrupted"


class Level(StrEnum):
    WARNING = "warning"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Unfulfilled:
    """Supervision is granted and doesn't run. ``since`` (local): the order, the first day that is granted, or the
    pause, whichever came last. ``why`` are codes of the text table's section ``waiting``."""

    kind: Kind
    since: date
    order: str | None
    why: tuple[str, ...]

    def level(self, today: date) -> Level | None:
        """None while it is younger than 60 days; three months are those of the calendar."""
        if today >= months_after(self.since, REPORT_AFTER_MONTHS):
            return Level.REPORT
        return Level.WARNING if today >= self.since + WARN_AFTER else None


def unfulfilled(s: Situation, waiting: tuple[str, ...]) -> Unfulfilled | None:
    """None where supervision runs, where none is granted today, and where the person has died. A person who is away is
    without what was granted, too. ``waiting``: why nobody looks."""
    granted = s.mandate.in_force(s.today) or s.mandate.faults
    if s.mandate.over or not s.mandate.run or not granted or s.facts.client.value.deceased:
        return None
    live, first = s.live, s.mandate.run[0]
    if live is not None and (live.status is ScheduleStatus.OPEN or live.valid_from > s.today):
        return None
    since, kind = max(first.first, first.ordered), Kind.NOT_EXECUTED
    stopped = _stopped_on(s, s.ledger.schedule) if s.ledger.schedule else None
    if stopped is not None and stopped >= since:
        since, kind = stopped, Kind.INTERRUPTED
    if since > s.today:
        return None
    why = waiting or ("not_resumed" if live else "not_scheduled",)
    return Unfulfilled(kind, since, s.period.order_id if s.period else None, why)


def _stopped_on(s: Situation, record: ScheduleRecord) -> date:
    """The day since when the schedule has been paused or ended, by us; else the last on which it can have run."""
    stopped = None
    for act in s.ledger.counting(ActKind.PAUSE, ActKind.RESUME, ActKind.END):
        if act.what.get("n") == record.n:
            stopped = None if act.kind is ActKind.RESUME else stopped or act
    if stopped is not None:
        return local_date(stopped.done_at or stopped.created_at, s.policy.zone)
    seen = local_date(record.seen_at, s.policy.zone)
    return min(record.valid_to or seen, seen)


def report_month(today: date, policy: Policy) -> str | None:
    """The month (``2026-11``) whose report is due: from its first working day on; None before that."""
    first = today.replace(day=1)
    while not is_working_day(first, policy):
        first += timedelta(days=1)
    return f"{today:%Y-%m}" if today >= first else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A case on the list, with the provider's ``unit`` that has it, and how long (days) it has waited."""

    case: str
    unit: int | None
    item: Unfulfilled
    level: Level
    days: int


def listed(found: Iterable[tuple[str, int | None, Unfulfilled | None]], today: date) -> tuple[Listed, ...]:
    """What is on the list on a day, of open cases by reference, each with its unit: the longest waiting first."""
    rows = [
        Listed(case, unit, item, level, (today - item.since).days)
        for case, unit, item in found
        if item is not None and (level := item.level(today)) is not None
    ]
    return tuple(sorted(rows, key=lambda row: (row.item.since, row.case)))
