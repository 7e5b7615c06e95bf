"""Decisions that aren't executed or whose supervision is interrupted, and for how long. A municipality must watch them
after 60 days, and report them to IVO after three months."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from adapter.domain.calendar import months_after, working_days_after
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
    """Supervision is granted and doesn't run. ``since`` (local) is the latest of: the order, the first granted day, the
    pause. ``why``: codes of the text table's section ``waiting``."""

    kind: Kind
    since: date
    order: str | None
    why: tuple[str, ...]

    def level(self, today: date) -> Level | None:
        """None until 60 days have passed. Three months are calendar months."""
        if today >= months_after(self.since, REPORT_AFTER_MONTHS):
            return Level.REPORT
        return Level.WARNING if today >= self.since + WARN_AFTER else None


def unfulfilled(s: Situation, waiting: tuple[str, ...]) -> Unfulfilled | None:
    """None if supervision runs, if none is granted today, and after a death. A person who is away counts as well.
    ``waiting``: why nobody looks."""
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
    """The day on which we paused or ended the schedule, else the last day on which it can have run."""
    stopped = None
    for act in s.ledger.counting(ActKind.PAUSE, ActKind.RESUME, ActKind.END):
        if act.what.get("n") == record.n:
            stopped = None if act.kind is ActKind.RESUME else stopped or act
    if stopped is not None:
        return local_date(stopped.done_at or stopped.created_at, s.policy.zone)
    seen = local_date(record.seen_at, s.policy.zone)
    return min(record.valid_to or seen, seen)


def report_month(today: date, policy: Policy) -> str | None:
    """The month (``2026-11``) whose report is due, from the month's first working day on. Before that None."""
    first = working_days_after(today.replace(day=1) - timedelta(days=1), 1, policy)
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
    """The list of open cases on a day, each with its unit, the longest waiting first."""
    rows = [
        Listed(case, unit, item, level, (today - item.since).days)
        for case, unit, item in found
        if item is not None and (level := item.level(today)) is not None
    ]
    return tuple(sorted(rows, key=lambda row: (row.item.since, row.case)))
