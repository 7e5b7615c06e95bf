"""Who read what about which case: the log of reading (loggkontroll). It names the reader, never the person in the
case."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from adapter.store.sealing import readable, sealed
from adapter.store.tables import reads

SHELL = "shell"
"""The place of somebody who ran a command."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads: the name with which they signed in, and the place: an address, or ``SHELL``."""

    who: str
    place: str


@dataclass(frozen=True, slots=True)
class Read:
    """``what`` was read at ``at`` (UTC): ``case``, ``plan``, ``nights`` or a document; without ``ref`` a ``list`` of
    cases, ``followup``, ``backup`` and similar. Each ``sign_in``, and what was ``refused``, is a row too."""

    tenant: str
    ref: str | None
    at: datetime
    who: str
    what: str
    place: str


_c = reads.c


def note(
    conn: Connection, tenants: Iterable[str], reader: Reader, what: str, now: datetime, ref: str | None = None
) -> None:
    """Note that somebody reads, in the transaction that reads, so that nothing is shown without a note."""
    of = {"ref": ref, "at": now, "who": reader.who, "what": what, "place": reader.place}
    if rows := [{"tenant": tenant, **of} for tenant in tenants]:
        conn.execute(insert(reads), [sealed(conn, reads, row) for row in rows])


def find(
    conn: Connection,
    tenant: str,
    *,
    ref: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Read]:
    """What was read, the oldest first: of all cases or of one, from ``since`` on and before ``until`` (UTC)."""
    query = select(reads).where(_c.tenant == tenant)
    if ref is not None:
        query = query.where(_c.ref == ref)
    if since is not None:
        query = query.where(_c.at >= since)
    if until is not None:
        query = query.where(_c.at < until)
    return [_read(conn, row) for row in conn.execute(query.order_by(_c.at, _c.id)).all()]


def _read(conn: Connection, row: Row[*tuple[Any, ...]]) -> Read:
    who, place = (readable(conn, row, column) or "" for column in (_c.who, _c.place))
    return Read(row.tenant, row.ref, row.at, who, row.what, place)


def last(conn: Connection, tenant: str, who: str, what: str, since: datetime) -> Read | None:
    """The last time since an instant (UTC) that a reader with this name read it."""
    query = (
        select(reads).where(_c.tenant == tenant, _c.what == what, _c.at >= since).order_by(_c.at.desc(), _c.id.desc())
    )
    found = (_read(conn, row) for row in conn.execute(query))  # who it was is encrypted
    return next((read for read in found if read.who == who), None)


def forget(conn: Connection, tenant: str, before: datetime) -> None:
    """Delete the lines from before an instant (UTC)."""
    conn.execute(delete(reads).where(_c.tenant == tenant, _c.at < before))
