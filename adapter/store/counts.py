"""The counts, by day, unit, kind and length; and when each process ran, and when a vendor was down. They name nobody,
and they are kept when a case is purged.

A count is changed in the transaction of the event that it counts. Each process has rows of its own (``writer``, a
random number), so that a process that is frozen in a transaction doesn't block the others.
"""

import os
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from functools import cache

from sqlalchemy import Connection, String, bindparam, cast, func, select

from adapter.followup.report import Month, months_between
from adapter.followup.tallies import Tally, added
from adapter.followup.uptime import Span, Uptime
from adapter.store.sql import upsert
from adapter.store.tables import cases, uptime
from adapter.store.tables import counts as table

_c, _k = table.c, cases.c
_UNIT = select(_k.unit).where(_k.tenant == bindparam("tenant"), _k.ref == bindparam("ref"))


def new_writer() -> int:
    return random.SystemRandom().randrange(2**31)


@cache
def _writer(_process: int) -> int:
    """This process's number; after a fork there is another one."""
    return new_writer()


def add(conn: Connection, tenant: str, tallies: Iterable[Tally]) -> None:
    """Add tallies to what was counted before."""
    writer = _writer(os.getpid())
    rows = [{"tenant": tenant, "writer": writer, **tally._asdict()} for tally in added(tallies)]
    # In the order of their keys: otherwise two that add to the same rows could block each other.
    upsert(conn, table, *rows, add=["number"])


def put(conn: Connection, tenant: str, writer: int, tallies: Iterable[Tally]) -> None:
    """Store tallies instead of those that ``writer`` stored before. So it does no harm to store them twice."""
    upsert(conn, table, *({"tenant": tenant, "writer": writer, **tally._asdict()} for tally in sorted(tallies)))


def unit_of(conn: Connection, tenant: str, ref: str) -> int | None:
    """The unit of a case now; None if it has none, or if there is no such case."""
    unit: int | None = conn.scalar(_UNIT, {"tenant": tenant, "ref": ref})
    return unit


def between(conn: Connection, tenant: str, first: date, last: date, what: str | None = None) -> list[Tally]:
    """The sums of the counts from the first to the last day, both included, by unit, what and value; each sum has the
    first day. ``what``: only counts whose name begins so.

    The database returns all values of one kind as one row. One row for each value would take most of a report's time
    in a large town."""
    query = select(_c.unit, _c.what, _c.value, func.sum(_c.number).label("number")).where(
        _c.tenant == tenant, _c.day >= first, _c.day <= last
    )
    if what is not None:
        query = query.where(_c.what.startswith(what, autoescape=True))
    sums = query.group_by(_c.unit, _c.what, _c.value).cte()
    sums = sums.prefix_with("MATERIALIZED", dialect="postgresql")  # else it sorts all rows, to group them twice
    each = cast(sums.c.value, String) + " " + cast(sums.c.number, String)
    rows = select(sums.c.unit, sums.c.what, func.aggregate_strings(each, " ")).group_by(sums.c.unit, sums.c.what)
    found: list[Tally] = []
    for unit, name, numbers in conn.execute(rows).all():
        read = map(int, numbers.split())
        found += [Tally(first, unit, name, value, number) for value, number in zip(read, read, strict=True) if number]
    return found


def first_day(conn: Connection, tenant: str) -> date | None:
    """The first day for which anything was counted."""
    found: date | None = conn.scalar(select(func.min(_c.day)).where(_c.tenant == tenant))
    return found


def months(conn: Connection, tenant: str, first: date, last: date, *, zone: tzinfo, now: datetime) -> list[Month]:
    """The counts from the first to the last day, both included, by month. The days are in ``zone``; ``now`` is UTC."""
    known = Uptime(spans(conn, tenant), zone, now)
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


def save_spans(conn: Connection, owner: str, noted: Iterable[tuple[str, Span]]) -> None:
    """Store when a process ran, and when it found a vendor down, each with its municipality. A span that it noted
    before becomes longer."""
    rows = [{"tenant": tenant, "owner": owner, **span._asdict()} for tenant, span in sorted(noted)]
    upsert(conn, uptime, *rows)


def spans(conn: Connection, tenant: str) -> list[Span]:
    """What all processes noted with ``save_spans``."""
    u = uptime.c
    return [Span(*row) for row in conn.execute(select(u.system, u.since, u.until).where(u.tenant == tenant))]
