"""The purge: everything personal is removed from a closed case when it has been kept long enough."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update

from adapter.domain.reported_visits import subject
from adapter.store import events, look_log, visit_acts
from adapter.store.cases import COLUMNS, Case, from_row
from adapter.store.tables import acts, cases, declarations, facts, looks, persons


def purge(
    conn: Connection, tenant: str, *, closed_before: datetime, now: datetime, limit: int = 100, ref: str | None = None
) -> list[str]:
    """Remove everything personal from up to ``limit`` cases that were closed before an instant (UTC), or from the case
    ``ref`` alone. Returns their references.

    The acts and the audit stay, because they hold nothing personal. The links stay too, so that an old order doesn't
    open another case. Nothing about written-back looks stays. The person's own row goes with the last of their cases.
    """
    query = select(*COLUMNS).where(*_due(tenant, closed_before, ref)).order_by(cases.c.closed_at, cases.c.ref)
    found = [from_row(conn, row) for row in conn.execute(query.limit(limit).with_for_update())]
    for case in found:
        _purge(conn, case, now)
    return [case.ref for case in found]


def purgeable(conn: Connection, tenant: str, closed_before: datetime, ref: str | None = None) -> list[str]:
    """References of the cases that ``purge`` would purge."""
    query = select(cases.c.ref).where(*_due(tenant, closed_before, ref)).order_by(cases.c.closed_at, cases.c.ref)
    return list(conn.scalars(query))


def _due(tenant: str, closed_before: datetime, ref: str | None) -> tuple[ColumnElement[bool], ...]:
    c = cases.c
    due = (c.tenant == tenant, c.closed_at < closed_before, c.purged_at.is_(None))
    return due if ref is None else (*due, c.ref == ref)


def _purge(conn: Connection, case: Case, now: datetime) -> None:
    theirs = look_log.of_case(conn, case.tenant, case.ref, case.opened_at)
    visit_acts.forget(conn, case.tenant, [subject(case.ref, look) for look in theirs])
    for table in (facts, declarations, looks):
        conn.execute(delete(table).where(table.c.tenant == case.tenant, table.c.ref == case.ref))
    c = cases.c
    forgotten = update(cases).where(c.tenant == case.tenant, c.ref == case.ref)
    conn.execute(forgotten.values(person="", identity_number="", decision=None, error=None, purged_at=now))
    a = acts.c
    conn.execute(update(acts).where(a.tenant == case.tenant, a.ref == case.ref).values(error=None))
    others = select(c.ref).where(c.tenant == case.tenant, c.person == case.person).limit(1)
    if conn.scalar(others) is None:
        p = persons.c
        conn.execute(delete(persons).where(p.tenant == case.tenant, p.person == case.person))
    events.record(conn, case.tenant, case.ref, "case.purged", {}, now=now)
