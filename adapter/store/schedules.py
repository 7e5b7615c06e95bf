"""Schedules at the camera platform as they were last seen there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, tuple_, update

from adapter.domain.ledger import COUNTS, SCHEDULE_KINDS, Act, ActKind, ActState, ScheduleRecord, ScheduleStatus
from adapter.store import codec
from adapter.store.errors import StoreError
from adapter.store.sql import chunks, upsert
from adapter.store.tables import acts, cases, schedules

LONGEST_WAIT = timedelta(days=30)
"""No act has waited longer than this when it is done."""

_s = schedules.c
_OF_CASE = (_s.tenant == bindparam("tenant"), _s.ref == bindparam("ref"))
_STORED = select(_s.record).where(*_OF_CASE, _s.n == bindparam("n"))
_NEWEST = select(_s.record).where(*_OF_CASE).order_by(_s.n.desc()).limit(1)
_OF_CASES = select(_s.ref, _s.n, _s.remote_id, _s.etag).where(
    _s.tenant == bindparam("tenant"), _s.ref.in_(bindparam("refs", expanding=True)), _s.remote_id.is_not(None)
)


def save(
    conn: Connection, tenant: str, ref: str, record: ScheduleRecord, *, remote_id: str | None, etag: str | None
) -> None:
    """Store a schedule as it is seen now. Without a ``remote_id``, the stored one is kept. The orders on which it is
    based are added to the stored ones, because the vendor doesn't know them."""
    before = conn.scalar(_STORED, {"tenant": tenant, "ref": ref, "n": record.n})
    if before is not None:
        record = replace(record, orders=record.orders | codec.SCHEDULE.load(before).orders)
    of = {"tenant": tenant, "ref": ref, "n": record.n, "remote_id": remote_id, "etag": etag}
    row = {**of, "record": codec.SCHEDULE.dump(record), "ended": record.status is ScheduleStatus.ENDED}
    upsert(conn, schedules, row, keep=() if remote_id is not None else ("remote_id",))


def replace_stored(conn: Connection, tenant: str, owned: Owned, record: ScheduleRecord) -> None:
    """Store a schedule instead of the one that was read as ``owned``, unless that has changed meanwhile."""
    read = (_s.tenant == tenant, _s.ref == owned.ref, _s.n == record.n, _s.record == owned.stored)
    conn.execute(update(schedules).where(*read).values(record=codec.SCHEDULE.dump(record)))


def newest(conn: Connection, tenant: str, ref: str) -> ScheduleRecord | None:
    """The last schedule of a case."""
    found = conn.scalar(_NEWEST, {"tenant": tenant, "ref": ref})
    return None if found is None else codec.SCHEDULE.load(found)


def remote_ids(conn: Connection, tenant: str, refs: Sequence[str]) -> dict[str, dict[int, tuple[str, str | None]]]:
    """The vendor's id and version (ETag) of each schedule of these cases, by reference and number:
    ``CaseContext.schedule_ids``."""
    found: dict[str, dict[int, tuple[str, str | None]]] = {ref: {} for ref in refs}
    for ref, n, remote_id, etag in conn.execute(_OF_CASES, {"tenant": tenant, "refs": refs}):
        found[ref][n] = (remote_id, etag)
    return found


class Owned(NamedTuple):
    """A case's schedule as it is stored; ``open``: the case isn't closed."""

    ref: str
    n: int
    stored: str
    open: bool

    @property
    def record(self) -> ScheduleRecord:
        """Raises ``StoreError`` if this version can't read it."""
        return codec.SCHEDULE.load(self.stored)

    def shows(self, seen: ScheduleRecord) -> bool:
        """Whether it certainly says the same as ``seen``, except for ``seen_at`` and the orders. The texts are
        compared, because loading one costs four times as much as dumping one."""
        return self.stored.startswith(codec.SCHEDULE.dump(seen).partition(',"seen_at":')[0])


def readable(stored: str) -> ScheduleRecord | None:
    """A stored schedule; None if this version can't read it. What is reckoned over all schedules leaves that one out
    (P6). Its own case fails when it is reconciled, and says so."""
    try:
        return codec.SCHEDULE.load(stored)
    except StoreError:
        return None


