"""The looks that were due, and the outcome of each: by case, the schedule's number and the due time."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from adapter.domain.ledger import LOOK_DONE, Look, LookOutcome
from adapter.store.sql import chunks, upsert
from adapter.store.tables import looks

_c = looks.c
_DONE = _c.outcome.in_(sorted(LOOK_DONE))
# What runs for every case that is decided is built once.
_OF_CASE = (_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref"))
_SINCE = select(looks).where(*_OF_CASE, _c.due_at >= bindparam("start")).order_by(_c.due_at, _c.n)
_FIRST = select(_c.n, func.min(_c.due_at).label("at")).where(*_OF_CASE, _DONE, _c.entitled).group_by(_c.n).subquery()
_FIRST_DONE = (
    select(looks).join(_FIRST, (_FIRST.c.n == _c.n) & (_FIRST.c.at == _c.due_at)).where(*_OF_CASE).order_by(_c.n)
)


def save(conn: Connection, tenant: str, seen: Iterable[tuple[str, Look]]) -> None:
    """Store looks as they are known now, each with its case's reference."""
    rows = []
    for ref, look in seen:
        values = {"tenant": tenant, "ref": ref, **asdict(look)}
        values["remote_id"] = values.pop("id")
        rows.append(values)
    for some in chunks(rows, 50):
        upsert(conn, looks, *some)


def _look(row: Row[Any]) -> Look:
    known = {name: getattr(row, name) for name in ("n", "due_at", "entitled", "judged_at", "begun_at", "ended_at")}
    return Look(**known, outcome=LookOutcome(row.outcome), id=row.remote_id)


def since(conn: Connection, tenant: str, start: datetime) -> dict[str, list[Look]]:
    """A municipality's looks that were due at or after an instant (UTC), by case, in the order in which they were
    due."""
    found: dict[str, list[Look]] = {}
    query = select(looks).where(_c.tenant == tenant, _c.due_at >= start).order_by(_c.due_at, _c.ref, _c.n)
    for row in conn.execute(query):
        found.setdefault(row.ref, []).append(_look(row))
    return found


def of_case(conn: Connection, tenant: str, ref: str, start: datetime) -> tuple[Look, ...]:
    """A case's looks that were due at or after an instant (UTC), in the order in which they were due."""
    return tuple(map(_look, conn.execute(_SINCE, {"tenant": tenant, "ref": ref, "start": start})))


def first_done(conn: Connection, tenant: str, ref: str) -> tuple[Look, ...]:
    """For each of a case's schedules, its first entitled look that was done."""
    return tuple(map(_look, conn.execute(_FIRST_DONE, {"tenant": tenant, "ref": ref})))


def last_before(conn: Connection, tenant: str, refs: Sequence[str], start: datetime) -> dict[str, Look]:
    """The last entitled look of each of these cases before an instant (UTC); cases without any are left out."""
    found: dict[str, Look] = {}
    for some in chunks(refs):
        theirs = (_c.tenant == tenant, _c.ref.in_(some), _c.due_at < start, _c.entitled)
        last = select(_c.ref, func.max(_c.due_at).label("at")).where(*theirs).group_by(_c.ref).subquery()
        query = select(looks).join(last, (last.c.ref == _c.ref) & (last.c.at == _c.due_at)).where(_c.tenant == tenant)
        found |= {row.ref: _look(row) for row in conn.execute(query)}
    return found


def counts(conn: Connection, tenant: str, start: datetime) -> dict[tuple[LookOutcome, bool, bool], int]:
    """How many looks were due at or after an instant (UTC): by outcome, whether they are judged, and whether
    entitled."""
    judged = _c.judged_at.is_not(None).label("judged")
    query = select(_c.outcome, judged, _c.entitled, func.count()).where(_c.tenant == tenant, _c.due_at >= start)
    rows = conn.execute(query.group_by(_c.outcome, judged, _c.entitled))
    return {(LookOutcome(outcome), bool(known), bool(entitled)): count for outcome, known, entitled, count in rows}
