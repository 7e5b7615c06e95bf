"""What the store's functions say most often, each statement built once.

SQLAlchemy takes five times as long to build a statement as to run it again with other parameters, so what runs for
every case is built at import or at first use, and only its parameters differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Table,
    TextClause,
    Update,
    bindparam,
    text,
    update,
)
from sqlalchemy import (
    Row as SqlRow,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from adapter.store.types import Json

Row = Mapping[str, Any]

_BLOCKS = (64, 16, *range(8, 0, -1))
"""How many rows go into one statement where each value is a parameter: of few sizes, so that few statements are ever
built."""
_MOST_PARAMETERS = 50
"""psycopg takes a statement of more parameters apart anew each time, which costs an insert more than all else. What is
changed in several rows at once seldom has more."""


def given(name: str) -> BindParameter[Any]:
    """A parameter that is given when the statement runs."""
    return bindparam(name)


class among(FunctionElement[Any]):
    """The column is one of a list of texts that is given when the statement runs, however many: it is one parameter,
    so that the statement stays the same and is prepared once."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=Json()))


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **more: Any) -> str:
    column, texts = (compiler.process(clause, **more) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608  # texts is a parameter


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **more: Any) -> str:
    # An array that is made once: beside a query of rows the index would often not be used.
    column, texts = (compiler.process(clause, **more) for clause in element.clauses)
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({texts} AS JSON))))"


class found_by(FunctionElement[Any]):
    """The column is one of the texts that a query finds: it is run once, and first, so that it may lock in its order
    what is written then."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], query: Select[Any]) -> None:
        super().__init__(column, query.scalar_subquery())


@compiles(found_by, "sqlite")
def _found_by_sqlite(element: found_by, compiler: SQLCompiler, **more: Any) -> str:
    column, query = (compiler.process(clause, **more) for clause in element.clauses)
    return f"{column} IN {query}"


@compiles(found_by, "postgresql")
def _found_by_postgresql(element: found_by, compiler: SQLCompiler, **more: Any) -> str:
    column, query = (compiler.process(clause, **more) for clause in element.clauses)
    return f"{column} = ANY (ARRAY{query})"


def where(table: Table, *names: str) -> tuple[ColumnElement[bool], ...]:
    """The rows whose columns of these names equal the parameters of the same names."""
    return tuple(table.c[name] == given(name) for name in names)


def of_cases(table: Table) -> tuple[ColumnElement[bool], ...]:
    """The rows of some cases of a tenant, for ``by_ref``."""
    return table.c.tenant == given("tenant"), among(table.c.ref, "refs")


def by_ref(conn: Connection, query: Select[Any], tenant: str, refs: Sequence[str]) -> dict[str, list[SqlRow[Any]]]:
    """What ``query`` finds of each of the cases, in its order; nothing of a case is an empty list."""
    found: dict[str, list[SqlRow[Any]]] = {ref: [] for ref in refs}
    for row in conn.execute(query, {"tenant": tenant, "refs": list(found)}) if found else ():
        found[row.ref].append(row)
    return found


def add(conn: Connection, table: Table, *rows: Row) -> None:
    """Insert rows, all with the same columns. This and the next two raise ``ValueError`` or SQLAlchemy's
    ``StatementError`` for a value that its column can't have."""
    _insert(conn, table, rows, "")


def upsert(conn: Connection, table: Table, rows: Sequence[Row], *, keep: Iterable[str] = ()) -> None:
    """Insert rows, all with the same columns and each with another primary key; where one with that key is there, its
    other columns but ``keep`` get the new values."""
    if rows:
        _insert(conn, table, rows, _replacing(table, tuple(rows[0]), frozenset(keep)))


def insert_missing(conn: Connection, table: Table, *rows: Row) -> int:
    """Insert rows, all with the same columns, but those that break a unique constraint; how many were inserted."""
    return _insert(conn, table, rows, "ON CONFLICT DO NOTHING")


def _insert(conn: Connection, table: Table, rows: Sequence[Row], ending: str) -> int:
    # Not as ``executemany``: psycopg would send that in a pipeline, and a process frozen within one is to PostgreSQL no
    # idle one, so that its locks would last as long as it is frozen.
    if conn.dialect.name == "postgresql" and sum(map(len, rows)) > _MOST_PARAMETERS:
        statement, listed = _inserting_list(table, tuple(rows[0]), ending), _listed(table, rows)
        # PostgreSQL would refuse a NUL with words of the row in its own log; as a parameter the driver refuses it.
        if "\\u0000" not in listed:
            return conn.execute(statement, {"rows": listed}).rowcount
    count = 0
    for block in _in_blocks(rows):
        values = {f"{name}_{i}": value for i, row in enumerate(block) for name, value in row.items()}
        count += conn.execute(_inserting(table, tuple(block[0]), len(block), ending), values).rowcount
    return count


