"""Re-syncs in a whole world: taken once, done beside the daily work, and reported at the end."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from adapter.domain.decision import Phase
from adapter.domain.ledger import ActState
from adapter.engine import request_worker, resync
from adapter.engine.jobs import run_once
from adapter.engine.request_worker import RequestDesk, take_in, turn
from adapter.engine.worker import work
from adapter.store import due, events, requests
from adapter.store.requests import Item, ItemState, Request
from adapter.store.tables import acts, feed_items
from connectors.mock.faults import Kind, Rule
from tests.conftest import Logs
from tests.world import World

DONE = '[[done]]\ncase = "{ref}"\nsignal = "{signal}"\nat = {at}\nwho = "koordinator"\nwhy = "nowhere to note it"\n'


def entry(id: str = "r1", scope: str = "open", mode: str = "apply", **more: Any) -> str:
    keys = {"id": id, "scope": scope, "mode": mode, "who": "IT on call", "why": "a test", **more}
    lines = [f"{key} = {value!r}" if key != "since" else f"since = {value}" for key, value in keys.items()]
    return "\n".join(["[[resync]]", *lines, ""])


async def take(world: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "resync.toml"
    file.write_text(text, encoding="utf-8")
    await take_in(world.rt, file)


async def work_off(world: World) -> None:
    for _ in range(200):
        if not await turn(world.rt):
            return
        await work(world.rt)
        world.clock.time += timedelta(seconds=2)
    raise AssertionError("the re-sync never ends")


async def state(world: World, id: str = "r1") -> tuple[Request, list[Item]]:
    def read(c: Connection) -> tuple[Request, list[Item]]:
        (row,) = requests.all_requests(c, id=id)
        return row, requests.items(c, row.tenant, id)

    return await world.db.run(read)


async def test_a_request_is_taken_once_for_ever_whoever_reads_the_file(tmp_path: Path, logs: Logs) -> None:
    async with World() as world:
        await world.taken_in()
        await take(world, tmp_path, entry())
        await work_off(world)
        world.restart()
        await take(world, tmp_path, entry())
        assert await turn(world.rt) is False
        assert len(logs.events("request_taken")) == 1
        (finished,) = logs.events("resync_finished")
        assert (finished["looked_at"], finished["failed"]) == (1, 0)


async def test_a_bad_entry_holds_up_no_good_one_and_an_id_used_up_is_one(tmp_path: Path, logs: Logs) -> None:
    async with World() as world:
        await take(world, tmp_path, entry("bad", "evrything") + entry("good"))
        await work_off(world)
        await take(world, tmp_path, entry("good", "parked"))
        assert [line["resync"] for line in logs.events("resync_finished")] == ["good"]
        bad, used_up = logs.events("request_refused")
        assert (bad["line"], bad["field"], bad["level"]) == (3, "scope", "error")
        assert (used_up["line"], used_up["field"]) == (1, "id")
        assert "give this one a new id" in used_up["reason"]


async def test_the_file_is_seen_to_change_and_not_read_while_it_is_being_written(tmp_path: Path, logs: Logs) -> None:
    file = tmp_path / "resync.toml"
    async with World(resync_file=str(file)) as world:  # type: ignore[arg-type]  # a path, not a number
        desk = RequestDesk(world.rt)
        for _ in range(3):
            await desk.look_and_work()
        file.write_text(entry()[:20], encoding="utf-8")
        await desk.look_and_work()
        file.write_text(entry(), encoding="utf-8")
        await desk.look_and_work()
        assert not logs.events("request_taken")
        await desk.look_and_work()
        await desk.look_and_work()
        assert len(logs.events("request_taken")) == 1
        assert not logs.events("request_refused")


async def test_an_order_that_every_feed_missed_is_found(tmp_path: Path) -> None:
    async with World() as world:
        world.person()
        await world.settle()
        order = world.order()
        await world.db.run(lambda c: c.execute(update(feed_items).values(fingerprint="x")))
        day = world.today.isoformat()
        await take(world, tmp_path, entry("plan", "since", "plan", since=day))
        await work_off(world)
        _, (planned,) = await state(world, "plan")
        assert (planned.item, planned.state) == (f"order:{order.order_id}", ItemState.PLANNED)
        assert not await world.cases()
        await take(world, tmp_path, entry("r1", "since", since=day))
        await work_off(world)
        case = await world.case()
        _, (item,) = await state(world)
        assert (item.item, item.state) == (case.ref, ItemState.DONE)
        assert item.told["opened"]


async def test_orders_are_named_and_each_one_that_nothing_comes_of_says_why(tmp_path: Path) -> None:
    async with World() as world:
        world.person()
        order = world.order()
        shower = world.lifecare.order("19340101TF01", "shower", start=world.today, order_date=world.today)
        await take(world, tmp_path, entry("r1", "orders", orders=[order.order_id, shower.order_id, "999999"]))
        await work_off(world)
        row, found = await state(world)
        case = await world.case()
        why = {i.item: i.told.get("why") for i in found}
        assert why[case.ref] is None
        assert why["order:999999"] == "there is no such order"
        assert "no camera order" in str(why[f"order:{shower.order_id}"])
        assert row.report is not None
        assert (row.report["opened"], row.report["failed"]) == (1, 2)


async def test_plan_says_what_apply_would_do_and_does_nothing(tmp_path: Path, logs: Logs) -> None:
    async with World() as world:
        order = await world.taken_in()
        before = len(world.lifecare.notes_written())
        world.prepare(world.execute(order))
        await take(world, tmp_path, entry(mode="plan"))
        await work_off(world)
        case = await world.case()
        _, (item,) = await state(world)
        assert (item.item, item.state, item.told["was"]) == (case.ref, ItemState.PLANNED, "preparing")
        planned = list(item.told["acts"])
        assert any(key.endswith(":create") for key in planned)
        assert len(world.lifecare.notes_written()) == before
        assert not world.statuses()
        await take(world, tmp_path, entry("r2"))
        await work_off(world)
        assert set(planned) <= {act.key for act in await world.acts()}


async def test_parked_acts_get_another_chance_and_other_cases_are_left_alone(tmp_path: Path) -> None:
    async with World() as world:
        for person in ("19340101TF01", "19340102TF02"):
            world.person(person)
            world.order(person)
        await world.settle()
        one, _ = sorted(case.ref for case in await world.cases())

        def park(c: Connection) -> None:
            c.execute(update(acts).where(acts.c.ref == one, acts.c.n == 1).values(state=ActState.PARKED))

        await world.db.run(park)
        await take(world, tmp_path, entry(scope="parked"))
        await work_off(world)
        _, found = await state(world)
        assert [i.item for i in found] == [one]
        assert (await world.acts(one))[0].state is not ActState.PARKED


async def test_no_more_cases_are_taken_up_than_are_being_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a few cases wait because of a re-sync at a time, whatever its size."""
    monkeypatch.setattr(resync, "BATCH", 3)
    async with World() as world:
        for n in range(7):
            person = f"1934010{n}TF0{n}"
            world.person(person)
            world.order(person)
        await world.settle()
        await take(world, tmp_path, entry())
        longest = 0
        for _ in range(6):
            await turn(world.rt)
            world.clock.time += timedelta(seconds=2)
            now = world.clock.time
            claim = partial(due.claim_due, tenant="exempel", now=now, limit=100, owner="x", lease_until=now)
            waiting = await world.db.run(claim)
            longest = max(longest, len(waiting))
            for case in waiting:
                await world.db.run(partial(due.release, case=case, owner="x", due_at=world.clock.time))
        assert longest == 3
        await work_off(world)
        row, found = await state(world)
        assert row.finished_at is not None
        assert [i.state for i in found] == [ItemState.DONE] * 7


