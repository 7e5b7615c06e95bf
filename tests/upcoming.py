"""When there is something to do next, as the store has it: what lets a test's clock jump there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from adapter.store.tables import acts, cases


def next_due(conn: Connection, tenants: Sequence[str]) -> datetime | None:
    """When the next case can be claimed (UTC); None if none ever can without being marked."""
    soonest: datetime | None = conn.scalar(select(func.min(cases.c.ready_at)).where(cases.c.tenant.in_(tenants)))
    return soonest


def next_retry(conn: Connection, tenants: Sequence[str]) -> datetime | None:
    """When the next act can be claimed (UTC); None if there is none."""
    soonest: datetime | None = conn.scalar(select(func.min(acts.c.ready_at)).where(acts.c.tenant.in_(tenants)))
    return soonest
