"""Statements that SQLAlchemy's Core doesn't write in the same way for both databases, and leases.

RETURNING makes SQLAlchemy put many rows into one statement. Otherwise psycopg would send them in a pipeline. PostgreSQL
doesn't see a process that is frozen in a pipeline as idle, so its locks would last as long as it is frozen.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, Update, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from adapter.store.errors import Overtaken

T = TypeVar("T")


def _insert_of(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The database's own INSERT, which knows ``ON CONFLICT``."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache  # building a statement costs more than running it
def _insert_missing(dialect: str, table: Table) -> ReturningInsert[Any]:
    return _insert_of(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)


@cache
def _upsert(dialect: str, table: Table, replaced: tuple[str, ...], added: tuple[str, ...]) -> ReturningInsert[Any]:
    new, key = _insert_of(dialect, table), list(table.primary_key)
    values: dict[str, ColumnElement[Any]] = {name: new.excluded[name] for name in replaced}
    values |= {name: table.c[name] + new.excluded[name] for name in added}
    return new.on_conflict_do_update(index_elements=key, set_=values).returning(*key)


def insert_missing(conn: Connection, table: Table, *rows: Mapping[str, Any]) -> int:
    """Insert rows, all with the same columns, except those that break a unique constraint. Returns how many."""
    if not rows:
        return 0
    return len(conn.execute(_insert_missing(conn.dialect.name, table), rows).all())


def upsert(
    conn: Connection, table: Table, *rows: Mapping[str, Any], keep: Sequence[str] = (), add: Sequence[str] = ()
) -> None:
    """Insert rows, all with the same columns. If there is a row with the same primary key, its columns in ``keep``
    stay, the new values of the columns in ``add`` are added to the old ones, and its other columns are replaced."""
    if rows:
        same = {*table.primary_key.columns.keys(), *keep, *add}
        replaced = tuple(name for name in rows[0] if name not in same)
        conn.execute(_upsert(conn.dialect.name, table, replaced, tuple(add)), rows).all()


def chunks(values: Iterable[T], size: int = 500) -> Iterable[Sequence[T]]:
    """Slices small enough for one ``IN`` list."""
    rows = list(values)
    for i in range(0, len(rows), size):
        yield rows[i : i + size]


FREE: Mapping[str, Any] = {"lease_owner": None, "lease_until": None}
"""The values of these columns in a row that no process has leased."""


def _of_lease(table: Table) -> tuple[Column[Any], ...]:
    return (*table.primary_key, table.c.lease_owner, table.c.lease_until)


@cache
def _change_leased(table: Table) -> Update:
    return update(table).where(*(column == bindparam(f"seen_{column.name}") for column in _of_lease(table)))


def change_leased(conn: Connection, table: Table, row: Any, what: str, **values: Any) -> None:
    """Change the row that was leased as ``row``. Raises ``Overtaken`` and writes nothing if another process has got the
    lease meanwhile. ``what`` names the row in the error."""
    seen = {f"seen_{column.name}": getattr(row, column.name) for column in _of_lease(table)}
    if not conn.execute(_change_leased(table), {**seen, **values}).rowcount:
        raise Overtaken(
            f"{what} of {row.tenant} was taken over by another process; nothing more was written by this one"
        )
