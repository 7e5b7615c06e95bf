"""What is counted, by day, unit, what and length: it names nobody, and is kept when a case is purged.

Rows are added to in the transaction of what they count. Each process adds to rows of its own (``writer``, drawn at
random): one that is frozen in the middle of a transaction holds up nobody else's counting.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import cache

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.sql.dml import ReturningInsert

from adapter.followup.report import Month, months_between
from adapter.followup.tallies import Tally, added
from adapter.followup.uptime import Uptime
from adapter.store import uptime
from adapter.store.sql import chunks, insert_of
from adapter.store.tables import cases
from adapter.store.tables import counts as table

_c, _k = table.c, cases.c
_UNIT = select(_k.unit).where(_k.tenant == bindparam("tenant"), _k.ref == bindparam("ref"))


@cache
def _writer(_process: int) -> int:
    """This process's own number; drawn anew after a fork."""
    return random.SystemRandom().randrange(2**31)


def add(conn: Connection, tenant: str, tallies: Iterable[Tally]) -> None:
    """Add tallies to what was counted before."""
    writer = _writer(os.getpid())
    rows = [{"tenant": tenant, "writer": writer, **tally._asdict()} for tally in added(tallies)]
    if rows:
        # In the order of their keys, as everybody does: two that add to the same rows would block each other otherwise.
        conn.execute(_adding(conn.dialect.name), rows).all()


@cache
def _adding(dialect: str) -> ReturningInsert[int]:
    """Built once, as it runs for every act."""
    new = insert_of(dialect, table)
    added_to = {"number": _c.number + new.excluded.number}
    return new.on_conflict_do_update(index_elements=list(table.primary_key), set_=added_to).returning(_c.number)


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


def since(conn: Connection, tenant: str) -> date | None:
    """The first day of which anything was counted."""
    found: date | None = conn.scalar(select(func.min(_c.day)).where(_c.tenant == tenant))
    return found


def months(conn: Connection, tenant: str, first: date, last: date, *, zone: tzinfo, now: datetime) -> list[Month]:
    """What was counted from the first to the last day, both included, by month. ``zone`` is that of the days, ``now``
    (UTC) the present."""
    known = Uptime(uptime.spans(conn, tenant), zone, now)
    active: dict[int, int] = {}
    for tally in between(conn, tenant, date.min, first - timedelta(days=1), "active"):
        active[tally.unit] = active.get(tally.unit, 0) + tally.number
    found = []
    for start, end in months_between(first, last):
        rows = between(conn, tenant, start, end)
        found.append(Month(start, end, rows, dict(active), known))
        for tally in rows:
            if tally.what == "active":
                active[tally.unit] = active.get(tally.unit, 0) + tally.number
    return found
