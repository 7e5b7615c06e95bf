"""The audit: what was decided and done, append only, in the same transaction as the change itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from adapter.store import sealing
from adapter.store.tables import events

_NEW = insert(events)

Data = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Event:
    """``name`` is ``case.opened``, ``act.done`` and the like; ``at`` is UTC; nothing personal in ``data``."""

    id: int
    ref: str | None
    at: datetime
    name: str
    data: Data
    correlation: str | None


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
    """Write one line of the audit. ``ref`` is None for what concerns no single case."""
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
    """Write several, each a name and its data."""
    of = {"tenant": tenant, "ref": ref, "at": now, "correlation": correlation}
    if rows := [{**of, "name": name, "data": dict(data)} for name, data in lines]:
        conn.execute(_NEW, [sealing.sealed(conn, events, row) for row in rows])


def of_case(conn: Connection, tenant: str, ref: str, *, limit: int | None = None) -> tuple[Event, ...]:
    """A case's audit, oldest first; with ``limit`` only the newest so many."""
    c = events.c
    query = select(events).where(c.tenant == tenant, c.ref == ref)
    rows = conn.execute(query.order_by(c.id.desc()).limit(limit)).all()
    return tuple(
        Event(row.id, row.ref, row.at, row.name, sealing.opened(conn, row, c.data), row.correlation)
        for row in reversed(rows)
    )
