"""Nothing is read without need: a reading costs as many calls as ``docs/lifecare.md`` says."""

import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.engine.feed_reader import read_feeds
from adapter.engine.worker import work
from adapter.store import due
from tests.outside import READY
from tests.replicas.crew import NOTES_EACH
from tests.world import ANNA, World

DOCS = Path(__file__).parents[2] / "docs" / "lifecare.md"


def told(heading: str) -> Counter[str]:
    """The table under a heading of the document: calls by resource."""
    section = DOCS.read_text("utf-8").split(f"### {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|[^|]*\| (\d+) \|", section, re.MULTILINE)
    return Counter({name: int(calls) for name, calls in rows})


def persons(count: int) -> list[str]:
    return [f"193401{n + 1:02d}TF01" for n in range(count)]


async def active(world: World, count: int) -> dict[str, int]:
    """Make so many cases with an active schedule. Returns the executions by person."""
    executions = {}
    for person in persons(count):
        world.lifecare.seed_person(person)
        executions[person] = world.execute(world.order(person))
    await world.settle()
    for execution in executions.values():
        world.prepare(execution)
        world.note(execution, Signal.KEYS_COLLECTED)
    await world.pass_time(hours=2)
    assert {case.phase for case in await world.cases()} == {Phase.ACTIVE}
    return executions


def asked(world: World, since: int) -> Counter[str]:
    return Counter(call.resource for call in world.lifecare.received()[since:] if call.resource)


async def idle(world: World) -> Counter[str]:
    """The calls of a cycle without changes. An extra cycle before it clears the days that the first one left in
    doubt."""
    await world.cycle()
    await world.cycle()
    before = len(world.lifecare.received())
    await read_feeds(world.rt, world.tenant)
    return asked(world, before)


@pytest.mark.parametrize("cases", [1, 8])
async def test_an_idle_cycle_costs_the_same_whatever_the_number_of_active_cases(cases: int) -> None:
    async with World() as world:
        world.lifecare.settings.empty_list = "[]"
        await active(world, cases)
        assert await idle(world) == told("An idle cycle")


@pytest.mark.parametrize("silence", ["404", "[]"])
async def test_an_idle_cycle_before_the_first_case_costs_at_most_one_call_more(silence: Literal["404", "[]"]) -> None:
    async with World() as world:
        world.lifecare.seed_person(ANNA)
        world.lifecare.order(ANNA, "shower")
        world.clock.time += timedelta(days=9)
        world.lifecare.settings.empty_list = silence
        more = Counter(orders=1) if silence == "404" else Counter[str]()
        assert await idle(world) == told("An idle cycle") + more


async def test_urgent_notes_cost_a_call_for_each_page() -> None:
    async with World() as world:
        world.lifecare.settings.empty_list = "[]"
        (execution,) = (await active(world, 1)).values()
        quiet = await idle(world)
        for _ in range(150):
            world.note(execution, Signal.END_HEARD)
        assert await idle(world) - quiet == Counter(documentations=1)


async def work_at(world: World, moment: datetime | None) -> Counter[str]:
    """The calls of what is due then."""
    assert moment is not None
    world.clock.time = max(world.clock.time, moment)
    before = len(world.lifecare.received())
    await work(world.rt)
    return asked(world, before)


async def test_reading_a_case_costs_what_the_document_says() -> None:
    async with World() as world:
        world.lifecare.settings.empty_list = "[]"
        await active(world, 1)
        case, now = await world.case(), world.clock.time
        await world.db.run(lambda c: due.mark_due(c, "exempel", [case.ref], now, "test"))
        assert await work_at(world, now) == told("A case with news from a feed")
        assert await work_at(world, case.read_again_at) == told("A case that is read whole")


