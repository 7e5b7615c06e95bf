"""Night times as values: their order, their JSON, and the calendar rules that Phoniro gets."""

import json
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.nights import CalendarRule, NightTimes, NightWindow, Weekday, calendar_rules, night_times_from_rules
from tests.domain.drawn_nights import WINDOW, at, every_night, night_times

MON, TUE, WED, THU, FRI, SAT, SUN = Weekday


def test_the_early_hours_of_a_night_are_the_next_calendar_day_and_sunday_night_ends_on_monday() -> None:
    times = NightTimes.of({MON: at("22:30", "02:15"), SUN: at("05:00")})
    assert calendar_rules(times, WINDOW) == (
        CalendarRule((MON,), at("05:00", "22:30")),
        CalendarRule((TUE,), at("02:15")),
    )


def test_calendar_days_with_the_same_times_share_a_rule() -> None:
    weekdays_only = NightTimes.of({d: at("23:00", "03:00") for d in (MON, TUE, WED, THU, FRI)})
    assert calendar_rules(weekdays_only, WINDOW) == (
        CalendarRule((MON,), at("23:00")),
        CalendarRule((TUE, WED, THU, FRI), at("03:00", "23:00")),
        CalendarRule((SAT,), at("03:00")),
    )
    assert calendar_rules(every_night("22:30", "05:00"), WINDOW) == (
        CalendarRule(tuple(Weekday), at("05:00", "22:30")),
    )


@given(night_times)
def test_rules_say_the_same_as_the_nights_and_name_a_weekday_once(times: NightTimes) -> None:
    rules = calendar_rules(times, WINDOW)
    named = [day for rule in rules for day in rule.weekdays]
    assert len(named) == len(set(named))
    assert all(rule.times and list(rule.times) == sorted(set(rule.times)) for rule in rules)
    assert len({rule.times for rule in rules}) == len(rules)
    assert [rule.weekdays[0] for rule in rules] == sorted(rule.weekdays[0] for rule in rules)
    assert night_times_from_rules(rules, WINDOW) == times


@given(night_times, st.randoms())
def test_rules_grouped_in_another_way_are_still_the_same_nights(times: NightTimes, random: st.DrawFn) -> None:
    single = [CalendarRule((day,), rule.times[::-1]) for rule in calendar_rules(times, WINDOW) for day in rule.weekdays]
    assert night_times_from_rules(reversed(single), WINDOW) == times


@given(night_times)
def test_a_narrower_window_later_leaves_the_calendar_days_of_agreed_times_alone(times: NightTimes) -> None:
    assert calendar_rules(times, NightWindow(time(23), time(5))) == calendar_rules(times, WINDOW)


@given(night_times)
def test_night_times_survive_json(times: NightTimes) -> None:
    assert NightTimes.from_json(json.loads(json.dumps(times.to_json()))) == times


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"monday": ["22:30"]},
        {"mon": "22:30"},
        {"mon": [2230]},
        {"mon": ["25:00"]},
        {"mon": ["22:30", "22:30"]},
    ],
)
def test_json_that_is_no_night_times_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"night times|hour"):
        NightTimes.from_json(value)


@pytest.mark.parametrize(
    ("monday", "why"),
    [
        (at("02:15", "22:30"), "from evening to morning"),
        (at("22:30", "22:30"), "without repeats"),
        ((time(22, 30, 1),), "whole minutes"),
    ],
)
def test_night_times_are_sorted_from_evening_to_morning_in_whole_minutes(monday: tuple[time, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        NightTimes((monday, (), (), (), (), (), ()))
    with pytest.raises(ValueError, match="seven nights"):
        NightTimes(((),))


def test_the_counts_and_groups_of_a_week() -> None:
    times = NightTimes.of({MON: at("22:30", "02:15"), WED: at("02:15", "22:30"), SAT: at("00:30")})
    assert times.per_night() == (2, 0, 2, 0, 0, 1, 0)
    assert times.max_per_night == 2
    assert not times.is_same_every_night
    assert every_night("22:30").is_same_every_night
    assert times.groups() == (((MON, WED), at("22:30", "02:15")), ((SAT,), at("00:30")))


def test_a_window_holds_its_start_and_not_its_end_and_orders_from_its_start() -> None:
    assert [WINDOW.contains(t) for t in at("20:59", "21:00", "00:00", "06:59", "07:00")] == [
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(("start", "end"), [("07:00", "21:00"), ("00:00", "06:00"), ("21:00", "12:01")])
def test_a_window_that_is_no_night_is_refused(start: str, end: str) -> None:
    with pytest.raises(ValueError, match="night window"):
        NightWindow(*at(start, end))


def test_the_longest_window_is_from_noon_to_noon() -> None:
    assert NightWindow(time(12), time(12)).contains(time(12))
