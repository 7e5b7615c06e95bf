"""The instants of looks: validity, nights, and both Sundays when the clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.nights import NightTimes, Weekday
from adapter.domain.wall_clock import (
    at_wall_clock,
    day_end,
    day_start,
    last_look,
    local_date,
    looks,
    next_look,
    window_start,
)
from tests.domain.drawn_nights import WINDOW, every_night, night_times

STOCKHOLM = ZoneInfo("Europe/Stockholm")
SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)
days = st.builds(
    lambda day, n: day + timedelta(days=n), st.sampled_from([SPRING, AUTUMN, date(2026, 12, 31)]), st.integers(-5, 5)
)


def wall_clock(times: NightTimes, first: date, last: date | None, start: date, end: date) -> list[str]:
    """The looks between two days, on a Stockholm clock with its offset."""
    found = looks(times, WINDOW, first, last, STOCKHOLM, day_start(start, STOCKHOLM), day_end(end, STOCKHOLM))
    return [f"{i.astimezone(STOCKHOLM):%m-%d %H:%M%z}" for i in found]


def test_early_looks_count_on_the_first_day_and_nobody_looks_after_the_last() -> None:
    times = every_night("22:30", "02:15")
    found = wall_clock(times, date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 1), date(2026, 12, 31))
    assert found == ["11-24 02:15+0100", "11-24 22:30+0100", "11-25 02:15+0100", "11-25 22:30+0100"]


def test_a_look_at_the_start_counts_and_one_at_the_end_does_not() -> None:
    times, day = every_night("22:30"), date(2026, 11, 24)
    at = at_wall_clock(day, time(22, 30), STOCKHOLM)
    assert list(looks(times, WINDOW, day, None, STOCKHOLM, at, at + timedelta(seconds=1))) == [at]
    assert list(looks(times, WINDOW, day, None, STOCKHOLM, at - timedelta(hours=1), at)) == []


def test_a_time_that_the_change_to_summer_time_skips_is_looked_at_when_the_gap_is_over() -> None:
    times = every_night("01:59", "02:00", "02:30", "03:01")
    found = wall_clock(times, SPRING, SPRING, SPRING, SPRING)
    assert found == ["03-28 01:59+0100", "03-28 03:00+0200", "03-28 03:00+0200", "03-28 03:01+0200"]


def test_a_time_that_comes_twice_is_looked_at_once_the_first_time() -> None:
    times = every_night("01:59", "02:30", "03:00")
    found = wall_clock(times, AUTUMN, AUTUMN, AUTUMN, AUTUMN)
    assert found == ["10-25 01:59+0200", "10-25 02:30+0200", "10-25 03:00+0100"]


def test_a_time_taken_from_a_clock_in_its_second_hour_is_no_other_time() -> None:
    assert at_wall_clock(AUTUMN, time(2, 30, fold=1), STOCKHOLM) == at_wall_clock(AUTUMN, time(2, 30), STOCKHOLM)


def test_a_day_has_23_or_25_hours_when_the_clock_is_changed_and_a_night_9_or_11() -> None:
    hours = timedelta(hours=1)
    assert (day_end(SPRING, STOCKHOLM) - day_start(SPRING, STOCKHOLM)) / hours == 23
    assert (day_end(AUTUMN, STOCKHOLM) - day_start(AUTUMN, STOCKHOLM)) / hours == 25
    for day, length in ((SPRING, 9), (AUTUMN, 11)):
        evening = day - timedelta(days=1)
        morning = at_wall_clock(day, WINDOW.end, STOCKHOLM)
        assert (morning - window_start(evening, WINDOW, STOCKHOLM)) / hours == length


def test_the_window_of_a_night_starts_on_its_evening() -> None:
    assert window_start(date(2026, 11, 24), WINDOW, STOCKHOLM) == datetime(2026, 11, 24, 20, tzinfo=UTC)
    assert window_start(date(2026, 7, 1), WINDOW, STOCKHOLM) == datetime(2026, 7, 1, 19, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Africa/Cairo", "Asia/Beirut", "America/Santiago", "Australia/Lord_Howe"])
@given(day=st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_a_day_starts_at_its_first_instant_also_where_midnight_is_skipped(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    start = day_start(day, zone)
    assert local_date(start, zone) == day
    assert local_date(start - timedelta(seconds=1), zone) < day or start.astimezone(zone).fold


def test_a_day_that_a_zone_leaves_out_has_its_looks_when_the_next_begins() -> None:
    zone, skipped = ZoneInfo("Pacific/Apia"), date(2011, 12, 30)
    start = at_wall_clock(skipped, time(2, 15), zone)
    assert start == day_start(date(2011, 12, 31), zone)
    assert list(looks(every_night("02:15"), WINDOW, skipped, skipped, zone, start, start + timedelta(hours=1))) == [
        start
    ]


@cache
def clock_on_the_wall(day: date) -> list[tuple[datetime, datetime]]:
    """Every minute that the wall clock shows or skips that day, with the first instant when it does."""
    shown: list[tuple[datetime, datetime]] = []
    next_new = datetime.combine(day, time(0))
    for n in range(25 * 60):
        instant = day_start(day, STOCKHOLM) + timedelta(minutes=n)
        wall = instant.astimezone(STOCKHOLM).replace(tzinfo=None, fold=0)
        while next_new <= wall and next_new.date() == day:
            shown.append((next_new, instant))
            next_new += timedelta(minutes=1)
    return shown


def naive_looks(times: NightTimes, first: date, last: date, start: datetime, end: datetime) -> list[datetime]:
    """The looks of a person who watches the clock all day and looks whenever it shows an agreed time."""
    found: list[datetime] = []
    for n in range((last - first).days + 1):
        for wall, instant in clock_on_the_wall(first + timedelta(days=n)):
            evening = wall.date() if wall.hour >= 12 else wall.date() - timedelta(days=1)
            if wall.time() in times.nights[evening.weekday()] and start <= instant < end:
                found.append(instant)
    return found


@given(night_times, days, st.integers(0, 2), st.integers(-30, 80), st.integers(0, 60))
def test_looks_are_those_of_a_person_with_a_clock_on_the_wall(
    times: NightTimes, first: date, length: int, begin: int, hours: int
) -> None:
    last = first + timedelta(days=length)
    start = day_start(first, STOCKHOLM) + timedelta(hours=begin)
    end = start + timedelta(hours=hours)
    found = list(looks(times, WINDOW, first, last, STOCKHOLM, start, end))
    assert found == naive_looks(times, first, last, start, end)
    assert found == sorted(found)


@given(night_times, days, st.integers(-1, 20))
def test_the_first_and_the_last_look_are_those_that_happen(times: NightTimes, first: date, length: int) -> None:
    last = first + timedelta(days=length)
    start, end = day_start(first, STOCKHOLM), day_end(first + timedelta(days=30), STOCKHOLM)
    found = list(looks(times, WINDOW, first, last, STOCKHOLM, start, end))
    for look, instants in (
        (next_look(times, WINDOW, first, last, STOCKHOLM, start), found[:1]),
        (last_look(times, WINDOW, first, last, STOCKHOLM), found[-1:]),
    ):
        assert ([look] if look else []) == instants


def test_an_open_validity_has_a_first_look_and_no_last() -> None:
    first = date(2026, 11, 24)
    times, start = NightTimes.of({Weekday.SUN: [time(2, 15)]}), day_start(first, STOCKHOLM)
    assert next_look(times, WINDOW, first, None, STOCKHOLM, start) == datetime(2026, 11, 30, 2, 15, tzinfo=STOCKHOLM)
    assert last_look(times, WINDOW, first, None, STOCKHOLM) is None
    assert next_look(NightTimes.of({}), WINDOW, first, None, STOCKHOLM, start) is None
