"""The database: two processes on it, its errors, and its schema."""

import asyncio
import sqlite3
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, make_url, text

from adapter.domain.decision import Phase
from adapter.domain.ledger import ActState
from adapter.log_events import log, log_context
from adapter.ports import Effect
from adapter.store import cases, claims, database, due, outbox, persons
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.tables import RETIRED, metadata
from tests.conftest import Logs
from tests.store.backends import NOW, PERSON, Store, after, decided, done, want


async def test_many_transactions_at_once_are_all_kept(store: Store) -> None:
    def opens(n: int, conn: Connection) -> str:
        return persons.external_id_for(conn, "north", f"p{n}")

    codes = await asyncio.gather(*(store.db.run(partial(opens, n)) for n in range(20)))
    assert len(set(codes)) == 20


async def test_what_goes_through_very_many_rows_does_so_in_a_thread(store: Store) -> None:
    ref = store.open("1").ref

    def reads(conn: Connection) -> tuple[str, threading.Thread]:
        return cases.the_case(conn, "north", ref).ref, threading.current_thread()

    read, thread = await store.db.run_aside(reads)
    assert read == ref
    assert (thread is threading.current_thread()) == store.db.memory


async def test_all_else_goes_on_while_the_database_is_waited_for(store: Store) -> None:
    if store.db.memory:
        pytest.skip("nobody else can hold a database in memory")
    ref = store.open("1").ref
    held, go = threading.Event(), threading.Event()

    def holds(conn: Connection) -> None:
        cases.lock(conn, "north", ref)
        held.set()
        assert go.wait(30)

    with ThreadPoolExecutor() as others:
        holding = others.submit(store.db.run_sync, holds)
        assert held.wait(30)
        waiting = asyncio.ensure_future(store.db.run(lambda c: due.mark_due(c, "north", [ref], NOW, "test")))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        go.set()
        assert await waiting == 1
        holding.result()


async def test_what_is_logged_within_a_transaction_names_the_case_as_what_is_logged_around_it(
    store: Store, logs: Logs
) -> None:
    with log_context(tenant="north", case="TK-AAAAAA", correlation="1"):
        await store.db.run(lambda _: log("act_dropped", act="01 x", kind=None, why="test"))
    (line,) = logs.events("act_dropped")
    assert (line["tenant"], line["case"], line["correlation"]) == ("north", "TK-AAAAAA", "1")


async def test_a_simulation_runs_every_transaction_in_its_own_thread(embedded: Store) -> None:
    assert await embedded.db.run(lambda conn: threading.current_thread()) is threading.current_thread()


def test_two_processes_share_the_work_and_none_is_done_twice(shared_store: Store, url: str) -> None:
    """Two owners claim at the same moment, each with a database connection of its own."""
    store = shared_store
    opened = set()
    for i in range(40):
        case = store.open(f"{i}")
        store.settle(case, want("a"))
        opened.add(case.ref)
    claimed: list[tuple[str, str]] = []
    barrier = threading.Barrier(2)

    def work(owner: str) -> None:
        db = Database(url, inline=True)
        mine = Store(db)
        barrier.wait()
        for _ in range(30):
            taken = mine.claim(owner, limit=3)
            claimed.extend(("case", c.ref) for c in taken)
            claimed.extend(("act", c.ref) for c in mine.take(owner, limit=3))
            for case in taken:
                mine.finish(case, decided())
        db.close()

    with ThreadPoolExecutor(2) as both:
        for outcome in [both.submit(work, owner) for owner in ("one", "two")]:
            outcome.result()
    assert sorted(claimed) == sorted([("case", ref) for ref in opened] + [("act", ref) for ref in opened])


def test_no_act_gets_stuck_when_it_is_decided_while_the_one_before_it_is_done(
    shared_store: Store, other: Store
) -> None:
    """Neither transaction sees the other, so one must wait. Otherwise nobody would release the second act."""
    store = shared_store
    case = store.wanting(want("a"))
    (first,) = store.take()
    ending = threading.Thread(target=lambda: other.run(done, first, Effect({}), NOW))

    def decides(conn: Connection) -> None:
        cases.lock(conn, case.tenant, case.ref)
        outbox.settle_wanted(conn, case, [want("b")], facts_at=NOW, now=NOW)
        ending.start()
        ending.join(0.2)

    store.db.run_sync(decides)
    ending.join()
    assert [claimed.act.key for claimed in store.take()] == ["b"]


def test_an_act_that_is_being_decided_on_is_not_claimed_before_that_is_over(shared_store: Store, other: Store) -> None:
    """Otherwise one process would send it and the other would drop it."""
    store = shared_store
    case = store.wanting(want("a"))

    def decides(conn: Connection, claiming: ThreadPoolExecutor) -> Future[list[claims.ClaimedAct]]:
        cases.lock(conn, case.tenant, case.ref)
        rows = outbox.lock_acts(conn, case.tenant, case.ref)
        taking = claiming.submit(other.take)
        wait([taking], timeout=0.2)
        assert outbox.settle_wanted(conn, case, [], facts_at=NOW, now=NOW, rows=rows).dropped == ("a",)
        return taking

    with ThreadPoolExecutor(1) as claiming:
        taking = store.db.run_sync(lambda conn: decides(conn, claiming))
        assert taking.result() == []


