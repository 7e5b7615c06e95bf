"""Stale is not gone: what can't be read changes nothing by itself, and what is known still pauses and ends."""

from datetime import date, timedelta
from functools import partial

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.store import due, facts
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


def fail(world: World, fault: str, resource: str = "") -> int:
    rule: dict[str, object] = {"path": f"{BASE}/api/v1/{resource}", "method": "GET", "times": None}
    return world.lifecare_faults.add(Rule.model_validate(rule | FAULTS[fault]))


async def look(world: World) -> None:
    """Have the case read now."""
    case, now = await world.case(), world.clock.time
    await world.db.run(lambda c: due.mark_due(c, "exempel", [case.ref], now, "test"))
    await world.settle()


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_hour_of_whatever_answer_changes_nothing_by_itself(fault: str) -> None:
    async with unhurried() as world:
        await world.active()
        for part in TOGETHER:
            before = [act.key for act in await world.acts() if act.kind.value != "mail"]
            rules = [fail(world, fault, resource) for resource in part]
            await look(world)
            await world.pass_time(hours=1)
            assert world.statuses() == ["active"], part
            assert [act.key for act in await world.acts() if act.kind.value != "mail"] == before, part
            for rule in rules:
                world.lifecare_faults.remove(rule)
            await look(world)
            decision = (await world.case()).last_decision
            assert decision is not None
            assert not [a for a in decision.attention if a.code == "stale"], part
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
        rule = fail(world, "500")
        await world.pass_time(days=1, hours=14)
        assert world.statuses() == ["paused"]
        await world.pass_time(days=2)
        assert world.statuses() == ["paused"]
        world.lifecare_faults.remove(rule)
        await world.pass_time(hours=7)
        assert world.statuses() == ["active"]


async def test_a_withdrawal_that_was_seen_pauses_though_another_heading_can_not_be_read_and_nothing_resumes_on_it() -> (
    None
):
    async with unhurried() as world:
        _, execution = await world.active()
        collected = Rule(kind=Kind.STATUS_BEFORE, status=500, pattern="documentations.*ExecutionId.*S112", times=None)
        rule = world.lifecare_faults.add(collected)
        world.note(execution, Signal.CONSENT_WITHDRAWN)
        await look(world)
        assert world.statuses() == ["paused"]
        known = await world.db.run(partial(facts.load, tenant="exempel", ref=(await world.case()).ref))
        assert known.resources["notes"].stale
        assert Signal.CONSENT_WITHDRAWN in {note.signal for note in known.resources["notes"].value}, "and is kept"
        await world.pass_time(hours=1)
        world.note(execution, Signal.CONSENT_SIGNED)
        await look(world)
        assert world.statuses() == ["paused"]
        world.lifecare_faults.remove(rule)
        await look(world)
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
        order, execution = await world.active()
        somebody_else(world)
        ids: dict[str, int | str] = {
            "sol_decisions": order.decision_id,
            "orders": order.order_id,
            "executions": execution,
            "ordered_services": order.service_id,
            "clients": ANNA,
        }
        notes, mails = len(world.notes()), len(world.mail.sent)
        world.lifecare.vanish(entity, ids[entity])
        await world.pass_time(hours=26)
        assert world.statuses() == ["paused"]
        assert (await world.case()).phase is Phase.PAUSED
        assert len(world.notes()) > notes or len(world.mail.sent) > mails
        await world.pass_time(days=2)
        assert world.statuses() == ["paused"]


async def away(world: World, last: date | None) -> int:
    """An active case whose person is away, until ``last`` or without an end."""
    await world.active()
    somebody_else(world)
    absence = world.lifecare.absence(ANNA, world.today, last)
    await world.pass_time(days=1)
    assert world.statuses() == ["paused"]
    return absence


@pytest.mark.parametrize(("vanishes", "status"), [(True, "paused"), (False, "active")])
async def test_an_absence_ends_by_a_word_and_by_its_last_day_and_not_by_vanishing(vanishes: bool, status: str) -> None:
    async with unhurried() as world:
        absence = await away(world, world.today + timedelta(days=4))
        if vanishes:
            world.lifecare.vanish("client_absences", absence)
        else:
            world.lifecare.delete("client_absences", absence)
        await world.pass_time(days=2)
        assert world.statuses() == [status]
        await world.pass_time(days=2)
        assert world.statuses() == ["active"]
