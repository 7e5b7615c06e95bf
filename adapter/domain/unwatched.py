"""Who is granted supervision but without it now: why, since when, and who can mend it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from adapter.domain.already_told import COORDINATOR
from adapter.domain.calendar import working_days_after
from adapter.domain.decision import Unwatched
from adapter.domain.ledger import ActState, ScheduleStatus
from adapter.domain.pauses import PAUSES, told_causes
from adapter.domain.policy import Lateness
from adapter.domain.routine import Role
from adapter.domain.schedule import NOT_BEGUN, absence_bounds, away, missing_gates, pause_causes, standing_absences
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import day_start, local_date

NOT_RUNNING = ("not_started", "not_scheduled", "not_resumed", "absence_open")
"""Reasons why nobody looks, beside the causes of a pause."""


def unwatched(s: Situation) -> Unwatched | None:
    """None if somebody looks, if nobody has to (a planned absence, a death, an end), and before the first day."""
    why = _why(s)
    return replace(why, runs=s.live is not None and s.live.runs_on(s.today)) if why else None


def _why(s: Situation) -> Unwatched | None:
    if s.mandate.over or s.facts.client.value.deceased:
        return None
    told = told_causes(s)
    causes = told if s.live else tuple(c for c in told if c not in NOT_BEGUN and s.mandate.in_force(s.today))
    if causes:
        waits = next((each for each in awaited_pauses(s) if each.cause == causes[0]), None)
        return waits or Unwatched(causes[0], _since(s, causes[0]))
    since, unasked = away_since(s), timedelta(days=s.policy.open_absence_days)
    if since is not None and s.now >= since + unasked:
        return Unwatched("absence_open", since, Role.COORDINATOR)
    if set(pause_causes(s)) - (NOT_BEGUN if s.live is None else set()):
        return None
    if s.live is not None:
        return Unwatched("not_resumed") if s.live.status is ScheduleStatus.PAUSED else None
    period = s.mandate.in_force(s.today)
    if period is None:
        return None
    return Unwatched("not_started" if missing_gates(s) else "not_scheduled", day_start(period.first, s.policy.zone))


def awaited_pauses(s: Situation) -> tuple[Unwatched, ...]:
    """The pauses that somebody must mend. How late they are counts from when they were told."""
    found = []
    for cause in told_causes(s):
        mends, since = PAUSES[cause].mends, _since(s, cause)
        if mends is None or since is None:
            continue
        found.append(Unwatched(cause, since, mends, lateness(s, cause, since)[0]))
    return tuple(found)


def lateness(s: Situation, name: str, since: datetime, patience: Lateness | None = None) -> tuple[int, datetime | None]:
    """How late a step or cause is that has been awaited since then, and when (UTC) the next level is reached.
    ``patience`` replaces the municipality's. Without any, nothing is late.

    Each level needs a reminder of the one before to have been really sent, and keeps the patience's distance from it.
    So no manager hears of something that nobody was reminded of.
    """
    wait, zone = patience or s.policy.late.get(name), s.policy.zone
    if wait is None:
        return 0, None
    head = f"late:{name}:{local_date(since, zone).isoformat()}:"
    mails = [a.done_at for a in s.ledger.acts if a.key.startswith(head) and a.state is ActState.DONE and a.done_at]
    sent = [local_date(at, zone) for at in mails]
    every = (0, wait.remind, wait.again, wait.escalate)

    def days(level: int) -> int:
        return every[min(level, 3)] + max(level - 3, 0) * max(wait.escalate, 1)

    def due(level: int, before: date | None) -> datetime:
        day = working_days_after(local_date(since, zone), days(level), s.policy)
        if before is not None:
            day = max(day, working_days_after(before, days(level) - days(level - 1), s.policy))
        return day_start(day, zone)

    level = len(sent)
    at = due(level + 1, sent[-1] if sent else None)
    return (level, at) if s.now < at else (level + 1, due(level + 2, s.today))


def away_since(s: Situation) -> datetime | None:
    """Since when (UTC) the person has been away from supervision that is called for, if nobody has said until when."""
    if s.live is None or s.mandate.over or told_causes(s):
        return None
    open_ones = [a for a in standing_absences(s.facts) if a.last_day is None and not a.gone]
    return min((absence_bounds(a, s.policy)[0] for a in open_ones if away(a, s.now, s.policy)), default=None)


def _since(s: Situation, cause: str) -> datetime | None:
    """Since it was told by its newest letter. Before the start: by mail."""
    told, pause = s.told, PAUSES[cause]
    to = next((r for r in pause.readers if pause.mends and r == pause.mends.value), COORDINATOR)
    last = told.topic(f"pause:{cause}:{to}") or next((a for a in told.acts if a.key == f"parked:{cause}"), None)
    return (last.done_at or last.created_at) if last and last.what.get("letter") != pause.gone else None
