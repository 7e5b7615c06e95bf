"""Ending: by each of the authority's words, whenever it falls, undone exactly as far as it got."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Signal
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import Ordered
from tests.routine.story import Story

End = Callable[[Story, Ordered, date], object]

ENDS: dict[str, End] = {
    "decision ended": lambda s, o, day: s.lifecare.decision_end(o.decision_id, day),
    "decision deleted": lambda s, o, _: s.lifecare.delete("sol_decisions", o.decision_id),
    "order ended": lambda s, o, day: s.lifecare.change("orders", o.order_id, EndDate=day),
    "service ended": lambda s, o, day: s.lifecare.change("ordered_services", o.service_id, EndDate=day),
    "order withdrawn": lambda s, o, _: s.lifecare.will_not_be_executed(o.order_id),
}
TODAY, YESTERDAY, TO_COME = 0, -1, 2

HALF_WAY = [
    ("order withdrawn", "ordered", TODAY, "cancel"),
    ("order withdrawn", "keys collected", TODAY, "cancel"),
    ("order ended", "ordered", YESTERDAY, "cancel"),
    ("service ended", "booked", TO_COME, "cancel_or_fetch"),
    ("decision ended", "installed", YESTERDAY, "collect"),
]


@pytest.mark.parametrize(("fact", "stage", "when", "asked"), HALF_WAY)
async def test_what_ends_half_way_is_undone_exactly_as_far_as_it_got(
    fact: str, stage: str, when: int, asked: str
) -> None:
    async with Story() as story:
        order = await story.ordered(start=story.today - timedelta(days=5), other_service=stage != "keys collected")
        story.clock.time += timedelta(minutes=5)
        execution = story.execute(order) if stage != "ordered" else None
        if execution is not None:
            signals = {
                "booked": [Signal.INSTALLATION_BOOKED],
                "keys collected": [Signal.KEYS_COLLECTED],
                "installed": [Signal.INSTALLATION_BOOKED, Signal.CONSENT_SIGNED],
            }
            for signal in signals[stage]:
                story.note(execution, signal)
        await story.next_day()
        assert await story.told() == []
        ENDS[fact](story, order, story.today + timedelta(days=when))
        await story.next_day(4)
        told = await story.told()
        assert next(t for t in told if "dates_changed" not in t) == f"alarm_team {asked}"
        text = story.lifecare.notes_written()[-1 if asked != "cancel" else -2].text
        assert ("nycklarna" in text) is (stage == "keys collected")
        assert story.done() == []
        assert story.phoniro.customers == {}
        if execution is not None:
            story.note(execution, Signal.EQUIPMENT_COLLECTED)
            story.lifecare.end_execution(execution)
        await story.next_day(2)
        assert (await story.case()).phase is Phase.CLOSED
        assert (await story.decided()).balanced
        assert [*told, *await story.told()][-1] == "coordinator ready_to_close"


RUNNING = [
    ("decision ended", YESTERDAY),
    ("decision deleted", TODAY),
    ("order ended", TODAY),
    ("service ended", TO_COME),
]


@pytest.mark.parametrize(("fact", "when"), RUNNING)
async def test_a_running_supervision_ends_after_its_last_day_and_everything_is_taken_back(fact: str, when: int) -> None:
    async with Story() as story:
        order, execution = await story.running(start=story.today - timedelta(days=5))
        schedule = story.phoniro.schedules[0]
        last = story.today + timedelta(days=when)
        ENDS[fact](story, order, last)
        await story.settle()
        told_at = story.clock.time
        await story.next_day(4)
        after = max(told_at, story.clock.time - timedelta(days=4) + timedelta(days=when + 1))
        assert story.phoniro.looks(schedule.id, after, story.clock.time) == []
        assert story.done()[-1] == "ended"
        told = await story.told()
        assert [t for t in told if "dates_changed" not in t][-2:] == ["alarm_team collect", "plan plan_void"]
        story.note(execution, Signal.PICKUP_BOOKED)
        story.note(execution, Signal.EQUIPMENT_COLLECTED)
        await story.next_day()
        assert story.customer().personal_identity_number is None
        assert await story.told() == ["coordinator ready_to_close"]
        story.lifecare.end_execution(execution)
        await story.next_day(2)
        assert (await story.case()).phase is Phase.CLOSED
        assert (story.done(), await story.told()) == ([], [])


async def test_the_end_goes_out_first_and_alone_while_lifecare_is_down() -> None:
    async with Story() as story:
        order, _ = await story.running()
        story.lifecare.decision_end(order.decision_id, story.today)
        await story.settle()
        await story.told()
        story.done()
        down = story.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, status=503, times=None))
        await story.next_day()
        assert story.done() == ["ended"]
        assert await story.told() == []
        story.lifecare_faults.remove(down)
        await story.next_day()
        assert sorted(await story.told()) == ["alarm_team collect", "plan plan_void"]


async def test_an_end_heard_by_the_provider_tells_the_authority_once_and_ends_nothing_until_it_decides() -> None:
    async with Story() as story:
        order, execution = await story.running()
        story.note(execution, Signal.END_HEARD)
        await story.next_day()
        assert await story.told() == ["authority end_heard"]
        assert (await story.step("A0"), await story.step("A1")) == (StepState.DONE, StepState.AWAITED)
        story.note(execution, Signal.END_HEARD)
        await story.next_day(3)
        assert (story.done(), await story.told()) == ([], [])
        assert (await story.case()).phase is Phase.ACTIVE
        story.lifecare.decision_end(order.decision_id, story.today)
        await story.next_day()
        assert story.done() == ["changed", "ended"]
        assert await story.step("A1") is StepState.DONE
        assert sorted((await story.told())[-2:]) == ["alarm_team collect", "plan plan_void"]
