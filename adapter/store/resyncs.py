"""Re-sync requests: each taken once for ever, how far each has come, and what came of every case in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select, update

from adapter.store import events
from adapter.store.errors import Overtaken
from adapter.store.sql import insert_missing
from adapter.store.tables import acts, cases, resync_items, resyncs


class ItemState(StrEnum):
    LISTED = "listed"
    """Concerned by the request, and not yet taken up."""
    MARKED = "marked"
    """Due because of the request, and not judged since."""
    DONE = "done"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Resync:
    """One municipality's part of a request. ``request`` is the entry as it stood in the file, ``position`` where the
    work goes on, ``report`` the closing figures. ``error`` is why it waits until ``retry_at`` (UTC)."""

    tenant: str
    id: str
    request: Mapping[str, Any]
    taken_at: datetime
    finished_at: datetime | None
    position: Mapping[str, Any]
    report: Mapping[str, Any] | None
    error: str | None
    retry_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one case or order: ``item`` is a case's reference, or ``order:`` and its id."""

    item: str
    state: ItemState
    at: datetime
    told: Mapping[str, Any]


_COLUMNS = [resyncs.c[f.name] for f in fields(Resync)]


def take(conn: Connection, tenants: Sequence[str], id: str, request: Mapping[str, Any], now: datetime) -> bool:
    """Take a request down for these municipalities; False, and nothing changes, if its id was ever taken before."""
    if conn.scalar(select(resyncs.c.id).where(resyncs.c.id == id).limit(1)) is not None:
        return False
    for tenant in tenants:
        row = {"tenant": tenant, "id": id, "request": dict(request), "taken_at": now, "turn_at": now, "position": {}}
        if not insert_missing(conn, resyncs, row):
            return False  # another process took it at this very moment
        data = {key: str(request[key]) for key in ("scope", "mode", "who", "why") if key in request}
        events.record(conn, tenant, None, "resync.taken", {"id": id, **data}, now=now)
    return True


def request_of(conn: Connection, id: str) -> Mapping[str, Any] | None:
    """The request that was taken under this id."""
    found: Mapping[str, Any] | None = conn.scalar(select(resyncs.c.request).where(resyncs.c.id == id).limit(1))
    return found


def all_resyncs(conn: Connection, *, id: str | None = None, open_only: bool = False) -> list[Resync]:
    """Oldest first."""
    query = select(*_COLUMNS).order_by(resyncs.c.taken_at, resyncs.c.id, resyncs.c.tenant)
    if id is not None:
        query = query.where(resyncs.c.id == id)
    if open_only:
        query = query.where(resyncs.c.finished_at.is_(None))
    return [Resync(*row) for row in conn.execute(query)]