def by_remote_ids(conn: Connection, tenant: str, remote_ids: Iterable[str]) -> dict[str, Owned]:
    """The case's schedule for each of the vendor's ids. Ids that no case knows are left out."""
    # Our ids have no NUL, and PostgreSQL would refuse the whole list because of one.
    ids = [remote_id for remote_id in remote_ids if "\0" not in remote_id]
    query = (
        select(_s.remote_id, _s.ref, _s.n, _s.record, cases.c.closed_at.is_(None))
        .select_from(schedules.join(cases, (cases.c.tenant == _s.tenant) & (cases.c.ref == _s.ref)))
        .where(_s.tenant == tenant)
    )
    found: dict[str, Owned] = {}
    for some in chunks(ids):
        for remote_id, *owned in conn.execute(query.where(_s.remote_id.in_(some))):
            found[remote_id] = Owned(*owned)
    return found


def followed(
    conn: Connection, tenant: str, start: datetime
) -> list[tuple[str, int, ScheduleRecord | None, tuple[Act, ...]]]:
    """The schedules that may have had looks at or after an instant (UTC): those that haven't ended, and those that an
    act has changed since. Each comes with the case's reference, its number, None instead of the record if that can't be
    read, and, if an act has changed the case's schedules since, with all acts on them that were or may have been
    done."""
    a = acts.c
    done = (a.tenant == tenant, a.lane == "platform", a.state.in_(sorted(COUNTS)), a.kind.in_(sorted(SCHEDULE_KINDS)))
    recent = (a.created_at >= start - LONGEST_WAIT, a.done_at.is_(None) | (a.done_at >= start))
    refs = sorted(set(conn.scalars(select(a.ref).where(*done, *recent))))
    of_case: dict[str, list[Act]] = {}
    for some in chunks(refs):
        for row in conn.execute(select(acts).where(*done, a.ref.in_(some)).order_by(a.n)):
            act = Act(row.n, row.key, ActKind(row.kind), ActState(row.state), row.what, row.created_at, row.done_at)
            of_case.setdefault(row.ref, []).append(act)
    columns = select(_s.ref, _s.n, _s.record).where(_s.tenant == tenant)
    rows = list(conn.execute(columns.where(_s.ended.is_(False))))
    for some in chunks(refs):
        rows += conn.execute(columns.where(_s.ended.is_(True), _s.ref.in_(some)))
    return [(row.ref, row.n, readable(row.record), tuple(of_case.get(row.ref, ()))) for row in rows]


def being_made(conn: Connection, tenant: str) -> bool:
    """Whether there is a creation that may have been carried out, though nobody knows yet."""
    a = acts.c
    open_ones = (a.tenant == tenant, a.state.in_((ActState.SENDING, ActState.UNKNOWN)), a.lane == "platform")
    return conn.scalar(select(a.ref).where(*open_ones, a.kind == ActKind.CREATE).limit(1)) is not None


def with_units(conn: Connection, tenant: str) -> list[tuple[int | None, ScheduleRecord]]:
    """Every readable schedule that hasn't ended, with its case's unit."""
    of_case = schedules.join(cases, (cases.c.tenant == _s.tenant) & (cases.c.ref == _s.ref))
    query = select(cases.c.unit, _s.record).select_from(of_case).where(_s.tenant == tenant, _s.ended.is_(False))
    found = ((unit, readable(record)) for unit, record in conn.execute(query))
    return [(unit, record) for unit, record in found if record is not None]


def count_running(conn: Connection, tenant: str) -> int:
    """How many cases have a schedule that hasn't ended; a case's newest one counts."""
    newest = select(_s.ref, func.max(_s.n).label("n")).where(_s.tenant == tenant).group_by(_s.ref).subquery()
    of = (_s.ref == newest.c.ref) & (_s.n == newest.c.n)
    query = select(func.count()).select_from(schedules.join(newest, of)).where(_s.tenant == tenant)
    return conn.scalar(query.where(_s.ended.is_(False))) or 0


def running(conn: Connection, tenant: str, after: tuple[str, int], limit: int) -> list[tuple[str, int, str]]:
    """The next schedules that haven't ended, in order: the case's reference, the number, the vendor's id."""
    query = select(_s.ref, _s.n, _s.remote_id).where(
        _s.tenant == tenant, _s.ended.is_(False), _s.remote_id.is_not(None), tuple_(_s.ref, _s.n) > after
    )
    return [(ref, n, remote_id) for ref, n, remote_id in conn.execute(query.order_by(_s.ref, _s.n).limit(limit))]
