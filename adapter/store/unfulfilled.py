"""Which open cases are on the list of decisions that are not executed or interrupted."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from adapter.domain.unfulfilled import Listed, Unfulfilled, listed
from adapter.store.cases import Case, all_cases
from adapter.store.errors import StoreError


def unfulfilled_cases(conn: Connection, tenant: str, today: date) -> tuple[Listed, ...]:
    """Those of ``today`` (local), by what was decided of each last. One that another version decided isn't there until
    it is decided anew."""
    return listed(((case.ref, case.unit, _item(case)) for case in all_cases(conn, tenant)), today)


def _item(case: Case) -> Unfulfilled | None:
    try:
        decision = case.last_decision
    except StoreError:
        return None
    return decision.unfulfilled if decision else None
