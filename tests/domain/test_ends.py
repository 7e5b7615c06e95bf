"""Each way in which the authority can end it, on any day and at any stage: what was done is undone, and no more."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import OrderStatus, Signal
from tests.domain.life import Life

End = Callable[[Life, date], object]


def by_service(life: Life, day: date) -> None:
    life.set_order(lines=tuple(replace(line, last_day=day) for line in life.orders["o1"].lines))


ENDS: dict[str, End] = {
    "decision ended": lambda life, day: life.decide_dates(last=day),
    "decision deleted": lambda life, _: life.set_decision(deleted=True),
    "order ended": lambda life, day: life.set_order(last_day=day),
    "service ended": by_service,
    "order withdrawn": lambda life, _: life.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED),
}
STAGES: dict[str, tuple[list[Signal], str]] = {
    "ordered": ([], "cancel"),
    "keys collected": ([Signal.KEYS_COLLECTED], "cancel"),
    "booked": ([Signal.INSTALLATION_BOOKED], "cancel_or_fetch"),
    "papers signed": ([Signal.INSTALLATION_BOOKED, Signal.CONSENT_SIGNED], "collect"),
    "running": ([], "collect"),
}


@pytest.mark.parametrize("days", [-1, 0, 3])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fact", ENDS)
def test_each_end_is_carried_out_on_its_day_and_undone_as_far_as_it_got(fact: str, stage: str, days: int) -> None:
    if (fact, stage) == ("order withdrawn", "running"):
        return  # after I11 that isn't an end by the authority: it pauses
    signals, asked = STAGES[stage]
    life = Life()
    life.order(first=life.today - timedelta(days=30)).go()
    life.execute()
    if stage == "running":
        life.prepare()
    for signal in signals:
        life.note(signal)
    life.go()
    life.now += timedelta(minutes=5)
    last = life.today + timedelta(days=days)
    ENDS[fact](life, last)
    if "ended" in fact and days >= 0:
        life.go()
        assert asked not in life.letters("alarm_team"), "not before its last day is over"
        assert "end" not in life.platform()
    life.wait(days=max(days, 0) + 1)
    outs = [letter for letter in life.letters("alarm_team") if letter in ("cancel", "cancel_or_fetch", "collect")]
    assert outs == [asked]
    assert life.platform().count("end") == (stage == "running")
    keys = [w["keys_back"] for w in life.told(asked)]
    assert keys == [stage in ("keys collected", "running")]
    life.note(Signal.EQUIPMENT_COLLECTED)
    decision = life.set_execution(last_day=life.today - timedelta(days=1)).wait(days=1)
    assert (decision.phase, decision.balanced) == (Phase.CLOSED, True)
    assert life.letters("coordinator").count("ready_to_close") == 1


@pytest.mark.parametrize("again", [None, 20, 1])
def test_an_end_to_come_that_is_changed_or_taken_back_before_it_comes_ends_only_what_it_then_says(
    again: int | None,
) -> None:
    life = Life()
    life.begin().decide_dates(last=life.today + timedelta(days=5)).wait(days=1)
    life.decide_dates(last=None if again is None else life.today + timedelta(days=again)).wait(days=10)
    assert life.platform().count("change") == 2
    assert ("end" in life.platform()) is (again == 1)


def test_a_last_day_before_the_first_on_which_anybody_may_look_lets_nobody_look_and_ends_on_that_day() -> None:
    """The execution begins after the decision's new end, and a schedule can't end before it begins. Both roles who can
    mend the contradiction are told, and the plan says that nobody looks."""
    life = Life()
    life.order().go()
    life.execute()
    life.set_execution(first_day=life.today + timedelta(days=9)).prepare().go()
    assert life.platform()[-1] == "create"
    life.decide_dates(last=life.today + timedelta(days=4)).go()
    assert life.platform()[-1] == "pause"
    told = life.told("paused")
    assert [(w["to"], w["cause"]) for w in told] == [("coordinator", c := "dates_contradict"), ("authority", c)]
    plan = life.told("plan")[-1]
    assert (plan["rests"], plan["first_look"]) == ("dates_contradict", None)
    life.wait(days=6)
    assert life.platform()[-1] == "end"
    assert "change" not in life.platform()
