"""Which open cases are on the list of decisions that are not executed or interrupted."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from adapter.domain.unfulfilled import Listed, Unfulfilled, listed
from adapter.store.cases import Case, all_cases
from adapter.store.errors import StoreError


def unfulfilled_cases(conn: Connection, tenant: str, today: date) -> tuple[Listed, ...]:
    """Those of ``today`` (local), by what was decided of each last. One that another version decided isn't there until
    it is decided anew."""
    return listed(((case.ref, case.unit, _item(case)) for case in all_cases(conn, tenant)), today)


def undecided(conn: Connection, tenant: str, since: datetime) -> bool:
    """Whether an open case was last decided by another version, at ``since`` (UTC) or later: it isn't known yet whether
    it is on the list."""
    return any(case.decided_at and case.decided_at >= since and not _says(case) for case in all_cases(conn, tenant))


def _says(case: Case) -> bool:
    try:
        return case.last_decision is None or (case.decision is not None and '"unfulfilled":' in case.decision.open())
    except StoreError:
        return False


def _item(case: Case) -> Unfulfilled | None:
    try:
        decision = case.last_decision
    except StoreError:
        return None
    return decision.unfulfilled if decision else None
