"""An order that the authority takes up again after its case was closed: a new case begins, and nothing from before
counts."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, text

from adapter.domain.decision import Phase
from adapter.engine.retention import forget
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.lifecare.simulator import BASE
from tests.lifecare.test_stale import unhurried
from tests.world import ANNA, World

SLOTS = 8
"""So many cases are read at the same moment."""


async def closed(world: World) -> tuple[Ordered, int]:
    """A whole life, from the order to the close."""
    order, execution = await world.active()
    await world.closes(order, execution)
    assert (await world.case()).phase is Phase.CLOSED
    return order, execution


def extended(world: World, order: Ordered) -> None:
    world.lifecare.change("sol_decisions", order.decision_id, ToDate=world.today + timedelta(days=60))


async def test_an_extended_order_gets_a_case_of_its_own_that_asks_for_everything_anew() -> None:
    async with unhurried() as world:
        order, execution = await closed(world)
        extended(world, order)
        await world.settle()
        old, new = sorted(await world.cases(), key=lambda case: case.opened_at)
        assert (old.phase, new.phase, new.person_id) == (Phase.CLOSED, Phase.PREPARING, ANNA)
        assert world.statuses() == ["ended"]
        world.lifecare.change("executions", execution, EndDate=None)
        await world.pass_time(hours=7)
        assert world.statuses() == ["ended"]
        world.prepare(execution)
        await world.pass_time(hours=7)
        assert world.statuses() == ["ended", "active"]


async def test_an_order_that_was_withdrawn_and_is_sent_again_gets_a_case_of_its_own() -> None:
    async with unhurried() as world:
        order = await world.taken_in()
        world.lifecare.will_not_be_executed(order.order_id)
        await world.pass_time(days=1)
        assert (await world.case()).phase is Phase.CLOSED
        world.lifecare.change("orders", order.order_id, Status="Sent")
        await world.settle()
        assert {case.phase for case in await world.cases()} == {Phase.CLOSED, Phase.PREPARING}


@pytest.mark.parametrize("what", ["status", "execution"])
async def test_what_leaves_the_end_as_it_was_opens_nothing_and_is_not_asked_about_for_ever(what: str) -> None:
    async with unhurried() as world:
        order, execution = await closed(world)
        if what == "status":
            world.lifecare.will_not_be_executed(order.order_id)
        else:
            world.lifecare.change("executions", execution, EndDate=world.today)
        await world.settle()
        await world.cycle()
        before = len(world.lifecare.received())
        await world.cycle()
        assert len(await world.cases()) == 1
        assert len(world.lifecare.received()) - before <= 13


@pytest.mark.parametrize("status", [404, 500])
async def test_an_extension_is_not_missed_because_the_order_could_not_be_read_at_once(status: int) -> None:
    async with unhurried() as world:
        order, _ = await closed(world)
        extended(world, order)
        world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, path=f"{BASE}/api/v1/orders", times=40, status=status))
        await world.pass_time(hours=7)
        assert len(await world.cases()) == 1
        world.lifecare_faults.clear()
        await world.pass_time(hours=7)
        assert len(await world.cases()) == 2


async def test_an_extension_is_seen_although_the_case_was_purged() -> None:
    async with unhurried() as world:
        order, _ = await closed(world)
        world.clock.time += timedelta(days=100)
        await forget(world.rt)
        assert (await world.case()).person_id == ""
        extended(world, order)
        await world.settle()
        assert [case.person_id for case in await world.cases() if case.open] == [ANNA]


async def test_what_cannot_be_read_of_many_orders_that_are_taken_up_holds_up_none_of_the_others() -> None:
    async with unhurried() as world:
        orders = []
        for n in range(SLOTS + 4):
            world.person(f"193502{n + 1:02d}TF01")
            orders.append(world.order(f"193502{n + 1:02d}TF01"))
        await world.settle()
        for order in orders:
            world.lifecare.will_not_be_executed(order.order_id)
        await world.pass_time(days=1)
        assert {case.phase for case in await world.cases()} == {Phase.CLOSED}
        first = sorted(case.ref for case in await world.cases())[: SLOTS + 2]
        spoil = text("UPDATE facts SET read_at = 'x' WHERE ref IN :refs").bindparams(bindparam("refs", expanding=True))
        await world.db.run(lambda c: c.execute(spoil, {"refs": first}))
        for order in orders:
            world.lifecare.change("orders", order.order_id, Status="Sent")
        await world.settle()
        assert sum(case.open for case in await world.cases()) == 2
