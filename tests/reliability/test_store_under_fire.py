"""The store under fire: the adapter says so, loses nothing, does nothing twice, and goes on when it is mended."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, event, text

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.domain.ledger import ActKind, ActState
from adapter.engine import jobs
from adapter.engine.jobs import Jobs
from adapter.store import cases, events
from adapter.store.backup import back_up
from adapter.store.database import Database
from adapter.store.errors import StoreError
from connectors.mock.faults import Kind, Rule
from tests.conftest import Logs
from tests.reliability.mortal import MortalWorld
from tests.replicas.crew import NOTES_EACH
from tests.world import World, down

T = TypeVar("T")


def on_disk(folder: Path) -> Database:
    return Database(f"sqlite:///{folder}/adapter.db", inline=True)


async def all_is_well(world: World) -> None:
    """The case runs, and everything was done once."""
    await world.pass_time(hours=2)
    assert (await world.case()).phase is Phase.ACTIVE
    notes = [note.text for note in world.lifecare.notes_written()]
    assert len(set(notes)) == len(notes) == NOTES_EACH
    assert world.statuses() == ["active"]
    assert {a.state for a in await world.acts()} == {ActState.DONE}


@pytest.mark.parametrize("nth", [53, 79])
async def test_a_commit_that_fails_now_and_then_changes_no_life(  # slow, as a whole life is lived for each
    nth: int, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = MortalWorld()
    commits = 0
    async with world:
        run = world.db.run_sync

        def failing(fn: Callable[[Connection], T]) -> T:
            nonlocal commits
            commits += 1
            if commits % nth or world.over or fn.__qualname__.startswith(("World", "MortalWorld")):
                return run(fn)

            def failed(c: Connection) -> T:
                fn(c)
                raise StoreError("the commit failed", "full")

            return run(failed)

        monkeypatch.setattr(world.db, "run_sync", failing)
        await world.a_whole_life()
        assert await world.end_state() == undisturbed
        assert commits > 10 * nth


async def test_transactions_that_are_begun_again_from_their_beginning_change_no_life(
    undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """As if another process were in the way (PostgreSQL: deadlock, serialisation failure). Nor is anything logged
    twice."""
    world = MortalWorld()
    async with world:
        run = world.db.run_sync

        def again(fn: Callable[[Connection], T]) -> T:
            def begun(c: Connection) -> None:
                fn(c)
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                run(begun)
            return run(fn)

        monkeypatch.setattr(world.db, "run_sync", again)
        down(world.phoniro, times=20)
        await world.a_whole_life()
        left = await world.end_state()
        reference = left["schedules"][0][0].rpartition("-")[0]
        expected = undisturbed["schedules"][0][0].rpartition("-")[0]
        left["schedules"] = [(undisturbed["schedules"][0][0], *acts) for _, *acts in left["schedules"]]
        left["mails"] = [(to, subject.replace(reference, expected)) for to, subject in left["mails"]]
        assert left == undisturbed, "but for the reference, which was drawn twice"
        assert [len(logs.events(name)) for name in ("case_opened", "case_closed")] == [1, 1]


async def test_a_full_disk_is_said_once_though_all_that_only_reads_goes_well(tmp_path: Path, logs: Logs) -> None:
    db = on_disk(tmp_path)
    async with World(db=db) as world:
        turns = Jobs(world.rt)
        pages = await db.run(lambda c: c.scalar(text("PRAGMA page_count")))

        @event.listens_for(db._engine, "checkout")
        def limited(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        async def write() -> None:
            long = {"long": "x" * 10**6}
            await db.run(lambda c: events.record(c, "exempel", None, "test", long, now=world.clock.time))

        async def read() -> None:
            await db.run(lambda c: cases.all_cases(c, "exempel"))

        for _ in range(3):
            await turns._run(write)
            await turns._run(read)
        assert len(logs.events("store_unavailable")) == 1


async def test_a_stop_does_not_wait_for_a_database_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GIVE_BACK_SECONDS", 0.05)
    async with World() as world:
        with monkeypatch.context() as hung:
            hung.setattr(world.rt.db, "run", lambda _: asyncio.Event().wait())
            async with asyncio.timeout(10):
                with pytest.raises(StoreError, match="leases of this process end"):
                    await jobs._give_back(world.rt)


async def test_a_backup_of_a_live_database_starts_and_sends_nothing_that_was_sent_since(tmp_path: Path) -> None:
    db = on_disk(tmp_path)
    world = World(db=db)
    copy = tmp_path / "backup.db"
    async with world:
        world.ready()
        await world.cycle()
        with closing(sqlite3.connect(tmp_path / "adapter.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM cases").fetchall()
            assert back_up(tmp_path / "adapter.db", copy) == copy.stat().st_size
        await world.settle()
        written = len(world.lifecare.notes_written())
        assert written == NOTES_EACH
        # The disk is lost. The copy that is put back is minutes older than the world.
        world.db = Database(f"sqlite:///{copy}", inline=True)
        world.restart()
        assert await world.acts()
        await all_is_well(world)
        assert len(world.lifecare.notes_written()) == written
        world.db.close()


async def test_after_a_backup_was_put_back_no_message_is_taken_for_an_older_one_of_its_number(tmp_path: Path) -> None:
    """After the copy other times are agreed, and another step is late, than in the days that the copy doesn't know. So
    the third act is another note and the fourth another mail. The answers to both are lost."""
    world, copy = World(db=on_disk(tmp_path), poll_seconds=43200, awaiting_minutes=600), tmp_path / "backup.db"
    async with world:
        world.person()
        execution = world.execute(world.order())
        await world.settle()
        back_up(tmp_path / "adapter.db", copy)
        world.note(execution, Signal.TIMES_AGREED, "22.30, 02:15 och 05.00")
        await world.pass_time(days=8)
        lost = [(a.n, a.kind) for a in await world.acts() if a.n in (3, 4)]
        assert lost == [(3, ActKind.MESSAGE), (4, ActKind.MAIL)]
        before = set(world.mail.tried)

        world.db.close()
        world.db = Database(f"sqlite:///{copy}", inline=True)
        world.restart()
        world.note(execution, Signal.TIMES_AGREED, "23.30, 02:15 och 05.00")
        world.note(execution, Signal.INSTALLATION_BOOKED)
        world.lifecare_faults.add(Rule(kind=Kind.CUT_BEFORE, method="POST", pattern="provider_notes", times=1))
        world.mail.loses = 1
        await world.pass_time(days=10)
        assert [(a.n, a.kind) for a in await world.acts() if a.n in (3, 4)] == lost
        assert {a.state for a in await world.acts()} == {ActState.DONE}
        assert sum("23:30" in note.text for note in world.lifecare.notes_written()) == 1
        assert before.isdisjoint(world.mail.tried[len(before) :]), "no mail system drops one for an older one"
        assert len(world.mail.tried) == len(set(world.mail.tried)) + 1, "only what was lost was sent again"
        world.db.close()


def test_a_backup_replaces_no_file_and_leaves_no_half_of_one(tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    there.write_text("somebody's")
    with pytest.raises(StoreError, match="never replaces"):
        back_up(tmp_path / "adapter.db", there)
    with pytest.raises(StoreError, match="no database"):
        back_up(tmp_path / "adapter.db", tmp_path / "new.db")
    (tmp_path / "adapter.db").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match="failed"):
        back_up(tmp_path / "adapter.db", tmp_path / "new.db")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter.db", "there.db"]
