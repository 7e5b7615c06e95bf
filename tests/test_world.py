"""The whole way of one order, over the simulated vendors."""

from adapter.domain.decision import Phase
from tests.world import World


async def test_an_order_becomes_an_e_tillsyn_and_ends_again() -> None:
    async with World() as world:
        order = await world.taken_in()
        assert [n.split(":")[0] for n in world.notes()] == [
            "Ny beställning",
            "Trygghetskamera ska installeras",
        ]
        execution = world.execute(order)
        world.prepare(execution)
        await world.pass_time(hours=1)
        assert (await world.case()).phase is Phase.ACTIVE
        assert world.statuses() == ["active"]
        await world.closes(order, execution)
        assert world.statuses() == ["ended"]
        case = await world.case()
        assert case.phase is Phase.CLOSED
        assert not case.open
