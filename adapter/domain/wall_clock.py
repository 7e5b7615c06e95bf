"""Days, nights and looks as instants. No other module converts between wall clocks and instants.

Wall-clock values (``time``, ``date``) are local to the ``zone`` given; instants are aware UTC ``datetime``. Nothing
here reads a clock. The two Sundays of the clock change are in the table of ``docs/nights.md``.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from adapter.domain.nights import NightTimes, NightWindow, Weekday, calendar_days

_SECOND = timedelta(seconds=1)
_FIRST, _LAST = date(1900, 1, 1), date(9000, 1, 1)
"""Between these every date has its instants. What lies outside counts as never."""


def local_date(instant: datetime, zone: tzinfo) -> date:
    """The calendar date in ``zone`` at that instant."""
    return instant.astimezone(zone).date()


def at_wall_clock(day: date, t: time, zone: tzinfo) -> datetime:
    """The instant (aware UTC) of a wall-clock time. If it comes twice: the first. If it is skipped: the end of the
    gap."""
    wall = datetime.combine(_within(day), t.replace(fold=0), tzinfo=zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    before = wall.replace(fold=1).astimezone(UTC)
    after = instant
    summer = after.astimezone(zone).utcoffset()
    # In a gap the two readings lie on each side of the change: search between them.
    while after - before > _SECOND:
        middle = before + _SECOND * ((after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == summer:
            after = middle
        else:
            before = middle
    return after


def local_minute(instant: datetime, zone: tzinfo) -> str:
    """``2026-03-02T22:30``, as the content of an act has it."""
    return f"{instant.astimezone(zone):%Y-%m-%dT%H:%M}"


def window_start(day: date, window: NightWindow, zone: tzinfo) -> datetime:
    """The instant (aware UTC) at which the night of ``day`` begins."""
    return at_wall_clock(day, window.start, zone)


def day_start(day: date, zone: tzinfo) -> datetime:
    """The first instant (aware UTC) of the calendar day."""
    return at_wall_clock(day, time(0), zone)


def day_end(day: date, zone: tzinfo) -> datetime:
    """The first instant (aware UTC) after the calendar day."""
    return day_start(day_after(day), zone)


def day_after(day: date) -> date:
    return _within(day) + timedelta(days=1)


def _within(day: date) -> date:
    return min(max(day, _FIRST), _LAST)


def looks(
    times: NightTimes,
    window: NightWindow,
    valid_from: date,
    valid_to: date | None,
    zone: tzinfo,
    start: datetime,
    end: datetime,
) -> Iterator[datetime]:
    """The instants (aware UTC, rising) of all looks with ``start <= instant < end``.

    Looks fall on the calendar dates ``valid_from`` to ``valid_to``, both included: on the first date the looks after
    midnight count, after the last nobody looks. Each agreed time gives one look. A time that the change to summer time
    skips is looked at when the gap is over, perhaps together with another. A time that comes twice is looked at the
    first time.
    """
    days = calendar_days(times, window)
    # If a zone skips a whole day, its looks fall at the start of the next. So begin a day early; the filter is exact.
    first = max(valid_from.toordinal(), local_date(start, zone).toordinal() - 1)
    last = local_date(end, zone).toordinal()
    if valid_to is not None:
        last = min(last, valid_to.toordinal())
    for ordinal in range(first, last + 1):
        day = date.fromordinal(ordinal)
        for t in days[Weekday(day.weekday())]:
            instant = at_wall_clock(day, t, zone)
            if start <= instant < end:
                yield instant


def next_look(
    times: NightTimes, window: NightWindow, valid_from: date, valid_to: date | None, zone: tzinfo, after: datetime
) -> datetime | None:
    """The first look at or after an instant (aware UTC), on the clock of ``zone``; None if there is none."""
    start = max(after, day_start(valid_from, zone))
    found = looks(times, window, valid_from, valid_to, zone, start, start + timedelta(days=9))
    return next((instant.astimezone(zone) for instant in found), None)


def last_look(
    times: NightTimes, window: NightWindow, valid_from: date, valid_to: date | None, zone: tzinfo
) -> datetime | None:
    """The last look before the validity ends, on the clock of ``zone``. None if it is open or has no look."""
    if valid_to is None:
        return None
    days = calendar_days(times, window)
    for n in range(7):
        day = valid_to - timedelta(days=n)
        if day < valid_from:
            return None
        if at := days[Weekday(day.weekday())]:
            return at_wall_clock(day, at[-1], zone).astimezone(zone)
    return None
