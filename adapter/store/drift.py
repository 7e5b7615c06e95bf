"""What the last full comparison with the camera platform found that a person should know of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from adapter.store import sealing
from adapter.store.tables import cases, events, schedules


@dataclass(frozen=True, slots=True)
class Drift:
    """``at`` is UTC; the rest are schedules by reference (``TK-7F3K2M-1``). ``unowned``: no case owns it, and it isn't
    ended. ``missing``: gone from the platform though it should run. ``changed``: changed there by somebody else, and
    put right since where ``mended``."""

    at: datetime
    unowned: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    mended: bool = True


def last_drift(conn: Connection, tenant: str) -> Drift | None:
    """As of now: one that has found its owner since (its creation was under way), or has ended, is left out. None
    before the first comparison."""
    e = events.c
    of = (e.tenant == tenant, e.ref.is_(None), e.name == "comparison")
    row = conn.execute(select(events).where(*of).order_by(e.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    told = sealing.opened(conn, row, e.data)
    unowned, missing, changed = (_labels(told.get(name)) for name in ("unowned", "missing", "changed"))
    owned = _running(conn, tenant, [*unowned, *missing])
    return Drift(
        row.at,
        tuple(label for label in unowned if label not in owned),
        tuple(label for label in missing if label in owned),
        changed,
        bool(told.get("mended", True)),
    )


def _labels(told: object) -> tuple[str, ...]:
    return tuple(label for label in str(told or "").split(", ") if label)


def _running(conn: Connection, tenant: str, labels: list[str]) -> frozenset[str]:
    """Those of the schedules that an open case has and takes for running."""
    if not labels:
        return frozenset()
    s, c = schedules.c, cases.c
    keys = [(ref, int(n)) for ref, _, n in (label.rpartition("-") for label in labels)]
    mine = schedules.join(cases, (c.tenant == s.tenant) & (c.ref == s.ref))
    theirs = (s.tenant == tenant, s.ended.is_(False), s.remote_id.is_not(None), c.closed_at.is_(None))
    query = select(s.ref, s.n).select_from(mine).where(*theirs, tuple_(s.ref, s.n).in_(keys[:500]))
    return frozenset(f"{ref}-{n}" for ref, n in conn.execute(query))