def test_two_cases_of_one_person_that_close_at_once_both_close(shared_store: Store, url: str) -> None:
    """Each case marks the other when it closes, so each transaction wants the row that the other has locked."""
    refs = [shared_store.open(f"SB-{n}").ref for n in range(2)]
    both = threading.Barrier(2)

    def close(case: cases.Case) -> cases.Case:
        db = Database(url)
        first = True

        def body(conn: Connection) -> cases.Case:
            nonlocal first
            cases.lock(conn, case.tenant, case.ref)
            if first and not url.startswith("sqlite"):
                first = False
                both.wait(timeout=10)
            return due.finish(conn, case, decided(Phase.CLOSED), owner="me", now=NOW, read_again_at=None)

        with closing(db):
            return db.run_sync(body)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(close, shared_store.claim("me")))
    for case in shared_store.claim("me"):
        shared_store.finish(case, decided(Phase.CLOSED))
    assert not any(shared_store.run(cases.the_case, "north", ref).open for ref in refs)


def test_a_process_frozen_within_a_transaction_holds_up_the_others_for_seconds_only_and_begins_it_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """What it logs is logged once."""
    with closing(Database(postgres_url)) as unhurried:
        unhurried.upgrade()
    monkeypatch.setattr(database, "IDLE_MS", 200)
    frozen, other = Database(postgres_url), Database(postgres_url)
    store = Store(other)
    ref = store.open("SB-1").ref
    holds, woken = threading.Event(), threading.Event()

    def freeze(conn: Connection) -> bool:
        cases.lock(conn, "north", ref)
        log("case_opened", order="SB-1", person="p-1", adopted=False)
        holds.set()
        assert woken.wait(10)
        return cases.lock(conn, "north", ref)

    with ThreadPoolExecutor(1) as thread:
        asleep = thread.submit(frozen.run_sync, freeze)
        assert holds.wait(10)
        assert store.run(cases.lock, "north", ref)
        woken.set()
        assert asleep.result()
    assert len(logs.events("case_opened")) == 1
    frozen.close()
    other.close()


def test_work_goes_on_over_a_connection_that_died_but_not_where_nobody_knows_what_became_of_the_commit(
    postgres_url: str,
) -> None:
    """A server was restarted, or a firewall forgot the connection."""
    db, other = Database(postgres_url), Database(postgres_url)
    db.upgrade()
    runs: list[int] = []

    def run(conn: Connection) -> int:
        runs.append(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())
        return runs[-1]

    def end(pid: int) -> None:
        other.run_sync(lambda c: c.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}))

    def ended_at_the_first_run(conn: Connection) -> str:
        if run(conn) == runs[0]:
            end(runs[0])
        return persons.external_id_for(conn, "north", "p1")

    def ended_at_each_run(conn: Connection) -> str:
        end(run(conn))
        return persons.external_id_for(conn, "north", "p1")

    def ended_before_the_commit(conn: Connection) -> None:
        end(run(conn))

    end(db.run_sync(run))
    assert db.run_sync(run) != runs[0], "it had died while it was unused"
    runs.clear()
    assert db.run_sync(ended_at_the_first_run)
    assert len(runs) == 2
    runs.clear()
    with pytest.raises(StoreError) as error:
        db.run_sync(ended_before_the_commit)
    assert error.value.reason == "unreachable"
    assert len(runs) == 1
    runs.clear()
    with pytest.raises(StoreError):
        db.run_sync(ended_at_each_run)
    assert len(runs) == 2, "it may be the cause itself"
    other.close()
    db.close()


def test_the_migrations_add_up_to_the_tables(store: Store) -> None:
    def differences(conn: Connection) -> object:
        opts = {"compare_type": True, "include_name": lambda name, *_: name not in RETIRED}
        return compare_metadata(MigrationContext.configure(conn, opts=opts), metadata)

    assert store.run(differences) == []


def test_upgrading_again_changes_nothing(store: Store) -> None:
    case = store.open("1")
    store.db.upgrade()
    current, head = store.db.schema()
    assert current == head is not None
    assert store.read(case) == case


def test_before_the_first_upgrade_there_is_no_schema(url: str) -> None:
    with closing(Database(url)) as db:
        assert db.schema()[0] is None
        with pytest.raises(StoreError) as caught:
            Store(db).open("1")
    assert caught.value.reason == "schema"


def test_a_refused_statement_is_told_without_anything_personal(store: Store) -> None:
    def twice(conn: Connection) -> None:
        for code in ("P-A", "P-B"):
            row = {"tenant": "north", "person": PERSON, "external_id": code, "emptied": False}
            conn.execute(metadata.tables["persons"].insert().values(**row))

    with pytest.raises(StoreError) as caught:
        store.run(twice)
    told = "".join(traceback.format_exception(caught.value))
    assert PERSON not in told
    assert "persons" in str(caught.value)


