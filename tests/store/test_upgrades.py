"""Upgrades: every released schema is upgraded with data in it, and the version before still works beside the new
one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, Table, UniqueConstraint, create_engine, func, select, text
from sqlalchemy.engine import Connection as EngineConnection

from adapter.store import cases, order_inbox, outbox, persons, requests
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.migrate import config as alembic_config
from adapter.store.migrate import scripts
from adapter.store.types import instant_text
from tests.store.backends import NOW, PERSON, Store, want

REVISIONS = [script.revision for script in reversed(list(scripts().walk_revisions()))]
"""All schemas that ever were, the oldest first. A new migration is tested as soon as it is in the folder."""


@contextmanager
def at_revision(url: str, revision: str) -> Iterator[EngineConnection]:
    """An empty database with the schema of a revision, and a connection to it."""
    engine = create_engine(url)
    with engine.begin() as conn:
        config = alembic_config()
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


def tables_of(url: str, revision: str) -> MetaData:
    """The tables of a revision, as its version knows them."""
    known = MetaData()
    with at_revision(url, revision) as conn:
        known.reflect(conn)
    return known


def value_for(column: Any, n: int) -> object:
    """A value that fits. Optional columns are left out, and ``n`` makes texts different."""
    kind = type(column.type).__name__.upper()
    if "INT" in kind or "BOOL" in kind:
        return n % 2 if "BOOL" in kind else n
    return date(2026, 3, n) if kind == "DATE" else f"{column.name}-{n}"


def fill(conn: EngineConnection, rows: int = 3) -> dict[str, int]:
    """Like the version of that schema: only with columns that it knows. Returns how many rows each table has."""
    known = MetaData()
    known.reflect(conn)
    counts = {}
    for table in known.sorted_tables:
        if table.name == "alembic_version":
            continue
        required = [c for c in table.columns if not c.nullable and not (table.name == "events" and c.name == "id")]
        conn.execute(table.insert(), [{c.name: value_for(c, n) for c in required} for n in range(1, rows + 1)])
        counts[table.name] = rows
    return counts


def count(conn: Connection, table: str) -> int:
    return conn.scalar(select(func.count()).select_from(text(table))) or 0


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_released_schema_is_brought_forward_with_its_rows_and_works(tmp_path: Path, revision: str) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    with at_revision(url, revision) as conn:
        filled = fill(conn)
    db = Database(url, inline=True)
    db.upgrade()
    assert db.schema() == (REVISIONS[-1], REVISIONS[-1])
    if revision < "0009":  # which says of each municipality from where on its audit is a chain
        filled["events"] += 3
    for name, rows in filled.items():
        assert db.run_sync(lambda c, t=name: count(c, t)) == rows, name  # type: ignore[misc]  # bound early
    db.upgrade()
    store = Store(db)
    case = store.wanting(want("a"))
    assert [act.key for act in store.run(outbox.acts, "north", case.ref)] == ["a"]
    assert store.run(cases.open_cases_of_person, "north", PERSON) == [case]
    assert store.run(persons.external_id_for, "north", PERSON)
    db.close()


def unique(table: Table) -> set[tuple[str, ...]]:
    found = (constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint))
    return {tuple(constraint.columns.keys()) for constraint in found}


SEALED = "0010"
"""Since this revision some columns may be encrypted, and a version must know that to read them."""


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Database]:
    """A database with today's schema, as the one in memory has it."""
    db = Database(f"sqlite:///{tmp_path}/new.db", inline=True)
    db.upgrade()
    yield db
    db.close()


def test_a_replica_of_a_version_before_the_encryption_does_nothing_more(tmp_path: Path, upgraded: Database) -> None:
    """It would take an encrypted number for a real one. So its statements fail, because a column is missing."""
    for revision in (revision for revision in REVISIONS if revision < SEALED):
        known = tables_of(f"sqlite:///{tmp_path}/{revision}.db", revision)
        for name in ("cases", "persons"):
            reads = select(known.tables[name])
            with pytest.raises(StoreError, match="another schema") as refused:
                upgraded.run_sync(partial(Connection.execute, statement=reads))
            assert refused.value.reason == "schema"


