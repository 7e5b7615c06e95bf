"""What SQLAlchemy's Core doesn't say alike for both databases.

Many rows go into one statement, by RETURNING: as ``executemany`` psycopg would send them in a pipeline, and a process
frozen within one is to PostgreSQL no idle one, so that its locks would last as long as it is frozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert


def insert_of(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The database's own INSERT, which knows ``ON CONFLICT``; ``dialect`` is its name to SQLAlchemy."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_missing(conn: Connection, table: Table, *rows: Mapping[str, Any]) -> int:
    """Insert rows, all with the same columns, but those that break a unique constraint; how many were inserted."""
    if not rows:
        return 0
    return len(conn.execute(_missing(conn.dialect.name, table), rows).all())


@cache  # built once, as it runs for every case and act
def _missing(dialect: str, table: Table) -> ReturningInsert[*tuple[Any, ...]]:
    return insert_of(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)


def upsert(conn: Connection, table: Table, *rows: Mapping[str, Any], keep: Sequence[str] = ()) -> None:
    """Insert rows, all with the same columns; where one with the same primary key is there, its other columns but
    ``keep`` get the new values."""
    if not rows:
        return
    given = tuple(name for name in rows[0] if name not in keep)
    conn.execute(_fresh(conn.dialect.name, table, given), rows).all()


@cache
def _fresh(dialect: str, table: Table, names: tuple[str, ...]) -> ReturningInsert[*tuple[Any, ...]]:
    new, key = insert_of(dialect, table), list(table.primary_key)
    values = {name: new.excluded[name] for name in names if table.c[name] not in key}
    return new.on_conflict_do_update(index_elements=key, set_=values).returning(*key)


def by_ref(refs: Sequence[str], rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """Rows of several cases by their ``ref``, in their order; nothing of a case is an empty list."""
    found: dict[str, list[Row[Any]]] = {ref: [] for ref in refs}
    for row in rows:
        found[row.ref].append(row)
    return found
