"""What is wrong with one case, act or order harms no other. Each fault was found by reading the code."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapter.cli.adopt import proposals
from adapter.domain.decision import Phase
from adapter.domain.ledger import ActKind, ActState
from adapter.engine.feed_reader import read_feeds
from adapter.engine.worker import work
from adapter.store import claims, due, order_inbox
from adapter.store.cases import Case
from adapter.store.claims import ClaimedAct
from adapter.store.errors import StoreError
from connectors.mock.lifecare.simulator import BASE
from tests.conftest import Logs
from tests.lifecare.test_stale import unhurried
from tests.lifecare.test_taken_up_again import closed, extended
from tests.routine.test_going_live import camera_up, filled
from tests.world import ANNA, World, down

BERIT = "19340102TF01"
SELDOM: dict[str, Any] = {"poll_seconds": 6 * 3600, "awaiting_minutes": 360}
UNREADABLE = {
    "a resource of a newer version": (
        "INSERT INTO facts (tenant, ref, resource, value, tried_at, stale) "
        "VALUES ('exempel', :ref, 'allergies', '{}', '2026-03-01T00:00:00.000000Z', 0)"
    ),
    "an instant that is none": "UPDATE facts SET read_at = 'x' WHERE ref = :ref AND resource = 'notes'",
}


@pytest.mark.parametrize("how", UNREADABLE)
async def test_stored_facts_that_cannot_be_read_stop_their_own_case_alone(how: str) -> None:
    async with World() as world:
        for person in (ANNA, BERIT):
            world.person(person)
            world.execute(world.order(person))
        await world.settle()
        spoilt = next(case.ref for case in await world.cases() if case.person_id == ANNA)
        await world.db.run(lambda c: c.execute(text(UNREADABLE[how]), {"ref": spoilt}))
        world.clock.time += timedelta(days=1)
        before = world.clock.time
        await work(world.rt)
        for case in await world.cases():
            assert (case.failures == 1) == (case.ref == spoilt)
            assert case.ref == spoilt or (case.decided_at or before) >= before


@pytest.mark.parametrize("held", ["case", "act"])
async def test_a_case_or_an_act_whose_rows_somebody_holds_stops_no_other_and_is_done_once(
    held: str, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is claimed again when its lease ends."""
    async with World() as world:
        for person in (ANNA, BERIT):
            world.ready(person)
        await read_feeds(world.rt, world.tenant)
        taken = next(case.ref for case in await world.cases() if case.person_id == ANNA)
        monkeypatch.setattr(claims, "done", _contended(claims.done, taken))
        if held == "case":
            monkeypatch.setattr(due, "hold", _contended(due.hold, taken))
        await work(world.rt)
        undecided = {case.ref for case in await world.cases() if case.decided_at is None}
        under_way = {c.ref for c in await world.cases() for a in await world.acts(c.ref) if a.state is ActState.SENDING}
        assert (undecided, under_way) == (({taken}, set()) if held == "case" else (set(), {taken}))
        assert {line["case"] for line in logs.events("case_locked")} == {taken}
        monkeypatch.undo()
        await world.pass_time(minutes=30)
        assert world.statuses() == ["active", "active"]
        notes = [note.text for note in world.lifecare.notes_written()]
        assert len(set(notes)) == len(notes)


def _contended(real: Callable[..., Any], ref: str) -> Callable[..., Any]:
    def waits_in_vain(conn: Connection, what: Case | ClaimedAct, *more: Any, **named: Any) -> Any:
        if what.ref == ref:
            raise StoreError("another process was in the way", "contended")
        return real(conn, what, *more, **named)

    return waits_in_vain


async def test_a_closed_case_that_cannot_be_read_stops_no_feed(logs: Logs) -> None:
    async with unhurried() as world:
        order, _ = await closed(world)
        await world.db.run(lambda c: c.execute(text("UPDATE schedules SET record = '{}'")))
        extended(world, order)
        await world.cycle()
        assert logs.events("case_poisoned")
        assert not logs.events("store_unavailable")


async def test_a_client_that_is_deleted_pauses_and_is_put_to_the_platform_once_more_at_most() -> None:
    async with World() as world:
        world.person(BERIT)
        await world.active()
        puts = [a for a in await world.acts() if a.kind is ActKind.PUT_PERSON]
        world.lifecare.delete("clients", ANNA)
        await world.pass_time(hours=2)
        now = [a for a in await world.acts() if a.kind is ActKind.PUT_PERSON]
        assert len(now) <= len(puts) + 1
        assert (await world.case()).phase is Phase.PAUSED


async def test_an_adopted_case_that_is_unreadable_for_hours_still_sends_nothing_on_entry() -> None:
    async with World() as world:
        camera_up(world, 31)
        await world.ask(filled("\n".join(await proposals(world.service, "exempel"))))
        down(world.lifecare, 403, path=f"{BASE}/api/v1/client_absences")
        await world.pass_time(hours=3)
        assert [a.kind for a in await world.acts()] == [ActKind.MAIL], "that it can't be read is told"
        world.lifecare_faults.clear()
        await world.pass_time(hours=6)
        assert world.notes() == []
        assert (await world.case()).phase is Phase.ACTIVE


async def silent_day(world: World, day: object, times: int) -> None:
    """The order's day answers 404 so many times, while another day shows orders."""
    world.order(BERIT)
    await world.settle()
    down(world.lifecare, 404, path=f"{BASE}/api/v1/orders", pattern=f"UpdateTime.*{day}", times=times)
    for _ in range(times):
        world.clock.time += timedelta(minutes=30)
        await world.cycle()


@pytest.mark.parametrize("times", [1, 3])
async def test_an_order_that_cannot_be_read_yet_outlives_any_silence_of_its_day(times: int) -> None:
    async with World(**SELDOM) as world:
        world.person(BERIT)
        world.order(BERIT)
        await world.settle()
        world.person()
        order, day = world.order(), world.today
        down(world.lifecare, 500, path=f"{BASE}/api/v1/ordered_services", pattern=order.order_id)
        await world.pass_time(hours=49)
        await silent_day(world, day, times)
        world.lifecare_faults.clear()
        await world.pass_time(hours=7)
        assert {case.person_id for case in await world.cases()} == {ANNA, BERIT}


async def test_an_order_that_was_told_is_not_told_again_because_its_day_was_silent_once() -> None:
    async with World(**SELDOM) as world:
        world.person(BERIT)
        world.order(BERIT)
        world.person()
        order, day = world.order(), world.today
        world.lifecare.change("orders", order.order_id, Status="Suspended")
        await world.settle()
        await world.pass_time(hours=49)
        await silent_day(world, day, 1)
        await world.pass_time(hours=7)
        assert len([mail for mail in world.mail.sent if order.order_id in mail[2]]) == 1
        unusable = await world.db.run(lambda c: order_inbox.unusable_orders(c, "exempel"))
        assert [each.order_id for each in unusable] == [order.order_id]