def test_a_replica_of_the_version_before_goes_on_writing_while_the_new_one_runs(
    tmp_path: Path, upgraded: Database
) -> None:
    """Since then migrations only add: an old version can write its rows, and every column that it reads is there."""
    new = tables_of(f"sqlite:///{tmp_path}/{REVISIONS[-1]}.db", REVISIONS[-1]).tables
    for n, revision in enumerate((revision for revision in REVISIONS[:-1] if revision >= SEALED), 1):
        for old in tables_of(f"sqlite:///{tmp_path}/{revision}.db", revision).sorted_tables:
            added = {column.name: column for column in new[old.name].columns}
            for column in old.columns:
                there = added.pop(column.name)
                assert str(there.type) == str(column.type), column
                assert bool(there.nullable) >= bool(column.nullable), column
            for column in added.values():
                assert column.nullable or column.server_default is not None, f"{column} stops the version before"
            assert unique(new[old.name]) <= unique(old), old.name
            if old.name not in ("alembic_version", "events"):
                row = {column.name: value_for(column, n) for column in old.columns if not column.nullable}
                upgraded.run_sync(partial(Connection.execute, statement=old.insert(), parameters=[row]))
                upgraded.run_sync(lambda c, old=old: c.execute(select(old)).all())  # type: ignore[misc]  # bound early


def test_what_waited_in_the_lists_of_before_is_carried_over_and_nothing_is_told_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    problem = {"code": "bad_date", "resource": "orders", "params": {"id": "1"}, "since": NOW.isoformat()}
    lists = {
        "orders:pending": {"1": "2026-03-01", "2": "2026-03-02", "day:2026-02-01": "2026-02-01"},
        "orders:held": {"1": json.dumps(problem | {"tell_at": None})},
    }
    with at_revision(url, "0002") as conn:
        for feed, items in lists.items():
            for item, fingerprint in items.items():
                row = {"f": feed, "i": item, "p": fingerprint, "at": instant_text(NOW)}
                conn.execute(text("INSERT INTO feed_items VALUES ('north', :f, :i, :p, :at)"), row)
        columns = "tenant, id, request, taken_at, turn_at, position"
        taken = text(f"INSERT INTO resyncs ({columns}) VALUES ('north', 'r', '{{}}', :at, :at, '{{}}')")
        conn.execute(taken, {"at": instant_text(NOW)})
    db = Database(url, inline=True)
    db.upgrade()
    waiting = db.run_sync(lambda c: order_inbox.all_waiting(c, "north"))
    assert {(w.order_id, w.state.value, w.day.isoformat()) for w in waiting.values()} == {
        ("1", "unusable", "2026-03-01"),
        ("2", "of_case", "2026-03-02"),
        ("2026-02-01", "day_in_doubt", "2026-02-01"),
    }
    (told,) = db.run_sync(lambda c: outbox.acts(c, "north", waiting["1"].subject))
    assert (told.key, told.state.value) == (f"unusable:{int(NOW.timestamp())}", "done")
    assert [r.kind for r in db.run_sync(requests.all_requests)] == ["resync"]
    db.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_vendors_said_goes_out_of_a_database_that_exists(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The audit keeps what happened, and a waiting act keeps that it failed before. No words of a vendor stay."""
    url = f"sqlite:///{tmp_path}/old.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    with at_revision(url, "0004") as conn:
        fill(conn, 1)
        conn.execute(text("UPDATE acts SET error = 'phoniro answered 422: Anna Svensson'"))
        conn.execute(
            text("INSERT INTO events (tenant, ref, at, name, data) VALUES ('t', 'r', '2026', 'act.retry', :d)"),
            {"d": json.dumps({"error": "No Anna Svensson", "key": "note", "n": 1})},
        )
    db = Database(url, inline=True)
    db.upgrade()
    found = db.run_sync(lambda c: c.execute(text("SELECT data FROM events WHERE name = 'act.retry'")).scalar_one())
    assert json.loads(found) == {"key": "note", "n": 1}
    assert "Svensson" not in db.run_sync(lambda c: c.execute(text("SELECT error FROM acts")).scalar_one())
    db.close()
