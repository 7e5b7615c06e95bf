"""What goes into a table: the same, however many rows go in together."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, select, text
from sqlalchemy.exc import StatementError

from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.sql import add, insert_missing, upsert
from adapter.store.tables import cases, events, facts
from tests.postgres import Postgres
from tests.store.backends import NOW, PERSON, Store, after

NASTY = 'åäö 🦊 \' " \\ {"n": null} [1] \n\t\u2028 %s :name $1'
NUMBERS = (1, 2, 5, 6, 13, 40)
"""In PostgreSQL few rows go in with a parameter for each value, and many with one for all: from five or six on."""


def a_case(n: int) -> dict[str, Any]:
    """A row with every kind of column, some of them empty in each second row."""
    some: dict[str, Any] = {
        "closed_at": after(minutes=n),
        "due_reason": NASTY,
        "decision": '{"a": 1}',
        "lease_until": NOW,
    }
    return {
        "tenant": "north",
        "ref": f"TK-{n}",
        "person_id": f"0{n}",
        "evidence_after": date(2026, 1, 1 + n % 28),
        "phase": "preparing",
        "opened_at": after(seconds=n),
        "due_seq": n,
        "version": 2**31 - 1,
        "failures": 0,
        "adopted": n % 3 == 0,
        "adopted_orders": [NASTY, {"n": n, "none": None, "yes": True}],
        **(some if n % 2 else dict.fromkeys(some)),
    }


def a_fact(n: int, value: str | None = "1") -> dict[str, Any]:
    said = {"value": value, "read_at": NOW, "tried_at": NOW, "stale": False, "error": None, "problems": None}
    return {"tenant": "north", "ref": "TK-1", "resource": f"r{n:02}", **said}


def all_of(conn: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(select(table).order_by(*table.primary_key))]


def stored(conn: Connection, table: Table) -> list[tuple[Any, ...]]:
    """The rows as the database has them, not as they are read."""
    key = ", ".join(column.name for column in table.primary_key)
    return [tuple(row) for row in conn.execute(text(f"SELECT * FROM {table.name} ORDER BY {key}"))]


@pytest.mark.parametrize("number", NUMBERS)
def test_rows_that_go_in_together_are_stored_as_rows_that_go_in_alone(store: Store, number: int) -> None:
    rows = sorted((a_case(n) for n in range(number)), key=lambda row: str(row["ref"]))
    for row in rows:
        store.run(add, cases, row)
    alone = store.run(stored, cases)
    assert [{name: found[name] for name in a_case(1)} for found in store.run(all_of, cases)] == rows
    store.run(lambda c: c.execute(delete(cases)))
    store.run(add, cases, *rows)
    assert store.run(stored, cases) == alone


async def test_rows_are_stored_alike_whether_a_thread_or_the_event_loop_waits(url: str) -> None:
    db = Database(url)
    db.upgrade()
    rows = [a_case(n) for n in range(9)]
    db.run_sync(lambda c: add(c, cases, *rows))
    by_thread = db.run_sync(lambda c: stored(c, cases))
    db.run_sync(lambda c: c.execute(delete(cases)))
    await db.run(lambda c: add(c, cases, *rows))
    assert await db.run(lambda c: stored(c, cases)) == by_thread
    db.close()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_value_that_its_column_can_not_have_is_refused_and_nothing_is_stored(store: Store, number: int) -> None:
    rows = [a_fact(n) for n in range(number)]
    naive = NOW.replace(tzinfo=None)
    wrong: list[dict[str, Any]] = [{"read_at": naive}]
    if not store.db.embedded and number > 5:
        wrong += [{"value": b"bytes"}, {"error": object()}]  # few, a driver may know how to write
    for values in wrong:
        with pytest.raises((ValueError, StatementError, StoreError)):
            store.run(add, facts, *rows, a_fact(99) | values)
    lacking = a_fact(99)
    del lacking["stale"]
    with pytest.raises((KeyError, StoreError, StatementError)):
        store.run(add, facts, *rows, lacking)
    assert store.run(all_of, facts) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_there_is_replaced_but_for_what_is_to_be_kept(store: Store, number: int) -> None:
    store.run(upsert, facts, [a_fact(n, "old") for n in range(0, number, 2)])
    store.run(upsert, facts, [a_fact(n, NASTY) | {"error": "new"} for n in range(number)], keep=["value"])
    found = store.run(all_of, facts)
    assert [row["value"] for row in found] == [NASTY if n % 2 else "old" for n in range(number)]
    assert {row["error"] for row in found} == {"new"}


@pytest.mark.parametrize("number", NUMBERS)
def test_only_what_was_missing_is_counted(store: Store, number: int) -> None:
    store.run(add, facts, a_fact(0, "first"))
    assert store.run(insert_missing, facts, *(a_fact(n) for n in [*range(number), number - 1])) == number - 1
    assert store.run(all_of, facts)[0]["value"] == "first"


def test_lines_of_the_audit_keep_the_order_in_which_they_were_written(store: Store) -> None:
    line = {"tenant": "north", "ref": "TK-1", "at": NOW, "data": {}, "correlation": None}
    store.run(add, events, *({**line, "name": f"n{n}"} for n in range(40)))
    store.run(add, events, {**line, "name": "last"})
    assert [row["name"] for row in store.run(all_of, events)] == [*(f"n{n}" for n in range(40)), "last"]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_only_looks_like_a_nul_is_stored_as_it_is(store: Store, number: int) -> None:
    looks_so = '{"text": "a\\u0000b"}'
    store.run(add, facts, *(a_fact(n, looks_so) for n in range(number)))
    assert {row["value"] for row in store.run(all_of, facts)} == {looks_so}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_nul_is_told_as_content_by_us_and_by_no_server_and_nothing_of_it_is_stored(
    postgres: Postgres, postgres_url: str, number: int
) -> None:
    store = Store(Database(postgres_url))
    store.db.upgrade()
    with pytest.raises(StoreError) as refused:
        store.run(add, facts, *(a_fact(n) for n in range(number - 1)), a_fact(99, f"{PERSON}\0b"))
    assert (refused.value.reason, refused.value.of_one) == ("content", True)
    assert store.run(all_of, facts) == []
    assert PERSON not in (postgres.dir / "log").read_text()
    store.db.close()
