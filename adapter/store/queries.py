"""Numbers for the status page and the metrics; nothing in them names a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from adapter.domain.ledger import ActState
from adapter.store.feeds import Feed
from adapter.store.order_inbox import WaitingOrder, unusable_orders
from adapter.store.tables import acts, cases, feeds

WAITING = (ActState.PENDING, ActState.SENDING, ActState.UNKNOWN, ActState.PARKED)


@dataclass(frozen=True, slots=True)
class ActCount:
    """``oldest`` (UTC) is when the oldest of them was decided."""

    lane: str
    state: ActState
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """One tenant. ``phases`` counts all cases, closed ones too; ``acts`` only those that aren't done or dropped;
    ``ready`` cases could be claimed now, the first since ``ready_since`` (UTC); ``failing`` cases raised something;
    ``unusable`` are orders that can't be used and have no case."""

    phases: dict[str, int]
    acts: tuple[ActCount, ...]
    feeds: tuple[Feed, ...]
    ready: int
    ready_since: datetime | None
    failing: int
    unusable: tuple[WaitingOrder, ...] = ()


def unattended(conn: Connection, tenants: Sequence[str]) -> dict[str, int]:
    """How many open cases there are of tenants other than these."""
    c = cases.c
    query = select(c.tenant, func.count()).where(c.closed_at.is_(None), c.tenant.not_in(tenants)).group_by(c.tenant)
    return {row[0]: row[1] for row in conn.execute(query.order_by(c.tenant))}


def overview(conn: Connection, tenant: str, now: datetime) -> Overview:
    c, a, f = cases.c, acts.c, feeds.c
    phases = conn.execute(select(c.phase, func.count()).where(c.tenant == tenant).group_by(c.phase)).all()
    waiting = select(a.lane, a.state, func.count(), func.min(a.created_at)).where(
        a.tenant == tenant, a.state.in_(WAITING)
    )
    ready = conn.execute(select(func.count(), func.min(c.ready_at)).where(c.tenant == tenant, c.ready_at <= now)).one()
    failing = conn.scalar(
        select(func.count()).select_from(cases).where(c.tenant == tenant, c.closed_at.is_(None), c.failures > 0)
    )
    return Overview(
        phases={row[0]: row[1] for row in sorted(phases)},
        acts=tuple(
            ActCount(lane, ActState(state), count, oldest)
            for lane, state, count, oldest in conn.execute(waiting.group_by(a.lane, a.state).order_by(a.lane, a.state))
        ),
        feeds=tuple(
            Feed(*row)
            for row in conn.execute(
                select(*(f[name] for name in Feed.__dataclass_fields__)).where(f.tenant == tenant).order_by(f.name)
            )
        ),
        ready=ready[0],
        ready_since=ready[1],
        failing=failing or 0,
        unusable=unusable_orders(conn, tenant),
    )
