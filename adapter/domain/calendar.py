"""Working days and quiet hours. Local time; instants are UTC."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from adapter.domain.policy import Policy
from adapter.domain.wall_clock import at_wall_clock


def is_working_day(day: date, policy: Policy) -> bool:
    return day.weekday() < 5 and day not in policy.holidays


def working_days_after(day: date, count: int, policy: Policy) -> date:
    """The day ``count`` working days after ``day`` (which itself doesn't count)."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, policy)
    return day


def months_after(day: date, months: int) -> date:
    """The same day of the month so many months later, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def working_day_before(day: date, policy: Policy) -> date:
    day -= timedelta(days=1)
    while not is_working_day(day, policy):
        day -= timedelta(days=1)
    return day


def after_quiet_hours(now: datetime, policy: Policy) -> datetime | None:
    """When (UTC) a message that is wanted now may go out. None: at once."""
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
