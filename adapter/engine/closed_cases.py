"""Closed cases that were marked, because the authority may have taken up their orders again.

It may have moved an end, sent an order again or undone a deletion. The camera was collected and everything undone, so
the orders begin again in a new case, or continue the case that the person has by now. Earlier notes don't count there.
"""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from adapter.domain.decision import Decision
from adapter.domain.facts import Facts
from adapter.domain.wall_clock import local_date
from adapter.engine import counting
from adapter.engine.new_orders import open_or_mark
from adapter.engine.runtime import Runtime
from adapter.store import cases
from adapter.store.cases import Case
from adapter.store.sealing import Sealed

NOT_SHOWN = timedelta(days=1)
"""How long to wait for an order that isn't listed any more. An empty answer may be a failure (L10)."""


async def with_person(rt: Runtime, case: Case) -> Case:
    """The case with its person. If it was purged, the person is found through one of its orders; if there is none, the
    case has no person. Raises ``PortError``."""
    if case.purged_at is None:
        return case
    chain = await rt.db.run(lambda c: cases.chain(c, case))
    person_id = await rt.tenants[case.tenant].source.person_of(min(chain)) if chain else None
    person = rt.db.sealing.person(case.tenant, person_id or "")
    return replace(case, person=person, identity_number=Sealed(person_id or ""))


def take_up_again(c: Connection, rt: Runtime, case: Case, decision: Decision, known: Facts) -> bool:
    """Carry out the decision about a closed case. Returns False if it must be read again later. Nothing is stored in
    the case, because it may have been purged."""
    tenant, now = rt.tenants[case.tenant], rt.clock.now()
    if known.stale:
        return False
    released = tuple(o for o in known.orders.value if o.id in decision.release)
    if released:
        cases.unlink_orders(c, case, decision.release)
        today = local_date(now, tenant.policy.zone)
        open_or_mark(c, tenant, case.person_id, released, now, evidence_after=today)
        counting.orders_left(c, tenant, case, len(released), now)
        return True
    shown = {o.id for o in known.orders.value if not o.gone}
    return cases.chain(c, case) <= shown or now - (case.due_at or now) >= NOT_SHOWN
