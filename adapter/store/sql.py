"""What the store's functions say most often, each statement built once.

SQLAlchemy takes five times as long to build a statement as to run it again with other parameters, so what runs for
every case is built at import or at first use, and only its parameters differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Insert, Table, Update, bindparam, insert, update
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]


def given(name: str) -> BindParameter[Any]:
    """A parameter that is given when the statement runs."""
    return bindparam(name)


def listed(name: str) -> BindParameter[Any]:
    """A list that is given when the statement runs, for ``in_``."""
    return bindparam(name, expanding=True)


def where(table: Table, *names: str) -> tuple[ColumnElement[bool], ...]:
    """The rows whose columns of these names equal the parameters of the same names."""
    return tuple(table.c[name] == given(name) for name in names)


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


def add(conn: Connection, table: Table, row: Row) -> None:
    """Insert one row."""
    conn.execute(_insert(table), row)


@cache
def _update(table: Table, names: tuple[str, ...]) -> Update:
    # Named apart from the columns that are written.
    return update(table).where(*(table.c[name] == given(f"where_{name}") for name in names))


def change(conn: Connection, table: Table, of: Row, values: Row) -> int:
    """Give ``values`` (plain ones) to the rows whose columns equal ``of`` (never NULL); returns how many there were."""
    return conn.execute(_update(table, tuple(of)), {**_where(of), **values}).rowcount


def change_each(conn: Connection, table: Table, changes: Sequence[tuple[Row, Row]]) -> None:
    """The same for several rows. One statement each: psycopg would send many in a pipeline, and a process frozen within
    one is to PostgreSQL no idle one, so that its locks would last as long as it is frozen."""
    for of, values in changes:
        change(conn, table, of, values)


def _where(of: Row) -> dict[str, Any]:
    return {f"where_{name}": value for name, value in of.items()}


# The little that SQLAlchemy spells differently for SQLite and PostgreSQL.


def _dialect_insert(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


@cache
def _upsert(dialect: str, table: Table, columns: tuple[str, ...], keep: frozenset[str]) -> Insert:
    key = [c.name for c in table.primary_key]
    statement = _dialect_insert(dialect, table)
    fresh = {name: statement.excluded[name] for name in columns if name not in key and name not in keep}
    upserting: Insert = statement.on_conflict_do_update(index_elements=key, set_=fresh)
    return upserting


def upsert(conn: Connection, table: Table, rows: Sequence[Row], *, keep: Iterable[str] = ()) -> None:
    """Insert rows, all with the same columns; where one with the same primary key is there, its other columns but
    ``keep`` get the new values."""
    if rows:
        statement = _upsert(conn.dialect.name, table, tuple(rows[0]), frozenset(keep))
        for row in rows:  # not as many at once: see ``change_each``
            conn.execute(statement, row)


@cache
def _insert_missing(dialect: str, table: Table) -> Insert:
    statement: Insert = _dialect_insert(dialect, table).on_conflict_do_nothing()
    # Without the option SQLAlchemy doesn't ask every driver how many rows an INSERT made.
    return statement.execution_options(preserve_rowcount=True)


def insert_missing(conn: Connection, table: Table, row: Row) -> bool:
    """Insert one row unless it breaks a unique constraint; whether it was inserted."""
    return conn.execute(_insert_missing(conn.dialect.name, table), row).rowcount > 0
