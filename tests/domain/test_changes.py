"""Changes on the way: the schedule changes in place, and each reader is told once of what changed, and of nothing else.
The coordinator is told of deviations from the routine."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Absence, OrderStatus, Signal
from adapter.domain.ledger import ActKind
from tests.domain.life import Life

Change = Callable[[Life], object]


def moved(life: Life) -> None:
    life.set_execution(unit_id=6)


def replaced(life: Life) -> None:
    life.order("o2").execute("o2", 701).set_order(last_day=life.today)


DATES, PAUSED = ["alarm_team dates_changed", "coordinator dates_changed"], ["authority paused", "coordinator paused"]
CHANGES: dict[str, tuple[Change, list[str], list[str], list[str]]] = {
    "a last day": (
        lambda life: life.decide_dates(last=life.today + timedelta(days=30)),
        DATES,
        [*DATES, "plan plan"],
        ["change"],
    ),
    "a later first day": (
        lambda life: life.decide_dates(first=life.today + timedelta(days=9)),
        DATES,
        ["coordinator paused", "plan plan"],
        ["pause"],
    ),
    "other times": (
        lambda life: life.note(Signal.TIMES_CHANGED, "23:00 och 04:00"),
        ["alarm_team times_changed"],
        ["alarm_team times_changed", "plan plan"],
        ["change"],
    ),
    "another unit": (moved, ["coordinator moved"], ["coordinator moved"], ["put_person"]),
    "other details": (lambda life: life.set_client(details="d2"), [], [], ["put_person"]),
    "another order": (replaced, ["coordinator renewed"], ["coordinator renewed"], []),
    "emigrated": (
        lambda life: life.set_client(deregistered="emigrated"),
        ["coordinator deregistered"],
        ["coordinator deregistered"],
        [],
    ),
}
"""The letters about a change before the start, those while e-tillsyn runs, and the acts then."""


def said(life: Life, since: int) -> list[str]:
    return sorted(f"{w.what['to']} {w.what['letter']}" for w in life.sent[since:] if w.kind is ActKind.MESSAGE)


@pytest.mark.parametrize("running", [False, True], ids=["before the start", "running"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told_once_to_whom_it_concerns_and_changes_what_runs_in_place(
    life: Life, change: str, running: bool
) -> None:
    happens, before, then, done = CHANGES[change]
    if running:
        life.begin()
    else:
        life.execute().noted(Signal.TIMES_AGREED, "22:30, 02:15 och 05:00").go()
    life.now += timedelta(minutes=5)
    sent, acted = len(life.sent), len(life.platform())
    happens(life)
    life.wait(days=2)
    assert said(life, sent) == (then if running else before)
    assert life.platform()[acted:] == (done if running else [])


def test_a_last_day_that_moves_and_is_taken_away_moves_with_the_schedule_and_ends_nothing(active: Life) -> None:
    for days in (6, 30, 3, None):
        sent, last = len(active.sent), None if days is None else active.today + timedelta(days=days)
        active.decide_dates(last=last).wait(days=1)
        assert active.schedule.valid_to == last
        assert said(active, sent) == [*DATES, "plan plan"]
    active.wait(days=4)
    assert active.platform() == ["put_person", "create", *["change"] * 4]


@pytest.mark.parametrize("in_time", [True, False])
def test_a_renewal_that_is_not_executed_is_foreseen_and_leaves_a_hole_until_it_is(active: Life, in_time: bool) -> None:
    last = active.today + timedelta(days=2)
    active.decide_dates(last=last).wait(days=1)
    sent = len(active.sent)
    active.order("o2", first=last + timedelta(days=1)).wait(days=1)
    assert said(active, sent) == ["alarm_team dates_changed", "coordinator pause_ahead", "coordinator renewed"]
    if in_time:
        active.execute("o2", 701).wait(days=4)
        assert active.platform() == ["put_person", "create", "change", "change"], "no pause"
    else:
        assert active.wait(days=4).phase is Phase.PAUSED
        assert active.execute("o2", 701).go().phase is Phase.ACTIVE


def test_a_renewal_after_a_gap_pauses_in_between_and_collects_nothing(active: Life) -> None:
    active.decide_dates(last=active.today + timedelta(days=1)).order("o2", first=active.today + timedelta(days=5))
    assert active.execute("o2", 701).wait(days=9).phase is Phase.ACTIVE
    assert active.platform()[2:] == ["change", "pause", "change", "resume"]
    assert "collect" not in active.letters()
    assert active.letters().count("renewed") == 1


def test_what_the_provider_alone_did_pauses_and_is_told_and_goes_on_when_it_is_put_right(active: Life) -> None:
    sent = len(active.sent)
    assert active.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED).go().phase is Phase.PAUSED
    assert said(active, sent) == PAUSED
    assert active.set_order(status=OrderStatus.ACCEPTED).wait(days=1).phase is Phase.ACTIVE
    assert said(active, sent) == [*PAUSED[:1], "authority resumed", *PAUSED[1:], "coordinator resumed"]


def test_an_absence_never_hides_an_end(active: Life) -> None:
    active.wait(days=2)
    active.absences[1] = Absence(1, active.today - timedelta(days=1), None)
    active.go()
    active.decide_dates(last=active.today - timedelta(days=1)).go()
    assert active.platform()[2:] == ["pause", "end"]
    assert [active.letters(to)[-1] for to in ("alarm_team", "plan")] == ["collect", "plan_void"]


# Where it leaves the routine


def codes(life: Life) -> list[str]:
    return [a.code for a in life.look().attention]


def test_installed_before_the_order_was_executed_is_told_once_after_its_grace_and_gone_when_mended(life: Life) -> None:
    life.other_service().prepare().wait(hours=1)
    assert "not_executed" not in life.letters()
    life.wait(days=2)
    assert (life.letters("coordinator").count("not_executed"), codes(life)) == (1, ["not_executed"])
    assert life.platform() == []
    assert life.execute().go().phase is Phase.ACTIVE
    assert codes(life) == []


def test_ready_without_consent_is_told_once_gone_when_mended_and_told_again_of_a_new_note(life: Life) -> None:
    life.execute()
    life.note(Signal.LIABILITY_SIGNED)
    first = life.note(Signal.READY_FOR_START)
    life.wait(days=1)
    assert (life.letters().count("no_consent"), codes(life)) == (1, ["no_consent"])
    del life.notes[first]
    life.wait(days=1)
    assert codes(life) == []
    life.noted(Signal.READY_FOR_START).wait(days=1)
    assert life.letters().count("no_consent") == 2
    life.noted(Signal.CONSENT_SIGNED).wait(days=1)
    assert (life.letters().count("no_consent"), codes(life), life.platform()) == (2, [], [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("22:30, 00:30, 02:15 och 05:00", "more_than_granted"),
        ("kl 14:00", "outside_window"),
        ("ring dottern först", "unknown_word"),
    ],
)
def test_times_that_can_not_be_used_are_told_back_once_with_the_reason_and_hold_up_the_start(
    life: Life, text: str, code: str
) -> None:
    life.execute().prepare(text).wait(days=2)
    assert [(w["to"], w["code"]) for w in life.told("times_refused")] == [("coordinator", code)]
    assert (life.step("I4").state, life.platform()) == (StepState.PROBLEM, [])
    assert life.noted(Signal.TIMES_AGREED, "22:30 och 05:00").go().phase is Phase.ACTIVE
    assert codes(life) == []
