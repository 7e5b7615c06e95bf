"""Going live: takes over cases from before, by one ``[[adopt]]`` entry each. Nobody notices it.

An adopted case has its schedule from the camera platform, and the steps that the entry says were done. Its ledger
counts everything on the way in as done. So nothing is sent on entry, nothing is made twice, and the case ends like any
other.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from adapter.domain.decide import decide
from adapter.domain.facts import Facts, Order, OrderStatus
from adapter.domain.ledger import ActKind, Ledger, ScheduleStatus, Wanted
from adapter.domain.routine import Letter
from adapter.domain.wall_clock import day_start
from adapter.engine import counting
from adapter.engine.new_orders import refuse_another_name
from adapter.engine.request_file import Adoption
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log
from adapter.ports import PlatformSchedule
from adapter.store import cases, facts, outbox, persons, schedules
from adapter.store.cases import Case
from adapter.store.errors import OrderTaken

ENTRY_LETTERS = frozenset({Letter.RECEIVED, Letter.INSTALL, Letter.TIMES, Letter.PLAN})
"""The messages of the way in. For an adopted case they count as sent."""


async def adopt(rt: Runtime, tenant: Tenant, entry: Adoption) -> str | None:
    """Take over a case. Returns None if its order has a case now, otherwise why it can't be taken over. Raises
    ``PortError`` and ``StoreError``."""
    if await rt.db.run(lambda c: cases.case_of_order(c, tenant.name, entry.order)) is not None:
        return None
    await refuse_another_name(rt, tenant)
    person_id = await tenant.source.person_of(entry.order)
    if not person_id:
        return f"there is no order {entry.order}, or it has no person"
    orders, _ = await tenant.source.orders(person_id)
    order = next((o for o in orders if o.id == entry.order), None)
    if order is None or not order.is_camera:
        return f"order {entry.order} is not one of supervision by camera"
    if order.status is not OrderStatus.ACCEPTED or order.execution_id is None:
        return f"order {entry.order} is not executed (I10); execute it first, or e-tillsyn would be paused"
    seen = await tenant.platform.schedule(entry.schedule)
    if seen is None or seen.record.status is ScheduleStatus.ENDED:
        return f"schedule {entry.schedule} is not there, or has ended"
    if await rt.db.run(lambda c: schedules.by_remote_ids(c, tenant.name, [entry.schedule])):
        return f"schedule {entry.schedule} belongs to another case"
    try:
        ref = await rt.db.run(lambda c: _open(c, rt, tenant, entry, person_id, order, seen))
    except OrderTaken:
        return None  # another process has just done it
    log("case_opened", case=ref, order=entry.order, person=rt.db.sealing.pseudonym(person_id), adopted=True)
    return None


def _open(
    c: Connection, rt: Runtime, tenant: Tenant, entry: Adoption, person_id: str, order: Order, seen: PlatformSchedule
) -> str:
    if (taken := cases.case_of_order(c, tenant.name, order.id)) is not None:
        raise OrderTaken(tenant.name, order.id, taken.ref)
    now = rt.clock.now()
    case = cases.open_case(
        c,
        tenant=tenant.name,
        person_id=person_id,
        evidence_after=order.order_date,
        order_ids=[order.id],
        now=now,
        adopted=True,
    )
    record = replace(seen.record, n=1, orders=frozenset({order.id}))
    schedules.save(c, tenant.name, case.ref, record, remote_id=seen.id, etag=seen.etag)
    persons.take_over(c, tenant.name, case.person, seen.customer)
    # From the order's day, so that every later note in the record counts more.
    at = day_start(order.order_date, tenant.policy.zone)
    for signal in entry.done:
        facts.declare(c, tenant.name, case.ref, signal, at=at, who=entry.who, why=entry.why, now=now)
    counting.schedule_seen(c, tenant, case.ref, None, now)
    return case.ref


def enter(c: Connection, case: Case, known: Facts, ledger: Ledger, now: datetime, tenant: Tenant) -> Ledger:
    """At an adopted case's first reconciling, everything on the way in counts as done."""
    # A mail may have been sent before, because something of the case couldn't be read.
    if not case.adopted or ledger.schedule is None or any(a.kind is not ActKind.MAIL for a in ledger.acts):
        return ledger
    orders = '["' + '", "'.join(sorted(ledger.schedule.orders)) + '"]'
    create = Wanted("schedule:1:create", ActKind.CREATE, {"n": 1, "orders": orders}, why="adopted")
    _seed(c, case, [create], now)
    for _ in range(len(ENTRY_LETTERS) + 1):
        ledger = outbox.ledger(c, case)
        entry = [w for w in decide(known, ledger, now, tenant.policy).wanted if _of_entry(w)]
        if not entry:
            break
        _seed(c, case, entry, now)
    return ledger


def _of_entry(wanted: Wanted) -> bool:
    return wanted.kind is ActKind.PUT_PERSON or (
        wanted.kind is ActKind.MESSAGE and wanted.what.get("letter") in ENTRY_LETTERS
    )


def _seed(c: Connection, case: Case, wanted: Sequence[Wanted], now: datetime) -> None:
    outbox.seed_done(c, case, wanted, now)
    for put in (w for w in wanted if w.kind is ActKind.PUT_PERSON):
        persons.note_told(c, case.tenant, case.person, str(put.what["details"]))
