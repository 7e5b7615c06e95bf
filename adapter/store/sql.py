"""The little of SQL that SQLAlchemy spells differently for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(conn: Connection, table: Table) -> Any:
    return (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(table)


def upsert(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: Iterable[str] = ()) -> None:
    """Insert rows, all with the same columns; where one with the same primary key is there, its other columns but
    ``keep`` get the new values."""
    if not rows:
        return
    key = [c.name for c in table.primary_key]
    statement = _insert(conn, table)
    fresh = {name: statement.excluded[name] for name in rows[0] if name not in key and name not in set(keep)}
    conn.execute(statement.on_conflict_do_update(index_elements=key, set_=fresh), list(rows))


def insert_missing(conn: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert one row unless it breaks a unique constraint; whether it was inserted."""
    statement = _insert(conn, table).values(**row).on_conflict_do_nothing()
    # Without the option SQLAlchemy doesn't ask every driver how many rows an INSERT made.
    return conn.execute(statement, execution_options={"preserve_rowcount": True}).rowcount > 0
