"""The whole way of one order, over the simulated vendors."""

from __future__ import annotations

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from tests.world import World


async def test_an_order_becomes_an_e_tillsyn_and_ends_again() -> None:
    async with World() as world:
        world.person()
        order = world.order()
        await world.settle()
        assert [n.split(":")[0] for n in world.notes()] == [
            "Ny beställning",
            "Trygghetskamera ska installeras",
        ]
        execution = world.execute(order)
        world.prepare(execution)
        await world.pass_time(hours=1)
        assert (await world.case()).phase is Phase.ACTIVE
        (schedule,) = world.schedules()
        assert schedule[1] == "active"
        world.lifecare.decision_end(order.decision_id, world.today)
        await world.pass_time(days=2)
        assert world.schedules()[0][1] == "ended"
        world.note(execution, Signal.EQUIPMENT_COLLECTED)
        await world.pass_time(hours=1)
        world.lifecare.end_execution(execution)
        await world.pass_time(hours=26)
        case = await world.case()
        assert case.phase is Phase.CLOSED
        assert not case.open
