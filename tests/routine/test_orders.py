"""Orders that follow each other, over the simulated vendors."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapter.domain.facts import Signal
from adapter.engine.feed_reader import read_feeds
from tests.routine.story import Story
from tests.world import ANNA, World


async def test_an_order_long_after_the_end_gets_a_case_of_its_own_once_the_camera_is_collected() -> None:
    """Not only after the coordinator has closed the first case: people are told of the new order while there is
    time."""
    async with World(poll_seconds=7200) as world:
        first = await world.taken_in()
        execution = world.execute(first)
        world.prepare(execution)
        await world.pass_time(hours=2)
        world.lifecare.decision_end(first.decision_id, world.today)
        world.order(start=world.today + timedelta(days=40))
        await world.pass_time(days=2)
        assert len(await world.cases()) == 1
        world.note(execution, Signal.EQUIPMENT_COLLECTED)
        await world.pass_time(hours=10)
        old, new = await world.cases()
        assert {old.open, new.open} == {True}
        assert sum(n.startswith("Ny beställning") for n in world.notes()) == 2


NUMBER = "19340101TF19"


def renumber(story: Story) -> None:
    """The client gets another number."""
    story.lifecare.change("clients", ANNA, PersonId=NUMBER)
    clients = story.lifecare.tables["clients"].rows
    clients[NUMBER] = clients.pop(ANNA)
    clients[NUMBER].key = NUMBER


def merge(story: Story) -> None:
    """The client is merged into another one of the same person."""
    story.lifecare.seed_person(NUMBER)
    del story.lifecare.tables["clients"].rows[ANNA]


@pytest.mark.parametrize("happens", [renumber, merge])
async def test_a_person_whose_number_is_replaced_keeps_the_case_and_the_camera_and_it_is_told_once(
    happens: Callable[[Story], None],
) -> None:
    """LA10: the same ids of order, decision and execution under another number are the same case, and it also takes a
    new order under that number at the same moment."""
    async with Story() as story:
        order, execution = await story.running()
        happens(story)
        for entity in ("orders", "executions", "sol_decisions"):
            for key in [k for k, row in story.lifecare.tables[entity].rows.items() if row.data["PersonId"] == ANNA]:
                story.lifecare.change(entity, key, PersonId=NUMBER)
        another = story.lifecare.order(NUMBER, "camera", start=story.today, order_date=story.today)
        story.lifecare.accept(another.order_id)
        await read_feeds(story.rt, story.rt.tenants["exempel"])
        assert len(await story.cases()) == 1, "before the case itself has found out"
        story.lifecare.start_execution(another.order_id, start=story.today)
        await story.next_day(2)
        assert story.done() == [], "nothing is paused"
        assert sorted(await story.told()) == ["coordinator renewed", "coordinator renumbered"]
        assert story.mails() == []
        (case,) = await story.cases()
        assert case.person_id == NUMBER
        story.lifecare.decision_end(another.decision_id, story.today - timedelta(days=1))
        story.note(execution, Signal.TIMES_CHANGED, "Varje natt 23:30")
        await story.next_day()
        assert story.done() == ["changed"], "it goes on"
        await story.told()
        story.lifecare.decision_end(order.decision_id, story.today - timedelta(days=1))
        await story.next_day()
        assert story.done()[-1] == "ended"
        story.note(execution, Signal.EQUIPMENT_COLLECTED)
        await story.next_day()
        assert story.customer().personal_identity_number is None
