"""What SQLAlchemy's Core doesn't say alike for both databases.

Many rows go into one statement, by RETURNING: as ``executemany`` psycopg would send them in a pipeline, and a process
frozen within one is to PostgreSQL no idle one, so that its locks would last as long as it is frozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")


def insert_of(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The database's own INSERT, which knows ``ON CONFLICT``; ``dialect`` is its name to SQLAlchemy."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_missing(conn: Connection, table: Table, *rows: Mapping[str, Any]) -> int:
    """Insert rows, all with the same columns, but those that break a unique constraint; how many were inserted."""
    if not rows:
        return 0
    new = insert_of(conn.dialect.name, table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(conn.execute(new, rows).all())


def upsert(conn: Connection, table: Table, *rows: Mapping[str, Any], keep: Sequence[str] = ()) -> None:
    """Insert rows, all with the same columns; where one with the same primary key is there, its other columns but
    ``keep`` get the new values."""
    if not rows:
        return
    new, key = insert_of(conn.dialect.name, table), list(table.primary_key)
    fresh = {name: new.excluded[name] for name in rows[0] if table.c[name] not in key and name not in keep}
    conn.execute(new.on_conflict_do_update(index_elements=key, set_=fresh).returning(*key), rows).all()


def chunks(values: Iterable[T], size: int = 500) -> Iterable[Sequence[T]]:
    """Slices small enough for one ``IN`` list."""
    rows = list(values)
    for i in range(0, len(rows), size):
        yield rows[i : i + size]