def claim(
    conn: Connection, tenants: Sequence[str], *, now: datetime, owner: str, lease_until: datetime
) -> Resync | None:
    """Lease the unfinished request that has gone longest without a turn; None while there is none to work on."""
    c = resyncs.c
    free = c.lease_until.is_(None) | (c.lease_until <= now)
    ready = c.retry_at.is_(None) | (c.retry_at <= now)
    query = select(*_COLUMNS).where(c.tenant.in_(tenants), c.finished_at.is_(None), free, ready)
    row = conn.execute(
        query.order_by(c.turn_at, c.taken_at, c.id).limit(1).with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    mine = update(resyncs).where(c.tenant == row.tenant, c.id == row.id)
    conn.execute(mine.values(lease_owner=owner, lease_until=lease_until, turn_at=now))
    values = dict(row._mapping) | {"lease_owner": owner, "lease_until": lease_until}
    return Resync(**values)


def give_back(conn: Connection, resync: Resync, **values: Any) -> None:
    """Note how far a claimed request has come (``position``, ``report``, ``finished_at``, ``error``, ``retry_at``).
    Raises ``Overtaken``."""
    c = resyncs.c
    mine = (c.tenant == resync.tenant, c.id == resync.id)
    held = (c.lease_owner == resync.lease_owner, c.lease_until == resync.lease_until)
    given = conn.execute(update(resyncs).where(*mine, *held).values(lease_owner=None, lease_until=None, **values))
    if not given.rowcount:
        raise Overtaken(f"re-sync {resync.id} of {resync.tenant} was worked on by another process meanwhile")


def enlist(
    conn: Connection,
    resync: Resync,
    item: str,
    now: datetime,
    state: ItemState = ItemState.LISTED,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Put a case or order on the request's list; one that is there already stays as it is."""
    row = {"tenant": resync.tenant, "id": resync.id, "item": item, "state": state, "at": now, "told": dict(told or {})}
    insert_missing(conn, resync_items, row)


def note(conn: Connection, resync: Resync, item: str, state: ItemState, told: Mapping[str, Any], now: datetime) -> None:
    """Note what became of one on the list."""
    i = resync_items.c
    mine = update(resync_items).where(i.tenant == resync.tenant, i.id == resync.id, i.item == item)
    conn.execute(mine.values(state=state, at=now, told=dict(told)))


def items(
    conn: Connection, tenant: str, id: str, *, state: ItemState | None = None, limit: int | None = None
) -> list[Item]:
    c = resync_items.c
    query = select(c.item, c.state, c.at, c.told).where(c.tenant == tenant, c.id == id).order_by(c.item).limit(limit)
    if state is not None:
        query = query.where(c.state == state)
    return [Item(row.item, ItemState(row.state), row.at, row.told) for row in conn.execute(query)]


def counts(conn: Connection, tenant: str, id: str) -> dict[str, int]:
    """How many items there are in each state."""
    c = resync_items.c
    query = select(c.state, func.count()).where(c.tenant == tenant, c.id == id).group_by(c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def judged(conn: Connection, resync: Resync) -> int:
    """Note which of the marked cases have been judged since (or closed); how many are still to be."""
    i, c = resync_items.c, cases.c
    joined = resync_items.join(cases, (i.tenant == c.tenant) & (i.item == c.ref))
    query = select(i.item, i.at, i.told, c.phase, c.decided_at, c.closed_at, c.failures).select_from(joined)
    waiting = conn.execute(query.where(i.tenant == resync.tenant, i.id == resync.id, i.state == ItemState.MARKED)).all()
    left = 0
    for row in waiting:
        told = dict(row.told)
        if (row.decided_at is not None and row.decided_at >= row.at) or row.closed_at is not None:
            told |= {"phase": row.phase, "acts": _acts_since(conn, resync.tenant, row.item, row.at)}
            state = ItemState.DONE
        elif row.failures:
            told["why"] = "judging it failed; see its log lines"
            state = ItemState.FAILED
        else:
            left += 1
            continue
        mine = update(resync_items).where(i.tenant == resync.tenant, i.id == resync.id, i.item == row.item)
        conn.execute(mine.values(state=state, told=told))
    return left


def _acts_since(conn: Connection, tenant: str, ref: str, since: datetime) -> list[str]:
    a = acts.c
    query = select(a.key).where(a.tenant == tenant, a.ref == ref, a.created_at >= since).order_by(a.n)
    return list(conn.scalars(query))


def record_declaration(conn: Connection, tenant: str, ref: str, signal: str, who: str, why: str, now: datetime) -> None:
    """The audit of a step declared by hand."""
    events.record(conn, tenant, ref, "case.declared", {"signal": signal, "who": who, "why": why}, now=now)


def finished_report(conn: Connection, resync: Resync) -> dict[str, int]:
    """The closing figures: cases looked at, of these changed, and what failed."""
    found = items(conn, resync.tenant, resync.id)
    wanted = [item for item in found if item.told.get("acts")]
    opened = [item for item in found if item.told.get("opened")]
    failed = [item for item in found if item.state is ItemState.FAILED]
    return {
        "looked_at": len(found),
        "with_acts": len(wanted),
        "acts": sum(len(item.told["acts"]) for item in wanted),
        "opened": len(opened),
        "failed": len(failed),
    }
