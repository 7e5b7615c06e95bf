"""When there is something to do next, by the store. A test's clock can jump there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from adapter.store.tables import acts, cases


def next_due(conn: Connection, tenants: Sequence[str]) -> datetime | None:
    """When the next case can be claimed (UTC); None if none can before it is marked."""
    soonest: datetime | None = conn.scalar(select(func.min(cases.c.ready_at)).where(cases.c.tenant.in_(tenants)))
    return soonest


def next_retry(conn: Connection, tenants: Sequence[str]) -> datetime | None:
    """When the next act can be claimed (UTC); None if there is none."""
    soonest: datetime | None = conn.scalar(select(func.min(acts.c.ready_at)).where(acts.c.tenant.in_(tenants)))
    return soonest
