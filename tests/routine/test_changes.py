"""What changes on the way: the schedule in place, and each reader told once, of what changed and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.phoniro.schemas import HandChange
from tests.routine.story import Story
from tests.world import ANNA

Change = Callable[[Story, Ordered, int], object]


def day(story: Story, days: int) -> date:
    return story.today + timedelta(days=days)


def ends_in(days: int | None) -> Change:
    return lambda s, order, _: s.lifecare.decision_end(order.decision_id, None if days is None else day(s, days))


def new_times(s: Story, _: Ordered, execution: int) -> None:
    s.note(execution, Signal.TIMES_CHANGED, "Varje natt 23:00 och 04:00")


def moved(s: Story, _: Ordered, execution: int) -> None:
    s.move(execution, 7102, "Hemtjänst Söder")


def new_address(s: Story, _: Ordered, __: int) -> None:
    address = s.lifecare.row("clients", ANNA)["Addresses"][0]
    s.lifecare.change("clients", ANNA, Addresses=[{**address, "StreetAddress": "Nya vägen 2"}])


def new_phone(s: Story, _: Ordered, __: int) -> None:
    phone = s.lifecare.row("clients", ANNA)["Phones"][0]
    s.lifecare.change("clients", ANNA, Phones=[{**phone, "Number": "070-1111111", "PhoneNumber": "070-1111111"}])


def replaced(s: Story, order: Ordered, execution: int) -> None:
    """Another order for the same person is executed, and the old one ended."""
    s.another()
    s.lifecare.change("orders", order.order_id, EndDate=s.today)
    s.lifecare.end_execution(execution)


DATES_TOLD = ["alarm_team dates_changed", "coordinator dates_changed", "plan plan"]
RUNNING: dict[str, tuple[Change, list[str], list[str]]] = {
    "shortened": (ends_in(5), ["changed"], DATES_TOLD),
    "times agreed anew": (new_times, ["changed"], ["alarm_team times_changed", "plan plan"]),
    "moved to another unit": (moved, [], ["coordinator moved"]),
    "a new address": (new_address, [], []),
    "a new telephone": (new_phone, [], []),
    "replaced by another order": (replaced, [], ["coordinator renewed"]),
}


@pytest.mark.parametrize("change", RUNNING)
async def test_a_running_supervision_changes_in_place_and_is_told_once_of_what_changed(change: str) -> None:
    happens, done, told = RUNNING[change]
    async with Story() as story:
        order, execution = await story.running()
        happens(story, order, execution)
        await story.next_day(3)
        assert story.done() == done
        assert sorted(await story.told()) == told
        assert (await story.case()).phase is Phase.ACTIVE
        await story.next_day(1)
        assert (story.done(), await story.told(), story.mails()) == ([], [], [])


async def test_what_phoniro_knows_of_the_person_follows() -> None:
    async with Story() as story:
        order, execution = await story.running()
        new_address(story, order, execution)
        moved(story, order, execution)
        await story.next_day()
        customer = story.customer()
        assert (customer.street_address, customer.organisation_id) == ("Nya vägen 2", "hemtjanst-soder")


BEFORE: dict[str, tuple[Change, list[str]]] = {
    "last day set": (ends_in(30), DATES_TOLD[:2]),
    "times agreed anew": (new_times, ["alarm_team times_changed"]),
    "moved to another unit": (moved, ["coordinator moved"]),
    "first day later": (
        lambda s, o, _: s.lifecare.change("sol_decisions", o.decision_id, FromDate=day(s, 9)),
        DATES_TOLD[:2],
    ),
}


@pytest.mark.parametrize("change", BEFORE)
async def test_a_change_before_the_start_is_told_once_and_starts_nothing(change: str) -> None:
    happens, told = BEFORE[change]
    async with Story() as story:
        order = await story.ordered()
        execution = story.execute(order)
        story.note(execution, Signal.TIMES_AGREED, "22:30, 02:15 och 05:00")
        await story.next_day()
        assert await story.told() == ["alarm_team times"]
        happens(story, order, execution)
        await story.next_day(2)
        assert sorted(await story.told()) == told
        assert story.done() == []


async def test_a_last_day_that_moves_and_is_taken_away_moves_with_the_schedule_and_ends_nothing() -> None:
    async with Story() as story:
        order, _ = await story.running()
        schedule = story.phoniro.schedules[0].id
        for days in (6, 30, 3, None):
            last = None if days is None else day(story, days)
            story.lifecare.decision_end(order.decision_id, last)
            await story.next_day()
            assert story.valid_to(schedule) == last
            assert story.done() == ["changed"]
            assert sorted(await story.told()) == DATES_TOLD
        await story.next_day(4)
        assert (story.done(), await story.told()) == ([], [])


async def test_a_renewal_without_a_gap_has_no_hole_and_asks_only_for_the_order_to_be_executed() -> None:
    async with Story() as story:
        order, _ = await story.running()
        last = day(story, 2)
        story.lifecare.decision_end(order.decision_id, last)
        await story.next_day()
        await story.told()
        new = story.another(start=last + timedelta(days=1), execute=False)
        await story.next_day()
        told = ["coordinator renewed", "alarm_team dates_changed", "coordinator pause_ahead"]
        assert await story.told() == told, "it is foreseen, if nobody executes it"
        story.lifecare.accept(new.order_id)
        story.lifecare.start_execution(new.order_id, start=last + timedelta(days=1))
        await story.next_day(4)
        assert story.done() == ["changed", "changed"]
        assert await story.told() == ["plan plan"]
        (schedule,) = story.phoniro.schedules
        nights = story.phoniro.looks(schedule.id, story.clock.time - timedelta(days=6), story.clock.time)
        assert len(nights) == 18, "three looks in each of six nights"


async def test_a_renewal_after_a_gap_pauses_in_between_and_collects_nothing() -> None:
    async with Story() as story:
        order, _ = await story.running()
        story.lifecare.decision_end(order.decision_id, day(story, 1))
        story.another(start=day(story, 5))
        await story.next_day(9)
        assert story.done() == ["changed", "paused", "changed", "resumed"]
        told = await story.told()
        assert "alarm_team collect" not in told
        assert told.count("coordinator renewed") == 1
        assert (await story.case()).phase is Phase.ACTIVE
        assert len(story.schedules()) == 1


async def test_a_schedule_that_somebody_changed_meanwhile_is_read_again_and_decided_again() -> None:
    """412: the version that the change carried was overtaken; what stands in Phoniro in the end is what is decided."""
    async with Story() as story:
        order, _ = await story.running()
        (schedule,) = story.phoniro.schedules
        story.phoniro.change_by_hand(schedule.id, HandChange.model_validate({"validTo": day(story, 90)}))
        story.lifecare.decision_end(order.decision_id, day(story, 20))
        await story.next_day()
        assert [r.status for r in story.phoniro.received() if r.method == "PATCH"][-2:] == [412, 200]
        assert story.valid_to(schedule.id) == day(story, 19)
