"""The coordinator is told of an order that isn't executed on the day before a booked installation, not after it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.facts import OrderStatus, Signal
from tests.domain.life import POLICY, STOCKHOLM, Life

THURSDAY, FRIDAY, MONDAY = date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 9)


@pytest.fixture
def booked() -> Life:
    """An order of Monday 2 March, with an installation booked on Thursday."""
    life = Life().order()
    life.go()
    life.note(Signal.INSTALLATION_BOOKED, day=THURSDAY)
    life.go()
    return life


def told(life: Life) -> list[tuple[object, date]]:
    """The booked days that were told, each with the day on which it was told."""
    acts = [a for a in life.ledger.acts if a.what.get("letter") == "installed_soon" and a.done_at]
    return [(a.what["when"], a.done_at.astimezone(STOCKHOLM).date()) for a in acts if a.done_at]


def test_it_is_told_on_the_day_before_and_once(booked: Life) -> None:
    assert told(booked) == []
    booked.wait(days=1, hours=14)
    assert told(booked) == []
    booked.wait(days=5)
    assert told(booked) == [("2026-03-05", THURSDAY - timedelta(days=1))]
    assert "not_executed" not in booked.letters(), "nobody has said that the camera is up"


def test_a_moved_booking_is_told_anew_for_its_own_day(booked: Life) -> None:
    booked.wait(days=2)
    booked.note(Signal.INSTALLATION_BOOKED, day=MONDAY)
    booked.wait(days=7)
    assert told(booked) == [("2026-03-05", date(2026, 3, 4)), ("2026-03-09", FRIDAY)], (
        "Friday is the working day before"
    )


def test_one_that_is_moved_before_it_was_told_is_told_for_the_new_day_alone(booked: Life) -> None:
    booked.wait(days=1)
    booked.note(Signal.INSTALLATION_BOOKED, day=FRIDAY)
    booked.wait(days=7)
    assert told(booked) == [("2026-03-06", THURSDAY)]


def test_quiet_hours_and_holidays_count_as_for_every_other_notice(booked: Life) -> None:
    booked.policy = replace(POLICY, quiet=(time(20), time(6, 30)), holidays=frozenset({date(2026, 3, 4)}))
    booked.wait(days=4)
    (at,) = [a.done_at for a in booked.ledger.acts if a.what.get("letter") == "installed_soon" and a.done_at]
    assert at.astimezone(STOCKHOLM).isoformat() == "2026-03-03T06:30:00+01:00"


def test_booked_for_the_same_day_it_is_told_at_once(booked: Life) -> None:
    booked.note(Signal.INSTALLATION_BOOKED, day=booked.today)
    booked.go()
    assert told(booked) == [(booked.today.isoformat(), booked.today)]


NOT_TOLD: dict[str, Callable[[Life], object]] = {
    "executed in time": lambda life: life.execute(),
    "no day": lambda life: life.note(Signal.INSTALLATION_BOOKED),
    "past": lambda life: life.note(Signal.INSTALLATION_BOOKED, day=life.today - timedelta(days=1)),
    "papers": lambda life: life.note(Signal.CONSENT_SIGNED),
    "held": lambda life: life.set_order(status=OrderStatus.REGISTERED),
    "deceased": lambda life: life.set_client(deceased=True),
    "over": lambda life: life.set_decision(deleted=True),
    "unread": lambda life: life.stale.add("executions"),
}


@pytest.mark.parametrize("why", NOT_TOLD)
def test_it_is_not_told_where_it_is_not_so_or_something_else_comes_first(booked: Life, why: str) -> None:
    NOT_TOLD[why](booked)
    booked.wait(days=5)
    assert told(booked) == []


def test_it_wakes_by_itself_and_a_day_that_is_over_is_told_no_more(booked: Life) -> None:
    wake = booked.look().wake_at
    assert wake
    assert wake.astimezone(STOCKHOLM).date() <= THURSDAY - timedelta(days=1)
    booked.now += timedelta(days=4)
    booked.go()
    assert told(booked) == [], "Friday: the visit was yesterday"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 6), st.sampled_from(["execute", "hours", "day", "times", "papers"])), max_size=9)
)
def test_however_it_is_booked_moved_and_executed_it_is_told_truly_once_a_day_and_in_time(
    steps: list[int | str],
) -> None:
    """A number books the installation so many days ahead. ``Life.check_booked`` checks what holds after every step."""
    life = Life().order()
    life.go()
    for step in steps:
        match step:
            case "execute":
                life.execute()
            case "times":
                life.note(Signal.TIMES_AGREED, "22:30")
            case "papers":
                life.note(Signal.CONSENT_SIGNED)
            case "hours":
                life.wait(hours=7)
            case "day":
                life.wait(days=1)
            case int():
                life.note(Signal.INSTALLATION_BOOKED, day=life.today + timedelta(days=step))
        life.go()
    life.wait(days=7)