def _listed(table: Table, rows: Sequence[Row]) -> str:
    """Rows as a list of JSON, each value as it is stored."""
    stored = _stored(table, tuple(rows[0]))
    plain = [
        {name: row[name] if process is None else process(row[name]) for name, process in stored.items()} for row in rows
    ]
    return json.dumps(plain, ensure_ascii=False, default=_date_text)


def _date_text(value: object) -> str:
    if not isinstance(value, date):
        raise ValueError(f"a value of type {type(value).__name__} can't be stored")
    return value.isoformat()


@cache
def _stored(table: Table, names: tuple[str, ...]) -> Mapping[str, Callable[[Any], Any] | None]:
    """What makes a column's value what PostgreSQL stores."""
    dialect = _postgresql()
    return {name: table.c[name].type.bind_processor(dialect) for name in names}


@cache
def _inserting_list(table: Table, names: tuple[str, ...], ending: str) -> TextClause:
    dialect = _postgresql()
    of = ", ".join(f'"{name}" {table.c[name].type.compile(dialect)}' for name in names)
    return _into(table, names, f"SELECT * FROM json_to_recordset(CAST(:rows AS JSON)) AS r({of})", ending)  # noqa: S608


@cache
def _postgresql() -> Dialect:
    from sqlalchemy.dialects import postgresql  # where there is one, it is loaded

    return postgresql.dialect()  # type: ignore[no-untyped-call]


def _in_blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = 0
    while left := len(rows) - start:
        size = next(size for size in _BLOCKS if size <= left)
        yield rows[start : start + size]
        start += size


@cache
def _inserting(table: Table, names: tuple[str, ...], count: int, ending: str) -> TextClause:
    """As text: of several rows' ``VALUES`` SQLAlchemy would build the statement anew each time."""
    rows, given_here = _values(table, names, count)
    return _into(table, names, f"VALUES {rows}", ending).bindparams(*given_here)


def _into(table: Table, names: tuple[str, ...], rows: str, ending: str) -> TextClause:
    columns = ", ".join(f'"{name}"' for name in names)
    return text(" ".join(("INSERT INTO", f'"{table.name}"', f"({columns})", rows, ending)))


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


def change_each(
    conn: Connection,
    table: Table,
    of: Row,
    key: tuple[str, ...],
    rows: Sequence[Row],
    values: Row = MappingProxyType({}),
) -> int:
    """Give each of some rows values of its own, in one statement: ``rows``, all with the same columns, say by ``key``
    (never NULL) which row of those of ``of`` is meant, and by the others what it gets, beside ``values``. Returns how
    many there were."""
    count = 0
    for block in _in_blocks(rows):
        own = {f"{name}_{i}": value for i, row in enumerate(block) for name, value in row.items()}
        statement = _changing(table, tuple(of), key, tuple(block[0]), tuple(values), len(block))
        count += conn.execute(statement, {**_where(of), **values, **own}).rowcount
    return count


@cache
def _changing(
    table: Table, of: tuple[str, ...], key: tuple[str, ...], names: tuple[str, ...], values: tuple[str, ...], count: int
) -> TextClause:
    # Both databases name the columns of VALUES so.
    named = {name: f"v.column{place}" for place, name in enumerate(names, 1)}
    gets = [f'"{name}" = {column}' for name, column in named.items() if name not in key]
    same = [f'"{name}" = :{name}' for name in values]
    rows, given_here = _values(table, names, count)
    which = [f't."{name}" = :where_{name}' for name in of] + [f't."{name}" = {named[name]}' for name in key]
    words = (f'UPDATE "{table.name}" AS t SET', ", ".join(gets + same), f"FROM (VALUES {rows}) AS v WHERE")
    common = [bindparam(name, type_=table.c[name].type) for name in values]
    common += [bindparam(f"where_{name}", type_=table.c[name].type) for name in of]
    return text(" ".join((*words, " AND ".join(which)))).bindparams(*given_here, *common)


def _values(table: Table, names: tuple[str, ...], count: int) -> tuple[str, list[BindParameter[Any]]]:
    """Rows of parameters, and those: ``name_0`` is a column's in the first row."""
    rows = ", ".join("(" + ", ".join(f":{name}_{i}" for name in names) + ")" for i in range(count))
    return rows, [bindparam(f"{name}_{i}", type_=table.c[name].type) for i in range(count) for name in names]


def _where(of: Row) -> dict[str, Any]:
    return {f"where_{name}": value for name, value in of.items()}
