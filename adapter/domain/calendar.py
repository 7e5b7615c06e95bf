"""Working days and quiet hours: when a step is late, and when a message may go out. Local time; instants are UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from adapter.domain.looks import at_wall_clock, day_start, local_date
from adapter.domain.policy import Lateness, Policy


def is_working_day(day: date, policy: Policy) -> bool:
    return day.weekday() < 5 and day not in policy.holidays


def working_days_after(day: date, count: int, policy: Policy) -> date:
    """The day ``count`` working days after ``day`` (which itself doesn't count)."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, policy)
    return day


def late_level(since: datetime, now: datetime, patience: Lateness, policy: Policy) -> tuple[int, datetime]:
    """How late a step is that has been awaited since ``since``, and when (UTC) that rises next.

    0 in time, 1 reminded, 2 reminded again, 3 escalated; from then on one more for each ``escalate`` working days, so
    that nothing waits in silence for ever.
    """
    start = local_date(since, policy.zone)
    level = 0
    for days in (patience.remind, patience.again, patience.escalate):
        due = day_start(working_days_after(start, days, policy), policy.zone)
        if now < due:
            return level, due
        level += 1
    last = working_days_after(start, patience.escalate, policy)
    while True:
        last = working_days_after(last, max(patience.escalate, 1), policy)
        due = day_start(last, policy.zone)
        if now < due:
            return level, due
        level += 1


def after_quiet_hours(now: datetime, policy: Policy) -> datetime | None:
    """When (UTC) a message may go out that is wanted now; None if at once."""
    if policy.quiet is None:
        return None
    start, end = policy.quiet
    local = now.astimezone(policy.zone)
    at, day = local.time().replace(tzinfo=None), local.date()
    over_midnight = end <= start
    quiet = (at >= start or at < end) if over_midnight else start <= at < end
    if not quiet:
        return None
    ends_on = day + timedelta(days=1) if over_midnight and at >= start else day
    return at_wall_clock(ends_on, end, policy.zone).astimezone(UTC)
