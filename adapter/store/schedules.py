"""Schedules at the camera platform as they were last seen there."""

from __future__ import annotations

from sqlalchemy import Connection, select

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.store import codec
from adapter.store.sql import upsert
from adapter.store.tables import schedules


def save(
    conn: Connection, tenant: str, ref: str, record: ScheduleRecord, *, remote_id: str | None, etag: str | None
) -> None:
    """Store a schedule as seen now. Without a ``remote_id`` the one that is known is kept."""
    row = {
        "tenant": tenant,
        "ref": ref,
        "n": record.n,
        "remote_id": remote_id,
        "etag": etag,
        "record": codec.dump_record(record),
        "ended": record.status is ScheduleStatus.ENDED,
    }
    upsert(conn, schedules, [row], keep=() if remote_id is not None else ("remote_id",))


def newest(conn: Connection, tenant: str, ref: str) -> ScheduleRecord | None:
    c = schedules.c
    query = select(c.record).where(c.tenant == tenant, c.ref == ref).order_by(c.n.desc()).limit(1)
    text = conn.scalar(query)
    return codec.load_record(text) if text is not None else None


def remote_ids(conn: Connection, tenant: str, ref: str) -> dict[int, tuple[str, str | None]]:
    """The vendor's id and version (ETag) of each schedule of a case, by its number: ``CaseContext.schedule_ids``."""
    c = schedules.c
    query = select(c.n, c.remote_id, c.etag).where(c.tenant == tenant, c.ref == ref, c.remote_id.is_not(None))
    return {row.n: (row.remote_id, row.etag) for row in conn.execute(query)}


def by_remote_id(conn: Connection, tenant: str, remote_id: str) -> tuple[str, ScheduleRecord] | None:
    """The case and the schedule that the vendor's id stands for."""
    c = schedules.c
    row = conn.execute(select(c.ref, c.record).where(c.tenant == tenant, c.remote_id == remote_id)).first()
    return (row.ref, codec.load_record(row.record)) if row is not None else None
