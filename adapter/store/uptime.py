"""What each process notes of itself and of the vendors: when it ran, and when a vendor was down. Kept for ever: a row
for each start and each outage, which names nobody."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from adapter.followup.uptime import Span
from adapter.store.sql import upsert
from adapter.store.tables import uptime as table


def save(conn: Connection, owner: str, spans: Iterable[tuple[str, Span]]) -> None:
    """Store spans, each with its municipality; one that a process noted before is made longer."""
    rows = [{"tenant": tenant, "owner": owner, **span._asdict()} for tenant, span in sorted(spans)]
    upsert(conn, table, *rows)


def spans(conn: Connection, tenant: str) -> list[Span]:
    """Everything that was noted, by all processes."""
    c = table.c
    return [Span(*row) for row in conn.execute(select(c.system, c.since, c.until).where(c.tenant == tenant))]
