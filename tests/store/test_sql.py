"""Rows are inserted whole and in order, or not at all if one value can't be stored."""

from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import StatementError

from adapter.store import events
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.sql import insert_missing, upsert
from adapter.store.tables import events as events_table
from adapter.store.tables import facts
from tests.postgres import Postgres
from tests.store.backends import NOW, PERSON, Store

NASTY = 'åäö 🦊 \' " \\ {"n": null} [1] \n\t\u2028 %s :name $1 a\\u0000b'
NUMBERS = (1, 2, 40)


def a_fact(n: int, value: str | None = "1") -> dict[str, Any]:
    said = {"value": value, "read_at": NOW, "tried_at": NOW, "stale": False, "error": None, "problems": None}
    return {"tenant": "north", "ref": "TK-1", "resource": f"r{n:02}", **said}


def all_of(conn: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(select(table).order_by(*table.primary_key))]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_value_that_its_column_can_not_have_is_refused_and_nothing_is_stored(store: Store, number: int) -> None:
    rows = [a_fact(n) for n in range(number)]
    without = {name: value for name, value in a_fact(99).items() if name != "stale"}
    for wrong in (a_fact(99) | {"read_at": NOW.replace(tzinfo=None)}, without):
        with pytest.raises((StatementError, StoreError)):
            store.run(lambda c, wrong=wrong: c.execute(insert(facts), [*rows, wrong]))
    assert store.run(all_of, facts) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_there_is_replaced_but_for_what_is_to_be_kept(store: Store, number: int) -> None:
    store.run(upsert, facts, *(a_fact(n, "old") for n in range(0, number, 2)))
    store.run(upsert, facts, *(a_fact(n, NASTY) | {"error": "new"} for n in range(number)), keep=["value"])
    found = store.run(all_of, facts)
    assert [row["value"] for row in found] == [NASTY if n % 2 else "old" for n in range(number)]
    assert {row["error"] for row in found} == {"new"}


@pytest.mark.parametrize("number", NUMBERS)
def test_only_what_was_missing_is_counted(store: Store, number: int) -> None:
    store.run(insert_missing, facts, a_fact(0, "first"))
    assert store.run(insert_missing, facts, *(a_fact(n) for n in [*range(number), number - 1])) == number - 1
    assert store.run(all_of, facts)[0]["value"] == "first"


def test_lines_of_the_audit_keep_the_order_in_which_they_were_written(store: Store) -> None:
    store.run(events.record_all, "north", "TK-1", [(f"n{n}", {}) for n in range(40)], now=NOW)
    store.run(events.record, "north", "TK-1", "last", {}, now=NOW)
    assert [row["name"] for row in store.run(all_of, events_table)] == [*(f"n{n}" for n in range(40)), "last"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_nul_is_told_as_content_by_us_and_by_no_server_and_nothing_of_it_is_stored(
    postgres: Postgres, postgres_url: str, number: int
) -> None:
    store = Store(Database(postgres_url))
    store.db.upgrade()
    log = postgres.dir / "log"
    before = log.stat().st_size
    for store_rows in (upsert, insert_missing):
        with pytest.raises(StoreError, match="can't hold a value") as refused:
            store.run(store_rows, facts, *(a_fact(n) for n in range(number - 1)), a_fact(99, f"{PERSON}\0b"))
        assert refused.value.reason == "content"
    assert store.run(all_of, facts) == []
    assert PERSON.encode() not in log.read_bytes()[before:]
    store.db.close()
