"""What is counted, by day, unit, what and length: it names nobody, and is kept when a case is purged.

Rows are added to in the transaction of what they count, as the last thing in it: whoever holds a row holds no case
that somebody else waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from adapter.followup.tallies import Tally, added
from adapter.store.codec import chunks
from adapter.store.sql import insert_missing, insert_of
from adapter.store.tables import cases, spans
from adapter.store.tables import counts as table

_c, _k, _s = table.c, cases.c, spans.c
_UNIT = select(_k.unit).where(_k.tenant == bindparam("tenant"), _k.ref == bindparam("ref"))


def add(conn: Connection, tenant: str, tallies: Iterable[Tally]) -> None:
    """Add tallies to what was counted before."""
    rows = [{"tenant": tenant, **tally._asdict()} for tally in added(tallies)]
    if not rows:
        return
    new = insert_of(conn, table)
    # In the order of their keys, as everybody does: two that add to the same rows would block each other otherwise.
    more = new.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={"number": _c.number + new.excluded.number}
    )
    conn.execute(more.returning(_c.day), rows).all()


def unit_of(conn: Connection, tenant: str, ref: str) -> int | None:
    """The unit of a case as it now is; None where there is none, or no such case."""
    unit: int | None = conn.scalar(_UNIT, {"tenant": tenant, "ref": ref})
    return unit


def units_of(conn: Connection, tenant: str, refs: Sequence[str]) -> dict[str, int | None]:
    """The same of many cases."""
    found: dict[str, int | None] = {}
    for some in chunks(refs):
        rows = conn.execute(select(_k.ref, _k.unit).where(_k.tenant == tenant, _k.ref.in_(some)))
        found |= {row.ref: row.unit for row in rows}
    return found


def between(conn: Connection, tenant: str, first: date, last: date, what: str | None = None) -> list[Tally]:
    """Everything that was counted from the first to the last day, both included, as of the first: by unit, what and
    value. ``what`` narrows it to what begins so."""
    query = select(_c.unit, _c.what, _c.value, func.sum(_c.number)).where(
        _c.tenant == tenant, _c.day >= first, _c.day <= last
    )
    if what is not None:
        query = query.where(_c.what.startswith(what, autoescape=True))
    rows = conn.execute(query.group_by(_c.unit, _c.what, _c.value))
    return [Tally(first, unit, what, value, int(number)) for unit, what, value, number in rows if number]


class Span(NamedTuple):
    """Something went on from ``begun_at`` to ``seen_at`` (UTC): the adapter ran, a vendor was down."""

    what: str
    begun_at: datetime
    seen_at: datetime


RUNNING = "running"
"""The adapter itself."""


def extend(conn: Connection, tenant: str, what: str, since: datetime, now: datetime, gap: timedelta) -> None:
    """Something has gone on ``since`` then and still does. It is the span that was last seen less than ``gap`` before
    that, or a new one: so one that several processes see is one."""
    going_on = (_s.tenant == tenant, _s.what == what, _s.seen_at >= since - gap, _s.seen_at <= now)
    if not conn.execute(update(spans).where(*going_on).values(seen_at=now)).rowcount:
        insert_missing(conn, spans, {"tenant": tenant, "what": what, "begun_at": since, "seen_at": now})


def spans_between(conn: Connection, tenant: str, start: datetime, end: datetime) -> list[Span]:
    """The spans that touch the time between two instants (UTC), by what and begin."""
    query = select(_s.what, _s.begun_at, _s.seen_at).where(_s.tenant == tenant, _s.begun_at < end, _s.seen_at >= start)
    return [Span(*row) for row in conn.execute(query.order_by(_s.what, _s.begun_at))]
