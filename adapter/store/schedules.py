"""Schedules at the camera platform as they were last seen there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection, select, tuple_

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.store import codec
from adapter.store.sql import among, by_ref, given, of_cases, upsert, where
from adapter.store.tables import cases, schedules

_s = schedules.c
_OF_CASE = where(schedules, "tenant", "ref")
_RECORD = select(_s.record).where(*_OF_CASE, _s.n == given("n"))
NEWEST = select(_s.record).where(*_OF_CASE).order_by(_s.n.desc()).limit(1)
_REMOTE = select(_s.ref, _s.n, _s.remote_id, _s.etag).where(*of_cases(schedules), _s.remote_id.is_not(None))
_OWNED = (
    select(_s.remote_id, _s.ref, _s.record, cases.c.closed_at.is_(None))
    .select_from(schedules.join(cases, (cases.c.tenant == _s.tenant) & (cases.c.ref == _s.ref)))
    .where(_s.tenant == given("tenant"), among(_s.remote_id, "ids"))
)


def save(
    conn: Connection, tenant: str, ref: str, record: ScheduleRecord, *, remote_id: str | None, etag: str | None
) -> None:
    """Store a schedule as seen now. Without a ``remote_id`` the one that is known is kept; the orders that it rests on
    are added to those that it rested on before, for the vendor doesn't know them."""
    before = conn.scalar(_RECORD, {"tenant": tenant, "ref": ref, "n": record.n})
    if before is not None:
        record = replace(record, orders=record.orders | codec.load_record(before).orders)
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


def remote_ids(conn: Connection, tenant: str, refs: Sequence[str]) -> dict[str, dict[int, tuple[str, str | None]]]:
    """The vendor's id and version (ETag) of each schedule of these cases, by reference and number:
    ``CaseContext.schedule_ids``."""
    rows = by_ref(conn, _REMOTE, tenant, refs)
    return {ref: {row.n: (row.remote_id, row.etag) for row in some} for ref, some in rows.items()}


def by_remote_id(conn: Connection, tenant: str, remote_id: str) -> tuple[str, ScheduleRecord] | None:
    """The case and the schedule that the vendor's id stands for."""
    c = schedules.c
    row = conn.execute(select(c.ref, c.record).where(c.tenant == tenant, c.remote_id == remote_id)).first()
    return (row.ref, codec.load_record(row.record)) if row is not None else None


class Owned(NamedTuple):
    """A schedule that a case has, as it is stored; ``open``: the case isn't closed."""

    ref: str
    stored: str
    open: bool

    @property
    def record(self) -> ScheduleRecord:
        """Raises ``StoreError`` for one that this version can't read."""
        return codec.load_record(self.stored)

    def shows(self, seen: ScheduleRecord) -> bool:
        """Whether it certainly says the same as ``seen``, but for when it was seen and what it rests on: by its text,
        as reading one costs four times as much as writing one."""
        return self.stored.startswith(codec.dump_record(seen).partition(',"seen_at":')[0])


def by_remote_ids(conn: Connection, tenant: str, remote_ids: Iterable[str]) -> dict[str, Owned]:
    """Whose schedule each of the vendor's ids stands for; ids that are nobody's are left out."""
    # A NUL stands in no id of ours, and PostgreSQL would refuse the whole list for it.
    ids = [remote_id for remote_id in remote_ids if "\0" not in remote_id]
    rows = conn.execute(_OWNED, {"tenant": tenant, "ids": ids})
    return {remote_id: Owned(ref, stored, open_case) for remote_id, ref, stored, open_case in rows}


def running(conn: Connection, tenant: str, after: tuple[str, int], limit: int) -> list[tuple[str, int, str]]:
    """The next schedules that aren't ended: reference of the case, number, the vendor's id; in that order."""
    c = schedules.c
    query = select(c.ref, c.n, c.remote_id).where(
        c.tenant == tenant, c.ended.is_(False), c.remote_id.is_not(None), tuple_(c.ref, c.n) > after
    )
    return [(ref, n, remote_id) for ref, n, remote_id in conn.execute(query.order_by(c.ref, c.n).limit(limit))]
