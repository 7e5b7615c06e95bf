"""What people ask for by file. Each request is taken once. Its progress and the result for each case are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from adapter.store import events, sealing
from adapter.store.errors import StoreError
from adapter.store.sql import FREE, change_leased, insert_missing
from adapter.store.tables import acts, cases
from adapter.store.tables import request_items as item_rows
from adapter.store.tables import requests as table


class ItemState(StrEnum):
    LISTED = "listed"
    """On the request's list, and not yet worked on."""
    MARKED = "marked"
    """Marked as due by the request, and not decided since."""
    DONE = "done"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Request:
    """One municipality's part of a request. ``content`` is the entry from the file, ``origin`` its place
    (``resync.toml:12``), ``position`` where the work goes on, ``report`` the closing figures. ``error`` is why it
    waits until ``retry_at`` (UTC), or, if it is finished, why it was refused."""

    tenant: str
    id: str
    kind: str
    content: Mapping[str, Any]
    origin: str
    taken_at: datetime
    finished_at: datetime | None
    position: Mapping[str, Any]
    report: Mapping[str, Any] | None
    error: str | None
    retry_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None

    @property
    def refused(self) -> bool:
        return self.finished_at is not None and self.error is not None


@dataclass(frozen=True, slots=True)
class Item:
    """The result for one case or order. ``item`` is a case's reference, or ``order:`` and the order's id."""

    item: str
    state: ItemState
    at: datetime
    told: Mapping[str, Any]


_c, _i = table.c, item_rows.c
_COLUMNS = [_c[f.name] for f in fields(Request)]


def take(
    conn: Connection,
    tenants: Sequence[str],
    id: str,
    kind: str,
    content: Mapping[str, Any],
    now: datetime,
    *,
    origin: str = "",
    finished: bool = False,
) -> bool:
    """Store a request for these municipalities; ``finished``: it has been carried out already. If a request with this
    id is stored there, nothing changes and the result is False. But a request that was refused, or that still waits
    with another content, is replaced."""
    before = [r for r in all_requests(conn, id=id) if r.tenant in tenants]
    if any(not r.refused and (r.finished_at or r.content == content) for r in before):
        return False
    conn.execute(delete(table).where(_c.id == id, _c.tenant.in_(tenants)))
    for tenant in tenants:
        what: dict[str, Any] = {"tenant": tenant, "id": id, "kind": kind, "content": dict(content), "origin": origin}
        row = what | {"taken_at": now, "turn_at": now, "finished_at": now if finished else None, "position": {}}
        if not insert_missing(conn, table, sealing.sealed(conn, table, row)):
            return False  # another process took it at the same moment
        data = {key: str(content[key]) for key in ("scope", "mode", "who", "why") if key in content}
        events.record(conn, tenant, None, "request.taken", {"id": id, "kind": kind, **data}, now=now)
    return True


def all_requests(
    conn: Connection, *, id: str | None = None, kind: str | None = None, tenant: str | None = None
) -> list[Request]:
    """Oldest first."""
    query = select(*_COLUMNS).order_by(_c.taken_at, _c.id, _c.tenant)
    for name, value in (("id", id), ("kind", kind), ("tenant", tenant)):
        if value is not None:
            query = query.where(_c[name] == value)
    return [_request(conn, row) for row in conn.execute(query)]


def _request(conn: Connection, row: Row[Any]) -> Request:
    """If its content can't be opened, the request fails when it is worked on, and blocks no other (P6)."""
    try:
        content = sealing.opened(conn, row, _c.content)
    except StoreError as error:
        content = {"unreadable": str(error)}
    return Request(**{**row._mapping, "content": content, "error": sealing.readable(conn, row, _c.error)})


def claim(
    conn: Connection, tenants: Sequence[str], *, now: datetime, owner: str, lease_until: datetime
) -> Request | None:
    """Lease the unfinished request that has waited longest for its turn; None if there is none."""
    free = _c.lease_until.is_(None) | (_c.lease_until <= now)
    ready = _c.retry_at.is_(None) | (_c.retry_at <= now)
    query = select(*_COLUMNS).where(_c.tenant.in_(tenants), _c.finished_at.is_(None), free, ready)
    row = conn.execute(
        query.order_by(_c.turn_at, _c.taken_at, _c.id).limit(1).with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    mine = update(table).where(_c.tenant == row.tenant, _c.id == row.id)
    conn.execute(mine.values(lease_owner=owner, lease_until=lease_until, turn_at=now))
    return replace(_request(conn, row), lease_owner=owner, lease_until=lease_until)


def give_back(conn: Connection, request: Request, **values: Any) -> None:
    """Give a claimed request back and store how far it has come (``position``, ``report``, ``finished_at``, ``error``,
    ``retry_at``). Raises ``Overtaken``."""
    stored = sealing.sealed(conn, table, values, tenant=request.tenant, id=request.id)
    change_leased(conn, table, request, f"request {request.id}", **FREE, **stored)


def enlist(
    conn: Connection,
    request: Request,
    item: str,
    now: datetime,
    state: ItemState = ItemState.LISTED,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Put a case or an order on the request's list, unless it is there already."""
    of = {"tenant": request.tenant, "id": request.id, "item": item}
    insert_missing(conn, item_rows, of | {"state": state, "at": now, "told": dict(told or {})})


def note(
    conn: Connection, request: Request, item: str, state: ItemState, told: Mapping[str, Any], now: datetime
) -> None:
    """Store the result for a case or an order on the list."""
    mine = update(item_rows).where(_i.tenant == request.tenant, _i.id == request.id, _i.item == item)
    conn.execute(mine.values(state=state, at=now, told=dict(told)))


def items(
    conn: Connection, tenant: str, id: str, *, state: ItemState | None = None, limit: int | None = None
) -> list[Item]:
    query = select(item_rows).where(_i.tenant == tenant, _i.id == id).order_by(_i.item).limit(limit)
    if state is not None:
        query = query.where(_i.state == state)
    return [Item(row.item, ItemState(row.state), row.at, row.told) for row in conn.execute(query)]


def counts(conn: Connection, tenant: str, id: str) -> dict[str, int]:
    """How many items there are in each state."""
    query = select(_i.state, func.count()).where(_i.tenant == tenant, _i.id == id).group_by(_i.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def note_judged(conn: Connection, request: Request) -> int:
    """Store which of the marked cases have been decided since (or closed). Returns how many haven't been yet."""
    k, a = cases.c, acts.c
    joined = item_rows.join(cases, (_i.tenant == k.tenant) & (_i.item == k.ref))
    query = select(_i.item, _i.at, _i.told, k.phase, k.decided_at, k.closed_at, k.failures).select_from(joined)
    marked = (_i.tenant == request.tenant, _i.id == request.id, _i.state == ItemState.MARKED)
    left = 0
    for row in conn.execute(query.where(*marked)).all():
        if (row.decided_at is not None and row.decided_at >= row.at) or row.closed_at is not None:
            since = (a.tenant == request.tenant, a.ref == row.item, a.created_at >= row.at)
            called_for = list(conn.scalars(select(a.key).where(*since).order_by(a.n)))
            told = {**row.told, "phase": row.phase, "acts": called_for}
            note(conn, request, row.item, ItemState.DONE, told, row.at)
        elif row.failures:
            told = {**row.told, "why": "its decision failed; see the case's log lines"}
            note(conn, request, row.item, ItemState.FAILED, told, row.at)
        else:
            left += 1
    return left


def finished_report(conn: Connection, request: Request) -> dict[str, int]:
    """The closing figures: how many cases were read, how many of them have new acts, how many failed."""
    found = items(conn, request.tenant, request.id)
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
