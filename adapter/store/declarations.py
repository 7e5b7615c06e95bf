"""Steps that a person declared done by hand in the re-sync file, because there was nowhere else to note them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from adapter.domain.facts import Note, Signal
from adapter.store.sql import upsert, where
from adapter.store.tables import declarations

_c = declarations.c
_OF_CASE = select(_c.signal, _c.at, _c.who).where(*where(declarations, "tenant", "ref")).order_by(_c.at, _c.signal)


def declare(conn: Connection, tenant: str, ref: str, signal: Signal, *, at: datetime, who: str, why: str) -> bool:
    """Take down one declaration; a later one of the same signal replaces it. False if it is there already."""
    row = {"tenant": tenant, "ref": ref, "signal": str(signal), "at": at, "who": who, "why": why}
    c = declarations.c
    same = select(c.ref).where(
        c.tenant == tenant, c.ref == ref, c.signal == signal, c.at == at, c.who == who, c.why == why
    )
    if conn.scalar(same) is not None:
        return False
    upsert(conn, declarations, [row])
    return True


def declared(conn: Connection, tenant: str, ref: str) -> tuple[Note, ...]:
    """A case's declarations as the signals that they stand for, by whom."""
    rows = conn.execute(_OF_CASE, {"tenant": tenant, "ref": ref})
    return tuple(Note(f"declared:{row.signal}", Signal(row.signal), row.at, by=row.who) for row in rows)