async def test_a_re_sync_goes_on_where_it_was_after_the_process_died(tmp_path: Path) -> None:
    async with World() as world:
        await world.taken_in()
        await take(world, tmp_path, entry(scope="everything"))
        for _ in range(3):
            await turn(world.rt)
        now = world.clock.time
        until = now + timedelta(minutes=10)
        assert await world.db.run(
            partial(requests.claim, tenants=["exempel"], now=now, owner="dead", lease_until=until)
        )
        assert await turn(world.rt) is False
        world.restart()
        world.clock.time += timedelta(hours=1)
        await work_off(world)
        row, found = await state(world)
        assert row.report is not None
        assert [i.state for i in found] == [ItemState.DONE]


async def test_a_vendor_that_is_away_makes_it_wait_and_it_goes_on_by_itself(tmp_path: Path, logs: Logs) -> None:
    async with World() as world:
        world.person()
        order = world.order()
        await take(world, tmp_path, entry(scope="orders", orders=[order.order_id]))
        world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, times=None))
        for _ in range(3):
            await turn(world.rt)
            world.clock.time += request_worker.RETRY
        assert len(logs.events("request_waits")) == 1
        world.lifecare_faults.clear()
        await work_off(world)
        assert (await state(world))[0].report == {"looked_at": 1, "with_acts": 1, "acts": 2, "opened": 1, "failed": 0}