def test_a_locked_file_is_told_as_such(embedded: Store, tmp_path: Path) -> None:
    db = embedded.db
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    @event.listens_for(db._engine, "checkout")
    def impatient(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1")

    with pytest.raises(StoreError, match="another process") as caught:
        db.run_sync(lambda conn: None)
    assert caught.value.reason == "locked"
    other.close()
    db.run_sync(lambda conn: None)


def test_a_full_disk_loses_nothing_that_was_stored(embedded: Store) -> None:
    case = embedded.open("1")

    @event.listens_for(embedded.db._engine, "checkout")
    def small(connection: sqlite3.Connection, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="free space") as caught:
        embedded.settle(case, *(want(f"k{i}", what={"text": "x" * 4000}) for i in range(50)))
    assert caught.value.reason == "full"
    assert embedded.acts(case) == {}


def test_a_file_that_is_taken_away_stops_everything_instead_of_being_written_to_unseen(
    embedded: Store, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    path.rename(tmp_path / "kept.db")
    with pytest.raises(StoreError, match="put the file back") as caught:
        embedded.open("1")
    assert caught.value.reason == "missing"
    (tmp_path / "kept.db").rename(path)
    embedded.open("1")


def test_a_file_that_is_no_database_and_a_folder_that_is_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, " * 100)
    for name, reason in (("text.db", "corrupt"), ("nowhere/store.db", "missing")):
        with closing(Database(f"sqlite:///{tmp_path}/{name}")) as db, pytest.raises(StoreError) as caught:
            db.upgrade()
        assert caught.value.reason == reason


def test_a_second_adapter_on_one_file_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    first, second, looking = (Database(f"sqlite:///{tmp_path}/store.db") for _ in range(3))
    first.hold_alone()
    first.hold_alone()
    assert first.alone
    with pytest.raises(StoreError, match="used by another adapter") as refused:
        second.hold_alone()
    assert refused.value.reason == "held"
    assert not second.alone
    assert looking.schema()[0] is None, "a command may look in all the same"
    first.close()
    second.hold_alone()
    for db in (second, looking):
        db.close()


@pytest.mark.parametrize(("given", "prepared"), [("", False), ("None", False), ("3", True)])
def test_statements_are_prepared_by_the_server_only_where_the_url_says_so(
    postgres_url: str, given: str, prepared: bool
) -> None:
    """A pooler that hands sessions round would meet a name twice, or not at all."""
    query = {"prepare_threshold": given} if given else {}
    db = Database(make_url(postgres_url).update_query_dict(query).render_as_string(hide_password=False))
    for _ in range(8):
        db.run_sync(lambda c: c.execute(text("SELECT 1")))
    found = db.run_sync(lambda c: c.scalar(text("SELECT count(*) FROM pg_prepared_statements")))
    assert bool(found) is prepared
    db.close()


def test_a_database_on_a_server_is_nobodys_alone(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as db:
        db.hold_alone()
        assert not db.alone


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "the database URL can't be read"),
        ("mysql://me:s3cret@host/db", "only sqlite and postgresql"),
        ("postgres+nothing://host/db", "only sqlite and postgresql"),
        ("postgresql+psycopg://adapter@db.example/adapter?prepare_threshold=often", "a whole number or None"),
    ],
)
def test_another_kind_of_database_is_refused_in_words_and_no_password_is_told(url: str, told: str) -> None:
    with pytest.raises(StoreError, match=told) as refused:
        Database(url)
    assert "s3cret" not in str(refused.value)


def test_a_sqlite_file_is_safe_against_a_power_cut(embedded: Store) -> None:
    def pragmas(conn: Connection) -> list[object]:
        return [conn.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "busy_timeout")]

    assert embedded.run(pragmas) == ["wal", 2, 5000]


def test_what_runs_often_walks_an_index_and_sorts_nothing(embedded: Store, tmp_path: Path) -> None:
    """With 100,000 cases a claim must not read them all."""
    store = embedded
    case = store.wanting(want("a"))
    seen: list[tuple[str, Any]] = []
    event.listen(store.db._engine, "before_cursor_execute", lambda c, cur, sql, args, *_: seen.append((sql, args)))
    claimed = store.claim_one()
    store.finish(claimed, decided())
    (taken,) = store.take()
    store.failed(taken, ActState.PENDING, after(hours=1))
    store.run(outbox.ledger, case)
    store.settle(case, want("a", what={"to": "other"}), want("b"))
    store.mark(case.ref)
    store.run(cases.case_of_order, "north", "1")
    store.run(cases.open_cases_of_person, "north", PERSON)
    statements = [s for s in seen if s[0].startswith(("SELECT", "UPDATE"))]
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        plans = [(row[3], sql) for sql, args in statements for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", args)]
    slow = [
        (step, sql)
        for step, sql in plans
        if ("SCAN" in step and not any(given in step for given in ("CONSTANT ROW", "json_each", "SCAN v")))
        or ("TEMP B-TREE" in step and "ready_at <=" in sql)
        or ("acts" in step and step.endswith("(tenant=?)"))
    ]
    assert (len(statements) > 8, slow) == (True, [])
