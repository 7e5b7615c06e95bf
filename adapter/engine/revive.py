"""Orders that the authority takes up again after their case was closed: extended, sent anew, a deletion taken back.

The camera was collected and everything undone, so they begin anew, in a case of their own, or continue the one that the
person has by now. Nothing noted before counts for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.facts import Facts, Order, OrderStatus
from adapter.domain.looks import local_date
from adapter.domain.situation import situation
from adapter.engine.openings import open_or_mark
from adapter.engine.reconcile import preview
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import Changed, PortError
from adapter.store import cases, feeds, outbox
from adapter.store.cases import Case
from adapter.store.errors import StoreError

LISTED = "cases:touched"

PATIENCE = timedelta(days=1)
"""How long an order is waited for that isn't shown any more: a list that says nothing may have failed (L10)."""


AT_ONCE = 20
"""How many are looked at after each poll, drawn by chance: a change of many old orders mustn't hold up the next poll,
nor one that can't be read those behind it."""


def touched(c: Connection, tenant: str, refs: Iterable[str], now: datetime) -> None:
    """Have closed cases looked at: something that they know has changed."""
    feeds.changed(c, tenant, LISTED, [Changed(ref, None, now.isoformat()) for ref in sorted(set(refs))], now)


async def revive(rt: Runtime, tenant: Tenant) -> int:
    """Look at the closed cases that were touched; returns how many cases were opened or marked. What can't be read now
    is looked at again. Raises ``StoreError``."""
    listed = list((await rt.db.run(lambda c: feeds.showed(c, tenant.name, LISTED))).items())
    count = 0
    for ref, since in rt.rng.sample(listed, min(len(listed), AT_ONCE)):
        with log_context(tenant=tenant.name, case=ref):
            try:
                count += await _look(rt, tenant, ref, since)
            except (PortError, LookupError):
                continue  # what is wrong with the vendor is told by the feeds
            except Exception as e:  # P6: whatever our own code raises over one case stops at that case
                if isinstance(e, StoreError) and e.reason != "content":
                    raise
                log("case_poisoned", error=e, retry_at=None)
    return count


async def _look(rt: Runtime, tenant: Tenant, ref: str, since: str) -> bool:
    case = await rt.db.run(lambda c: cases.the_case(c, tenant.name, ref))
    chain = await rt.db.run(lambda c: cases.chain(c, case))
    if case.purged_at is not None and chain:
        case = replace(case, person_id=await tenant.source.person_of(min(chain)) or "")
    known = (await preview(rt, case))[1] if chain and case.person_id and not case.open else None
    now = rt.clock.now()
    waited = now - datetime.fromisoformat(since)

    def settle(c: Connection) -> bool:
        if known is not None and known.stale:
            return False
        orders = _taken_up(c, tenant, case, known, now) if known else ()
        shown = {o.id for o in known.orders.value if not o.gone} if known else chain
        seen = feeds.fingerprints(c, tenant.name, LISTED, [ref]).get(ref) == since
        if seen and (orders or chain <= shown or waited >= PATIENCE):
            feeds.drop(c, tenant.name, LISTED, [ref])
        if not orders or known is None:
            return False
        cases.unlink_orders(c, case, [o.id for o in orders])
        today = local_date(now, tenant.policy.zone)
        return open_or_mark(c, rt, tenant, case.person_id, orders, now, evidence_after=today) is not None

    return await rt.db.run(settle)


def _taken_up(c: Connection, tenant: Tenant, case: Case, known: Facts, now: datetime) -> tuple[Order, ...]:
    """The case's orders by which supervision is granted again, today or later."""
    today = local_date(now, tenant.policy.zone)
    mandate = situation(known, outbox.ledger(c, case), now, tenant.policy).mandate
    alive = {p.order_id for p in mandate.run if p.last is None or p.last >= today}
    current = (OrderStatus.SENT, OrderStatus.ACCEPTED)
    return tuple(o for o in known.orders.value if o.id in alive and o.status in current and not o.gone)
