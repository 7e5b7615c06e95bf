"""What goes into a table: the same, however many rows go in together."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, select

from adapter.store.errors import StoreError
from adapter.store.sql import add, insert_missing, upsert
from adapter.store.tables import acts, cases, events, facts
from tests.store.backends import NOW, Store, after

NASTY = 'åäö 🦊 \' " \\ {"n": null} [1] \n\t\u2028 %s :name $1'
NUMBERS = (1, 2, 5, 6, 13, 40)
"""Of rows with nine columns up to five go in with a parameter for each value, and more with one for all."""


def a_case(n: int) -> dict[str, Any]:
    """A row with every kind of column, most of them empty in each second row."""
    some: dict[str, Any] = {
        "closed_at": after(minutes=n),
        "due_reason": NASTY,
        "decision": '{"a": "\\u0000"}',
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


@pytest.mark.parametrize("number", NUMBERS)
def test_rows_that_go_in_together_are_stored_as_rows_that_go_in_alone(store: Store, number: int) -> None:
    rows = [a_case(n) for n in range(number)]
    for row in rows:
        store.run(add, cases, row)
    alone = store.run(all_of, cases)
    store.run(lambda c: c.execute(delete(cases)))
    store.run(add, cases, *rows)
    assert store.run(all_of, cases) == alone
    assert {tuple(row.items()) for row in map(_told, rows)} == {tuple(_told(row).items()) for row in alone}


def _told(row: dict[str, Any]) -> dict[str, str]:
    return {name: repr(row[name]) for name in sorted(a_case(1))}


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
    assert store.run(insert_missing, facts, *(a_fact(n) for n in range(number))) == number - 1
    assert store.run(all_of, facts)[0]["value"] == "first"


def test_lines_of_the_audit_keep_the_order_in_which_they_were_written(store: Store) -> None:
    line = {"tenant": "north", "ref": "TK-1", "at": NOW, "data": {}, "correlation": None}
    store.run(add, events, *({**line, "name": f"n{n}"} for n in range(40)))
    store.run(add, events, {**line, "name": "last"})
    assert [row["name"] for row in store.run(all_of, events)] == [*(f"n{n}" for n in range(40)), "last"]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_postgresql_cant_hold_is_told_as_content_and_nothing_of_it_is_stored(store: Store, number: int) -> None:
    if store.db.embedded:
        pytest.skip("SQLite holds a NUL")
    with pytest.raises(StoreError) as refused:
        store.run(add, facts, *(a_fact(n) for n in range(number - 1)), a_fact(99, "a\0b"))
    assert (refused.value.reason, refused.value.of_one) == ("content", True)
    assert store.run(all_of, facts) == []


def test_an_act_keeps_what_it_is_about(store: Store) -> None:
    rows = [
        {
            "tenant": "north",
            "ref": "TK-1",
            "n": n,
            "key": f"k{n}",
            "kind": "message",
            "lane": "notes",
            "what": {"text": NASTY, "list": [1, None, 2.5]},
            "why": NASTY,
            "opens": True,
            "state": "pending",
            "attempts": 0,
            "looks": 0,
            "created_at": NOW,
        }
        for n in range(1, 8)
    ]
    store.run(add, acts, *rows)
    assert [row["what"] for row in store.run(all_of, acts)] == [{"text": NASTY, "list": [1, None, 2.5]}] * 7