async def test_run_once_takes_the_file_in_and_works_it_off(tmp_path: Path) -> None:
    async with World(resync_file=str(tmp_path / "resync.toml")) as world:  # type: ignore[arg-type]  # a path, not a number
        (tmp_path / "resync.toml").write_text(entry(), encoding="utf-8")
        await run_once(world.rt)
        assert (await state(world))[0].finished_at is not None


async def test_a_step_declared_by_hand_counts_as_its_signal_once(tmp_path: Path, logs: Logs) -> None:
    async with World(poll_seconds=6 * 3600, awaiting_minutes=720) as world:
        order, _ = await world.active()
        world.lifecare.decision_end(order.decision_id, world.today)
        await world.pass_time(days=2)
        case = await world.case()
        assert case.phase is Phase.ENDING
        at = world.clock.time.strftime("%Y-%m-%dT%H:%M:%SZ")
        text = DONE.format(ref=case.ref, signal="equipment_collected", at=at)
        await take(world, tmp_path, text)
        await take(world, tmp_path, text)
        await world.settle()
        (told,) = logs.events("step_declared")
        assert (told["case"], told["signal"], told["who"]) == (case.ref, "equipment_collected", "koordinator")
        assert next(step.state for step in (await world.decision()).steps if step.id == "A5") == "done"
        (letter,) = (act for act in await world.acts(case.ref) if act.what.get("letter") == "declared")
        assert (letter.state.value, letter.what["to"], letter.what["who"]) == ("done", "coordinator", "koordinator")
        audit = await world.db.run(partial(events.of_case, tenant="exempel", ref=case.ref))
        (audited,) = [event.data for event in audit if event.name == "case.declared"]
        assert (audited["who"], audited["why"]) == ("koordinator", "nowhere to note it")


REFUSED = (
    ({"ref": "TK-ZZZZZZ"}, "case", "is no case of ours"),
    ({"at": "2026-03-09T07:00:00Z"}, "at", "in the future"),
    ({"at": "2026-01-09T07:00:00Z"}, "at", "from before the case was opened"),
    ({"signal": "consent_signed"}, "signal", "can't be declared by hand"),
    ({"signal": "liability_signed"}, "signal", "can't be declared by hand"),
    ({"signal": "cohabitant_consent"}, "signal", "can't be declared by hand"),
)


async def test_a_declaration_that_cannot_be_is_refused(tmp_path: Path, logs: Logs) -> None:
    async with World() as world:
        await world.taken_in()
        good = {"ref": (await world.case()).ref, "signal": "keys_collected", "at": f"{world.clock.now():%FT%TZ}"}
        for declared, field, why in REFUSED:
            await take(world, tmp_path, DONE.format(**{**good, **declared}))
            refused = logs.events("request_refused")[-1]
            assert (refused["field"], why in refused["reason"]) == (field, True)
        assert len(logs.events("request_refused")) == len(REFUSED)
