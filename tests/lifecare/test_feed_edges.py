"""Changes that a feed could easily miss: its case is marked, or opened, each time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from adapter.domain.facts import Signal
from adapter.engine.feed_reader import read_feeds
from adapter.engine.new_orders import read_new_orders
from adapter.ports import Window
from adapter.store import feeds
from adapter.store.feeds import Feed
from adapter.store.order_inbox import InboxState, WaitingOrder
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.lifecare.simulator import BASE
from tests.world import ANNA, MONDAY, World


async def ordered(world: World) -> tuple[Ordered, int]:
    world.person()
    order = world.order()
    execution = world.execute(order)
    world.lifecare.absence(ANNA, world.today + timedelta(days=30))
    await world.settle()
    await read_feeds(world.rt, world.tenant)
    return order, execution


async def marked(world: World) -> bool:
    """Whether reading the feeds marks the case."""
    before = (await world.case()).due_seq
    world.clock.time += timedelta(minutes=1)
    await read_feeds(world.rt, world.tenant)
    return (await world.case()).due_seq > before


async def test_a_deleted_row_that_does_not_say_whose_it_was_marks_the_case_that_knew_it() -> None:
    """L7: a deleted entity may be little more than its id."""
    async with World() as world:
        keys = world.keys(*await ordered(world))
        for entity in ("executions", "sol_decisions", "client_absences"):
            world.lifecare.change(entity, keys[entity], PersonId=None)
            world.lifecare.delete(entity, keys[entity])
            assert [await marked(world), await marked(world)] == [True, False], entity


async def test_a_row_that_can_no_longer_be_read_has_changed_too() -> None:
    async with World() as world:
        order, execution = await ordered(world)
        world.note(execution, Signal.END_HEARD)
        assert await marked(world)
        for entity, field in {
            "orders": "StartDate",
            "executions": "EndDate",
            "sol_decisions": "ToDate",
            "clients": "UpdateTime",
            "client_absences": "EndDate",
            "documentations": "CreatedTime",
        }.items():
            world.spoil(entity, world.keys(order, execution)[entity], field)
            assert [await marked(world), await marked(world)] == [True, False], entity


async def test_an_urgent_note_on_an_execution_that_no_case_knows_yet_is_not_forgotten() -> None:
    async with World() as world:
        order, _ = await ordered(world)
        execution = world.lifecare.start_execution(order.order_id)
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        world.lifecare_faults.add(
            Rule(kind=Kind.STATUS_BEFORE, path=f"{BASE}/api/v1/executions", times=None, status=401)
        )
        await world.cycle()
        world.lifecare_faults.clear()
        await world.pass_time(hours=1)
        assert any("consent_withdrawn" in act.key for act in await world.acts())
        assert not await marked(world)


async def test_an_order_that_is_registered_first_and_sent_later_opens_a_case_when_it_is_sent() -> None:
    async with World() as world:
        world.person()
        order = world.order(status="Registered")
        await world.settle()
        assert await world.cases() == []
        world.lifecare.change("orders", order.order_id, Status="Sent")
        await world.settle()
        assert len(await world.cases()) == 1


async def test_an_order_that_can_not_be_read_is_asked_for_again_until_it_can_without_costing_more_each_day() -> None:
    """A corrected service leaves no trace on the order, but it is found days afterwards."""
    async with World(poll_seconds=6 * 3600) as world:
        world.person()
        mend = world.spoil("ordered_services", world.order().service_id, "StartDate", shown=False)
        await world.pass_time(days=5)
        assert await world.cases() == []
        before = len(world.lifecare.received())
        await read_feeds(world.rt, world.tenant)
        asked = [call.query.get("q", "") for call in world.lifecare.received()[before:]]
        assert sum("UpdateTime" in query for query in asked) == 4
        mend()
        await world.settle()
        assert len(await world.cases()) == 1


async def test_an_order_that_could_not_be_used_is_forgotten_only_where_it_is_gone_or_stands_on_another_day() -> None:
    """P5: however long its day answers 404, which may mean an empty day or a failure (L10)."""
    async with World() as world:
        world.person()
        order = world.order().order_id
        shower, other = (
            world.lifecare.order(ANNA, "shower", start=world.today, order_date=world.today).order_id for _ in range(2)
        )
        old = world.today - timedelta(days=40)
        silent = {old: Window((), (), None, sure=False)}
        before = {id_: WaitingOrder(id_, InboxState.UNUSABLE, old, MONDAY) for id_ in (order, shower, "SB-999999")}

        async def waiting(windows: Mapping[date, Window]) -> set[str]:
            found = await read_new_orders(world.rt, world.tenant, windows, before)
            return {each.order_id for each in found.waiting} - {old.isoformat()}

        listed = await world.tenant.source.orders_updated_on(world.today)
        another = replace(listed, items=tuple(item for item in listed.items if item.id == other))
        assert await waiting(silent) == before.keys(), "no order is listed that shows whether ids are answered"
        assert await waiting(silent | {world.today: another}) == {order, shower}
        assert await waiting(silent | {world.today: listed}) == set()
        not_by_id = Rule(kind=Kind.STATUS_BEFORE, path=f"{BASE}/api/v1/orders/", times=None, status=404)
        world.lifecare.faults.add(not_by_id)
        assert await waiting(silent | {world.today: another}) == before.keys()
        world.lifecare.faults.clear()
        world.lifecare.faults.add(Rule(kind=Kind.STATUS_BEFORE, path=f"{BASE}/api/v1/orders", times=None, status=500))
        assert await waiting(silent | {world.today: another}) == before.keys()


async def test_a_clock_that_was_days_ahead_for_a_while_hides_nothing() -> None:
    async with World() as world:
        order, _ = await ordered(world)
        right, skew = world.clock.time, timedelta(days=3)
        world.lifecare.settings.skew_seconds = -skew.total_seconds()
        world.clock.time = right + skew
        await read_feeds(world.rt, world.tenant)
        world.clock.time, world.lifecare.settings.skew_seconds = right + timedelta(minutes=2), 0.0
        world.lifecare.will_not_be_executed(order.order_id)
        assert await marked(world)


async def orders_feed(world: World) -> Feed:
    found = await world.db.run(lambda c: feeds.feed(c, "exempel", "orders"))
    assert found is not None
    return found


async def test_a_lifecare_without_any_order_yet_is_not_taken_as_down_and_its_first_order_is_seen() -> None:
    async with World(poll_seconds=12 * 3600) as world:
        world.lifecare.settings.empty_list = "404"
        for _ in range(3):
            await world.pass_time(days=2)
            assert (await orders_feed(world)).error is None
        assert world.rt.breakers.down() == {}
        world.person(other_service=False)
        world.order()
        await world.settle()
        assert len(await world.cases()) == 1


async def test_a_lifecare_that_shows_nothing_of_anything_is_taken_as_down() -> None:
    """Like a wrong base path, with which every list reads as empty (L10)."""
    async with World() as world:
        world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, path=BASE, times=None, status=404))
        await world.cycle()
        assert "shows no row at all" in ((await orders_feed(world)).error or "")


async def test_orders_that_were_seen_once_are_not_taken_to_be_none_when_their_list_says_404() -> None:
    async with World() as world:
        await ordered(world)
        world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, path=f"{BASE}/api/v1/orders", times=None, status=404))
        world.clock.time += timedelta(days=1)
        before = (await orders_feed(world)).cursor
        await read_feeds(world.rt, world.tenant)
        after = await orders_feed(world)
        assert "shows no row at all" in (after.error or "")
        assert after.cursor == before
