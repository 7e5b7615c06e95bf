"""The keys that encrypt what is personal and by which persons are found: whether they fit the database, and how they
are changed.

The database knows the ids of the keys with which its content was written. Nobody can find a key from its id. So a lost
or wrong key is reported at the start, and nothing is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ColumnElement, Connection, Row, Table, select

from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.sealing import MARK, SEALED, Sealing, is_json, of, sealed_by, where
from adapter.store.sql import insert_missing
from adapter.store.tables import keys as table
from adapter.store.tables import metadata

BATCH = 100
"""How many rows are encrypted again in one transaction."""

_LOOKUP, _SEAL = "lookup:", "seal:"
TABLES = [t for t in metadata.sorted_tables if any(column.table is t for column in SEALED)]


def note_keys(conn: Connection, now: datetime) -> None:
    """Note the keys of this process in the database. Raises ``StoreError`` (``key``) as ``new_keys`` does."""
    insert_missing(conn, table, *({"name": name, "since": now} for name in sorted(new_keys(conn))))


def new_keys(conn: Connection) -> set[str]:
    """The keys of this process that the database doesn't know yet. Raises ``StoreError`` (``key``) if its content was
    written with other keys; then nothing may be done with it."""
    sealing, noted = of(conn), set(conn.scalars(select(table.c.name)))
    mine = {_LOOKUP + sealing.lookup_id, *(_SEAL + key for key in sealing.ids[:1])}
    if any(name.startswith(_LOOKUP) for name in noted - mine):
        raise StoreError(
            "the database was written with another pseudonym_key: nobody in it would be found, and every case would be "
            "opened a second time. Nothing is done. Put the right key back (from where the secret files are backed "
            "up), and start again",
            "key",
        )
    lost = sorted(name.removeprefix(_SEAL) for name in noted if name.startswith(_SEAL))
    lost = [key for key in lost if key not in sealing.ids]
    if lost:
        has = f"which has {', '.join(sealing.ids)}" if sealing.ids else "which is empty"
        raise StoreError(
            f"the database is encrypted by the key {', '.join(lost)}, and that isn't in store.encryption_key (or its "
            f"file) as it was at the start, {has}. Nothing is done with what it encrypts. If that key is a new one, "
            "restart the adapter with it. Else put it back (from where the secret files are backed up), and start again"
            ". Without it what is encrypted can't be read by anybody: restore a backup whose key you have, or begin "
            "anew (docs/operations.md, The encryption key)",
            "key",
        )
    return mine - noted


def known_keys(conn: Connection) -> None:
    """For commands that run beside the adapter, because the adapter can't read values that are encrypted with a key it
    doesn't have. Raises ``StoreError`` (``key``) if no adapter was started with this process's first key, and the
    errors of ``new_keys``."""
    if new_keys(conn):
        raise StoreError(
            "no adapter has been started with the first key of store.encryption_key yet, and one that runs without it "
            "could read nothing that it encrypts. Nothing is done. Restart every adapter with it first (or, on SQLite, "
            "stop it and run `adapter db rekey`)",
            "key",
        )


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values were encrypted again, and how many rows still hold values that aren't encrypted with the current
    key: a process without the key wrote them meanwhile, or they are damaged."""

    changed: int
    left: int


async def reseal(db: Database, now: Callable[[], datetime], *, at_once: bool = False) -> Resealed:
    """Encrypt every value that isn't encrypted with the current key. Other work goes on meanwhile. If it is
    interrupted, the next call continues. When everything is encrypted, older keys aren't needed any more, and later
    calls do nothing unless ``at_once``. Raises ``StoreError``."""
    if db.sealing.current is None or (await db.run(all_sealed) and not at_once):
        return Resealed(0, 0)
    changed = 0
    for each in TABLES:
        after: Sequence[Any] | None = ()
        while after is not None:
            done, after = await db.run(partial(reseal_batch, each=each, after=after))
            changed += done
    left = await db.run(partial(note_all_sealed, now=now()))
    return Resealed(changed, left)


def left(conn: Connection) -> int:
    """How many rows hold something that isn't encrypted with the current key."""
    sealing = of(conn)
    counts = (select(sa.func.count()).select_from(each).where(_stale(each, sealing)) for each in TABLES)
    return sum(conn.scalar(count) or 0 for count in counts)


def all_sealed(conn: Connection) -> bool:
    """Whether everything is encrypted with the current key."""
    mine = table.c.name == f"{_SEAL}{of(conn).current}"
    return conn.scalar(select(table.c.name).where(mine, table.c.whole_at.is_not(None))) is not None


def note_all_sealed(conn: Connection, now: datetime) -> int:
    remaining, mine = left(conn), f"{_SEAL}{of(conn).current}"
    if not remaining:
        conn.execute(sa.update(table).where(table.c.name == mine).values(whole_at=now))
        conn.execute(sa.delete(table).where(table.c.name.startswith(_SEAL), table.c.name != mine))
    return remaining


def reseal_batch(conn: Connection, each: Table, after: Sequence[Any]) -> tuple[int, Sequence[Any] | None]:
    """Encrypt the next rows of a table, in the order of its primary key. Returns how many values, and the key of the
    last row (None: the table is done)."""
    sealing, key = of(conn), list(each.primary_key)
    columns = [column for column in SEALED if column.table is each]
    along = {each.c[name] for column in columns for name in SEALED[column]}
    query = select(*key, *along - {*key}, *(_raw(column).label(f"{column.name}_raw") for column in columns))
    query = query.where(_stale(each, sealing), *([sa.tuple_(*key) > tuple(after)] if after else []))
    rows = conn.execute(query.order_by(*key).limit(BATCH).with_for_update()).all()
    changed = 0
    for row in rows:
        new = {column.name: value for column in columns if (value := _resealed(sealing, row, column)) is not None}
        if new:
            mine = sa.and_(*(column == row._mapping[column.name] for column in key))
            conn.execute(sa.update(each).where(mine).values({each.c[name]: value for name, value in new.items()}))
            changed += len(new)
    return changed, [rows[-1]._mapping[column.name] for column in key] if len(rows) == BATCH else None


def _resealed(sealing: Sealing, row: Row[*tuple[Any, ...]], column: Column[Any]) -> Any:
    """A value sealed with the current key, as it is stored; None if it stays as it is."""
    stored = row._mapping[f"{column.name}_raw"]
    if not stored:
        return None
    ours = stored[1:-1] if stored.startswith(f'"{MARK}') else stored  # in a JSON column a sealed value is a JSON string
    if sealed_by(ours) == sealing.current:
        return None
    try:
        plain = sealing.open(ours, where(column, row._mapping))
    except StoreError:
        return None  # it is counted by ``left``
    return sealing.seal(plain, where(column, row._mapping))


def _raw(column: Column[Any]) -> ColumnElement[Any]:
    return sa.type_coerce(column, sa.Text)


def _stale(each: Table, sealing: Sealing) -> ColumnElement[bool]:
    """Whether a row holds something that isn't sealed with the current key."""
    by = f"{MARK}{sealing.current}:"
    begins = {column: f'"{by}' if is_json(column) else by for column in SEALED if column.table is each}
    return sa.or_(*(sa.and_(_raw(c) != "", ~_raw(c).startswith(begin, autoescape=True)) for c, begin in begins.items()))
