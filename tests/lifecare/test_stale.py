"""Stale is not gone: what can't be read changes nothing by itself, and what is known still pauses and ends."""

from datetime import timedelta
from functools import partial

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.store import facts
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.simulator import BASE
from tests.world import ANNA, World

TOGETHER = (
    ("orders",),
    ("ordered_services",),
    ("sol_decisions", "client_absences", "documentations"),
    ("executions", "clients"),
)
"""The resources of a case, in parts that fail together. No resource of a part hides the failure of another."""
FAULTS: dict[str, dict[str, object]] = {
    "401": {"kind": Kind.STATUS_BEFORE, "status": 401},
    "403": {"kind": Kind.STATUS_BEFORE, "status": 403},
    "500": {"kind": Kind.STATUS_BEFORE, "status": 500},
    "404": {"kind": Kind.STATUS_BEFORE, "status": 404},
    "garbage": {"kind": Kind.GARBAGE},
}


def unhurried() -> World:
    """Days pass with few readings. What is known, and when it counts, doesn't depend on the pace."""
    return World(poll_seconds=6 * 3600, awaiting_minutes=360, retry_first_seconds=450, retry_cap_seconds=7200)


def fail(world: World, fault: str, resource: str = "") -> None:
    rule: dict[str, object] = {"path": f"{BASE}/api/v1/{resource}", "method": "GET", "times": None}
    world.lifecare_faults.add(Rule.model_validate(rule | FAULTS[fault]))


async def acted(world: World) -> list[str]:
    """Every act, without the mails that a vendor's failure may bring."""
    return [act.key for act in await world.acts() if act.kind.value != "mail"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_hour_of_whatever_answer_changes_nothing_by_itself(fault: str) -> None:
    async with unhurried() as world:
        await world.active()
        for part in TOGETHER:
            before = await acted(world)
            for resource in part:
                fail(world, fault, resource)
            await world.look_again()
            await world.pass_time(hours=1)
            assert world.statuses() == ["active"], part
            assert await acted(world) == before, part
            world.lifecare_faults.clear()
            await world.look_again()
            assert "stale" not in [a.code for a in (await world.decision()).attention], part
        assert (await world.case()).phase is Phase.ACTIVE


@pytest.mark.parametrize("fault", ["401", "404"])
async def test_a_known_last_day_ends_although_nothing_can_be_read(fault: str) -> None:
    async with unhurried() as world:
        order, _ = await world.active()
        world.lifecare.decision_end(order.decision_id, world.today + timedelta(days=1))
        await world.settle()
        fail(world, fault)
        await world.pass_time(days=2)
        assert world.statuses() == ["ended"]


async def test_a_known_absence_pauses_although_nothing_can_be_read_and_resumes_only_when_it_can() -> None:
    async with unhurried() as world:
        await world.active()
        world.lifecare.absence(ANNA, world.today + timedelta(days=1), world.today + timedelta(days=2))
        await world.settle()
        fail(world, "500")
        for hours in (38, 48):
            await world.pass_time(hours=hours)
            assert world.statuses() == ["paused"]
        world.lifecare_faults.clear()
        await world.pass_time(hours=7)
        assert world.statuses() == ["active"]


async def test_a_withdrawal_that_was_seen_pauses_though_another_heading_is_unread_and_nothing_resumes_on_it() -> None:
    async with unhurried() as world:
        _, execution = await world.active()
        collected = Rule(kind=Kind.STATUS_BEFORE, status=500, pattern="documentations.*ExecutionId.*S112", times=None)
        world.lifecare_faults.add(collected)
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        await world.look_again()
        assert world.statuses() == ["paused"]
        known = await world.db.run(partial(facts.load, tenant="exempel", ref=(await world.case()).ref))
        assert known.resources["notes"].stale
        assert Signal.CONSENT_WITHDRAWN in {note.signal for note in known.resources["notes"].value}, "and is kept"
        await world.pass_time(hours=1)
        world.note(execution, Signal.CONSENT_SIGNED)
        await world.look_again()
        assert world.statuses() == ["paused"]
        world.lifecare_faults.clear()
        await world.look_again()
        assert world.statuses() == ["active"]


@pytest.mark.parametrize("fault", ["401", "garbage", "404"])
async def test_nothing_begins_on_what_can_not_be_read(fault: str) -> None:
    async with unhurried() as world:
        order = await world.taken_in()
        execution = world.execute(order)
        await world.settle()
        fail(world, fault, "sol_decisions")
        world.prepare(execution)
        await world.pass_time(hours=3)
        assert world.statuses() == []


def somebody_else(world: World) -> None:
    """Another person, so that each resource still shows something."""
    other = "19340102TF01"
    world.lifecare.seed_person(other)
    world.lifecare.start_execution(world.lifecare.order(other, "shower").order_id)
    world.lifecare.absence(other, world.today)


@pytest.mark.parametrize("entity", ["sol_decisions", "orders", "executions", "ordered_services", "clients"])
async def test_what_vanished_without_a_word_pauses_and_is_told_and_ends_nothing(entity: str) -> None:
    async with unhurried() as world:
        keys = world.keys(*await world.active())
        somebody_else(world)
        told = len(world.notes()) + len(world.mail.sent)
        world.lifecare.vanish(entity, keys[entity])
        await world.pass_time(hours=26)
        assert world.statuses() == ["paused"]
        assert len(world.notes()) + len(world.mail.sent) > told
        await world.pass_time(days=2)
        assert world.statuses() == ["paused"]


async def test_an_absence_ends_by_a_word_and_by_its_last_day_and_not_by_vanishing() -> None:
    async with unhurried() as world:
        await world.active()
        somebody_else(world)

        async def after_a_day_away() -> int:
            absence = world.lifecare.absence(ANNA, world.today, world.today + timedelta(days=4))
            await world.pass_time(days=1)
            assert world.statuses() == ["paused"]
            return absence

        world.lifecare.delete("client_absences", await after_a_day_away())
        await world.pass_time(days=1)
        assert world.statuses() == ["active"]
        world.lifecare.vanish("client_absences", await after_a_day_away())
        for status in ("paused", "active"):
            await world.pass_time(days=2)
            assert world.statuses() == [status]
