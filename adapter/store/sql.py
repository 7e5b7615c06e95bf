"""What the store's functions say most often, each statement built once.

SQLAlchemy takes five times as long to build a statement as to run it again with other parameters, so what runs for
every case is built at import or at first use, and only its parameters differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    Text,
    TextClause,
    Update,
    bindparam,
    cast,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

Row = Mapping[str, Any]

_BLOCKS = (64, 16, *range(8, 0, -1))
"""How many rows go into one statement: of few sizes, so that few statements are ever built."""


def given(name: str) -> BindParameter[Any]:
    """A parameter that is given when the statement runs."""
    return bindparam(name)


def listed(name: str) -> BindParameter[Any]:
    """A list that is given when the statement runs, for ``in_``."""
    return bindparam(name, expanding=True)


class Each(FunctionElement[str]):
    """The texts of a JSON list, a row each, for a long ``IN``: one parameter, where ``listed`` has one for every text,
    which costs PostgreSQL's driver more than all the rest of such a query."""

    inherit_cache = True

    def __init__(self, name: str) -> None:
        super().__init__(bindparam(name, type_=Text))


@compiles(Each, "sqlite")
def _each_sqlite(element: Each, compiler: SQLCompiler, **_: Any) -> str:
    rows = func.json_each(*element.clauses).table_valued("value")
    return compiler.process(select(rows.c.value).scalar_subquery())


@compiles(Each, "postgresql")
def _each_postgresql(element: Each, compiler: SQLCompiler, **_: Any) -> str:
    (texts,) = element.clauses
    return compiler.process(select(func.json_array_elements_text(cast(texts, JSON))).scalar_subquery())


def where(table: Table, *names: str) -> tuple[ColumnElement[bool], ...]:
    """The rows whose columns of these names equal the parameters of the same names."""
    return tuple(table.c[name] == given(name) for name in names)


def add(conn: Connection, table: Table, *rows: Row) -> None:
    """Insert rows, all with the same columns."""
    _insert(conn, table, rows, "")


def upsert(conn: Connection, table: Table, rows: Sequence[Row], *, keep: Iterable[str] = ()) -> None:
    """Insert rows, all with the same columns; where one with the same primary key is there, its other columns but
    ``keep`` get the new values."""
    if rows:
        _insert(conn, table, rows, _replacing(table, tuple(rows[0]), frozenset(keep)))


def insert_missing(conn: Connection, table: Table, *rows: Row) -> int:
    """Insert rows, all with the same columns, but those that break a unique constraint; how many were inserted."""
    return _insert(conn, table, rows, "ON CONFLICT DO NOTHING")


def _insert(conn: Connection, table: Table, rows: Sequence[Row], ending: str) -> int:
    # Not as ``executemany``: psycopg would send that in a pipeline, and a process frozen within one is to PostgreSQL no
    # idle one, so that its locks would last as long as it is frozen.
    count = 0
    for block in _in_blocks(rows):
        values = {f"{name}_{i}": value for i, row in enumerate(block) for name, value in row.items()}
        count += conn.execute(_inserting(table, tuple(block[0]), len(block), ending), values).rowcount
    return count


def _in_blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = 0
    while left := len(rows) - start:
        size = next(size for size in _BLOCKS if size <= left)
        yield rows[start : start + size]
        start += size


@cache
def _inserting(table: Table, names: tuple[str, ...], count: int, ending: str) -> TextClause:
    """As text: of several rows' ``VALUES`` SQLAlchemy would build the statement anew each time."""
    rows = ", ".join("(" + ", ".join(f":{name}_{i}" for name in names) + ")" for i in range(count))
    given_here = [bindparam(f"{name}_{i}", type_=table.c[name].type) for i in range(count) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    words = ("INSERT INTO", f'"{table.name}"', f"({columns})", "VALUES", rows, ending)
    return text(" ".join(words)).bindparams(*given_here)


@cache
def _replacing(table: Table, names: tuple[str, ...], keep: frozenset[str]) -> str:
    key = [c.name for c in table.primary_key]
    fresh = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in key and name not in keep)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {fresh}"


@cache
def _update(table: Table, names: tuple[str, ...]) -> Update:
    # Named apart from the columns that are written.
    return update(table).where(*(table.c[name] == given(f"where_{name}") for name in names))


def change(conn: Connection, table: Table, of: Row, values: Row) -> int:
    """Give ``values`` (plain ones) to the rows whose columns equal ``of`` (never NULL); returns how many there were."""
    return conn.execute(_update(table, tuple(of)), {**_where(of), **values}).rowcount


def _where(of: Row) -> dict[str, Any]:
    return {f"where_{name}": value for name, value in of.items()}
