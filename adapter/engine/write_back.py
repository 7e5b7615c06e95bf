"""Looks written back to the case system (LA12): what is called for, in the transaction that takes the looks in.

The audit, which is kept for ever, has one line for each night of a municipality: how many visits stand and wait.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from adapter.domain.ledger import ActKind, Look, Wanted, What
from adapter.domain.policy import WriteBack
from adapter.domain.reported_visits import TRIED_AGAIN, subject, visit_wanted
from adapter.engine.circuit_breaker import LIFECARE
from adapter.engine.runtime import Tenant
from adapter.ports import Failure, PortError
from adapter.store import cases, events, outbox

SUBJECT = "visits"
"""The subject in the outbox for the mails about visits that are held back."""


def call_for(c: Connection, tenant: Tenant, looks: Iterable[tuple[str, Look]], now: datetime, *, again: bool) -> None:
    """Call for the visit of each look, or for its removal. ``again``: also try again what was held back in the last
    days."""
    if tenant.policy.write_back is not WriteBack.ON:
        return
    if again:
        outbox.release_parked(c, tenant.name, now, lane="visit", since=now - TRIED_AGAIN)
    current = {subject(ref, look): (ref, look) for ref, look in looks}
    acts = outbox.of_subjects(c, tenant.name, current)
    of_case = cases.units_of(c, tenant.name, (ref for ref, _ in current.values()))
    wanted: dict[str, Wanted | None] = {}
    for name, (ref, look) in current.items():
        unit, execution = of_case.get(ref, (None, None))
        sent = [outbox.act_from_row(c, row) for row in acts.get(name, ())]
        wanted[name] = visit_wanted(ref, look, sent, tenant.policy, unit=unit, execution=execution)
    outbox.settle_each(c, tenant.name, wanted, acts, now=now)
    if again and acts:
        last = Counter((some[-1].kind, some[-1].state) for some in acts.values())
        told = {f"{kind}.{state}": number for (kind, state), number in sorted(last.items())}
        events.record(c, tenant.name, None, "visits.night", told, now=now)


def tell_held(c: Connection, tenant: str, error: PortError, now: datetime) -> bool:
    """Tell the people who run the adapter why a visit is held back, once for each cause. Returns whether it is news."""
    if error.failure is Failure.NOT_FOUND and error.vendor != LIFECARE:
        return False  # the camera platform contradicts itself; the next readings settle that
    if error.failure is Failure.UNMAPPED and error.lacks is None:
        return False  # it was switched off
    table, key = error.lacks or ("", "")
    fields = str(error.audit.get("fields", "")) if not table else ""
    what: What = {"mail": "visits_held", "to": "it", "table": table, "key": key, "fields": fields}
    cause = f"{table}:{key}" if table else f"{error.failure.value}:{error.audit.get('status', '')}:{fields}"
    wanted = Wanted(f"held:{cause}"[:200], ActKind.MAIL, what, why="visits_held")
    return outbox.want(c, tenant, SUBJECT, wanted, now=now)