@pytest.mark.parametrize("done", [(), (Signal.TIMES_AGREED, Signal.INSTALLATION_BOOKED, Signal.APPENDIX_SIGNED)])
async def test_what_a_case_awaits_is_asked_for_by_heading_and_nothing_else(done: tuple[Signal, ...]) -> None:
    async with World() as world:
        world.lifecare.settings.empty_list = "[]"
        world.lifecare.seed_person(ANNA)
        order = world.order()
        execution = world.execute(order)
        await world.settle()
        for signal in done:
            world.note(execution, signal, "22.30, 02:15 och 05.00")
        world.lifecare.change("orders", order.order_id)
        await world.settle()
        # After the installation is booked, the equipment may be collected again.
        here = 2 if done else 0
        calls = told("What a case awaits").total() - len(done) + here
        assert await work_at(world, (await world.case()).due_at) == Counter(documentations=calls)


async def test_an_order_costs_what_the_document_says_until_all_is_scheduled_and_told() -> None:
    async with World() as world:
        world.lifecare.settings.empty_list = "[]"
        quiet = await idle(world)
        world.lifecare.seed_person(ANNA)
        execution = world.execute(world.order())
        for signal, text in READY:
            world.note(execution, signal, text)
        before, platform = len(world.lifecare.received()), len(world.phoniro.received())
        await world.settle()
        assert (await world.case()).phase is Phase.ACTIVE
        assert len(world.notes()) == NOTES_EACH
        calls = asked(world, before) - quiet
        at_phoniro = [call.path.split("/") for call in world.phoniro.received()[platform:]]
        calls += Counter(path[3] if len(path) > 3 else path[-1] for path in at_phoniro)
        assert calls == told("An order") + Counter(token=1, headlines=1)  # once for many orders
        assert told("An order").total() <= 28


@pytest.mark.parametrize(
    ("news", "calls"),
    [((), 0), (("executions",), 0), (("orders", "executions"), 1), (("services", "urgent"), 1), (("hook",), 1)],
)
async def test_a_new_case_asks_for_its_orders_again_only_where_news_of_them_was_told(
    news: tuple[str, ...], calls: int
) -> None:
    async with World() as world:
        world.lifecare.seed_person(ANNA)
        world.order()
        await read_feeds(world.rt, world.tenant)
        case, now = await world.case(), world.clock.time
        for reason in news:
            await world.db.run(partial(due.mark_due, tenant="exempel", refs=[case.ref], now=now, reason=reason))
        assert (await work_at(world, now))["orders"] == calls


async def reads(world: World, count: int, **delta: float) -> dict[str, list[float]]:
    """When each person's orders were read while time passed, in hours."""
    before, start = len(world.lifecare.received()), world.clock.time
    await world.pass_time(**delta)
    found: dict[str, list[float]] = {person: [] for person in persons(count)}
    for call in world.lifecare.received()[before:]:
        person = re.search(r"PersonId='(\w+)'", call.query.get("q", ""))
        if call.resource == "orders" and person:
            found[person[1]].append((call.at - start) / timedelta(hours=1))
    return found


async def test_the_evidence_of_open_cases_is_read_again_within_a_day_spread_evenly() -> None:
    async with World(poll_seconds=6 * 3600) as world:
        count = 12
        await active(world, count)
        await world.pass_time(days=1)
        found = await reads(world, count, days=2)
        for times in found.values():
            assert len(times) >= 2
            assert times[0] <= 24
            assert all(later - earlier <= 24.01 for earlier, later in pairwise(times))
        quarters = Counter(int(times[0] // 6) for times in found.values())
        assert set(quarters) == {0, 1, 2, 3}
        assert max(quarters.values()) <= count / 2


async def test_what_a_case_awaits_is_asked_for_as_often_as_is_set() -> None:
    async with World(awaiting_minutes=60) as world:
        world.lifecare.seed_person(ANNA)
        execution = world.execute(world.order())
        await world.settle()
        before = len(world.lifecare.received())
        await world.pass_time(hours=6)
        heading = world.service.tenants["exempel"].mapping.signals[Signal.READY_FOR_START]
        sought = f"ExecutionId='{execution}' and HeadlineId='{heading}'"
        calls = world.lifecare.received()[before:]
        assert sum(sought in call.query.get("q", "") for call in calls) == 6
