"""The audit: what was decided and done. Lines are only ever added, in the same transaction as the change itself.

Each event carries the hash of the event before it in its case (``audit_chain``). A unique index allows only one event
after each: if two processes write about one case at the same moment, the second transaction is run again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from adapter.store import sealing
from adapter.store.audit_chain import hash_of, start_of
from adapter.store.errors import StoreError
from adapter.store.tables import events

_NEW = insert(events)
_c = events.c
_NEWEST = select(_c.hash).where(_c.tenant == bindparam("tenant"), _c.hash.is_not(None)).order_by(_c.id.desc()).limit(1)
_NEWEST_OF_CASE = _NEWEST.where(_c.ref == bindparam("ref"))
_NEWEST_OF_NONE = _NEWEST.where(_c.ref.is_(None))

Data = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the audit. ``name`` is for example ``case.opened`` or ``act.done``; ``at`` is UTC; ``data`` holds
    nothing personal. ``previous`` and ``hash`` are its place in the chain (``audit_chain``), and None in a line from
    before the chain."""

    id: int
    ref: str | None
    at: datetime
    name: str
    data: Data
    correlation: str | None
    tenant: str = ""
    previous: str | None = None
    hash: str | None = None


def record(
    conn: Connection,
    tenant: str,
    ref: str | None,
    name: str,
    data: Data,
    *,
    now: datetime,
    correlation: str | None = None,
) -> None:
    """Write one event. ``ref`` is None if it doesn't concern a single case."""
    record_all(conn, tenant, ref, [(name, data)], now=now, correlation=correlation)


def record_all(
    conn: Connection,
    tenant: str,
    ref: str | None,
    lines: Iterable[tuple[str, Data]],
    *,
    now: datetime,
    correlation: str | None = None,
) -> None:
    """Write several events, each a name and its data."""
    of = {"tenant": tenant, "ref": ref, "at": now, "correlation": correlation}
    newest = _NEWEST_OF_NONE if ref is None else _NEWEST_OF_CASE
    rows: list[dict[str, Any]] = []
    previous = ""
    for name, values in lines:
        data = dict(values)
        previous = previous or conn.scalar(newest, {"tenant": tenant, "ref": ref}) or start_of(tenant, ref)
        hashed = hash_of(previous, tenant, ref, now, name, data, correlation)
        rows.append({**of, "name": name, "data": data, "previous": previous, "hash": hashed})
        previous = hashed
    if rows:
        conn.execute(_NEW, [sealing.sealed(conn, events, row) for row in rows])


def after(
    conn: Connection,
    tenant: str,
    id: int,
    *,
    up_to: int | None = None,
    ref: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 2000,
) -> list[Event]:
    """The next events of a municipality after the one with this id: of all cases or of one, from ``since`` on and
    before ``until`` (UTC). ``limit`` is low, because a long transaction would block the work on SQLite."""
    query = select(events).where(_c.tenant == tenant, _c.id > id).order_by(_c.id).limit(limit)
    if up_to is not None:
        query = query.where(_c.id <= up_to)
    if ref is not None:
        query = query.where(_c.ref == ref)
    if since is not None:
        query = query.where(_c.at >= since)
    if until is not None:
        query = query.where(_c.at < until)
    return [_event(conn, row) for row in conn.execute(query).all()]


def named(conn: Connection, tenant: str, name: str) -> list[Event]:
    """The events with this name that concern no single case, the oldest first."""
    of = (_c.tenant == tenant, _c.ref.is_(None), _c.name == name)
    return [_event(conn, row) for row in conn.execute(select(events).where(*of).order_by(_c.id)).all()]


def last_before(conn: Connection, tenant: str, at: datetime) -> int | None:
    """The id of the newest event that was written at this instant (UTC) or before."""
    query = select(_c.id).where(_c.tenant == tenant, _c.at <= at).order_by(_c.id.desc()).limit(1)
    return conn.scalar(query)


def of_case(conn: Connection, tenant: str, ref: str, *, limit: int | None = None) -> tuple[Event, ...]:
    """A case's events, the oldest first; with ``limit``, only so many of the newest."""
    query = select(events).where(_c.tenant == tenant, _c.ref == ref).order_by(_c.id.desc()).limit(limit)
    return tuple(_event(conn, row) for row in reversed(conn.execute(query).all()))


def _event(conn: Connection, row: Row[*tuple[Any, ...]]) -> Event:
    """If its data can't be opened, the event says so, and its hash doesn't fit."""
    try:
        data = sealing.opened(conn, row, _c.data)
    except StoreError as error:
        data = {"unreadable": str(error)}
    if not isinstance(data, dict):
        data = {"unreadable": "it is no object"}
    return Event(**{**row._mapping, "data": data})
