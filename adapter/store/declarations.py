"""Steps that a person declared done by hand in the re-sync file, because there was nowhere else to note them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from adapter.domain.facts import Note, Signal
from adapter.store import sealing
from adapter.store.sql import by_ref, upsert
from adapter.store.tables import declarations

_c = declarations.c
_OF_CASES = (
    select(declarations)
    .where(_c.tenant == bindparam("tenant"), _c.ref.in_(bindparam("refs", expanding=True)))
    .order_by(_c.at, _c.signal)
)


def declare(conn: Connection, tenant: str, ref: str, signal: Signal, *, at: datetime, who: str, why: str) -> bool:
    """Take down one declaration; a later one of the same signal replaces it. False if it is there already."""
    row = {"tenant": tenant, "ref": ref, "signal": str(signal), "at": at, "who": who, "why": why}
    c = declarations.c
    same = select(declarations).where(c.tenant == tenant, c.ref == ref, c.signal == signal, c.at == at)
    known = conn.execute(same).one_or_none()
    if known and (sealing.readable(conn, known, c.who), sealing.readable(conn, known, c.why)) == (who, why):
        return False
    upsert(conn, declarations, sealing.sealed(conn, declarations, row))
    return True


def declared(conn: Connection, tenant: str, refs: Sequence[str]) -> dict[str, tuple[Note, ...]]:
    """Each case's declarations as the signals that they stand for, by whom."""
    rows = by_ref(refs, conn.execute(_OF_CASES, {"tenant": tenant, "refs": refs}))
    return {ref: tuple(_note(conn, row) for row in some) for ref, some in rows.items()}


def _note(conn: Connection, row: Row[Any]) -> Note:
    return Note(f"declared:{row.signal}", Signal(row.signal), row.at, by=sealing.readable(conn, row, _c.who))
