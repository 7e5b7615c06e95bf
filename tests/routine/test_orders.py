"""Orders that follow each other, over the simulated vendors."""

from __future__ import annotations

from datetime import timedelta

from adapter.domain.facts import Signal
from tests.world import World


async def test_an_order_long_after_the_end_gets_a_case_of_its_own_once_the_camera_is_collected() -> None:
    """Not only when the coordinator has closed the first case: the new order is told of while there is time."""
    async with World(poll_seconds=7200) as world:
        world.person()
        first = world.order()
        await world.settle()
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
