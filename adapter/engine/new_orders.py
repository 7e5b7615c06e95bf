"""Orders without a case: some open one, some continue one, and some wait in the inbox and are asked for again."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from adapter.domain.calendar import after_quiet_hours
from adapter.domain.facts import FactProblem, Order, OrderStatus
from adapter.domain.ledger import ActKind, Wanted
from adapter.domain.policy import Policy
from adapter.domain.wall_clock import local_date
from adapter.engine.circuit_breaker import LIFECARE
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log
from adapter.ports import Changed, Failure, PortError, Window
from adapter.store import cases, due, facts, feeds, order_inbox, outbox, sealing
from adapter.store.errors import OrderTaken
from adapter.store.facts import StoredFact
from adapter.store.order_inbox import UNREAD, InboxState, WaitingOrder
from adapter.store.queries import unattended

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SILENT_DAYS = timedelta(days=30)
"""How long an order that can't be used is asked for on a day that answers 404 alone; then by its own id as well."""

UNREAD_PATIENCE = timedelta(hours=12)
"""How long an order may be unreadable before a person is told. An outage has other alarms and ends by itself. What a
person must mend is told at once."""


@dataclass(frozen=True, slots=True)
class NewOrders:
    """The result of reading the persons of new orders. ``orders``: by person, the orders that need a case, and all the
    person's orders as they were read. ``waiting``: what must be asked for again."""

    orders: tuple[tuple[str, tuple[Order, ...], StoredFact], ...] = ()
    waiting: tuple[WaitingOrder, ...] = ()


async def read_new_orders(
    rt: Runtime, tenant: Tenant, windows: Mapping[date, Window], before: Mapping[str, WaitingOrder]
) -> NewOrders:
    """Persons who may need a case: those with a new order that can be a camera's and belongs to none. One whose orders
    can't be read now, or whose order can't be, or doesn't say whose it is, waits in the inbox, and holds up nobody
    else. ``before`` is the inbox as it is."""
    listed = {item.id: (item, day) for day, window in windows.items() for item in window.items}
    shown = {id_: found for id_, found in listed.items() if found[0].maybe_camera}
    wrong = {str(dict(p.params).get("id")): p for window in windows.values() for p in window.problems}
    items = [item for item, _ in shown.values()]
    fresh = await rt.db.run(lambda c: _without_case(c, tenant.name, items, before))
    began = rt.clock.now()
    opening: list[tuple[str, tuple[Order, ...], StoredFact]] = []
    unread = {item.id for item in fresh if not item.person_id}
    ids_of: dict[str, set[str]] = {}
    for item in fresh:
        if item.person_id:
            ids_of.setdefault(item.person_id, set()).add(item.id)

    async def orders_of(person_id: str) -> tuple[tuple[Order, ...], tuple[FactProblem, ...]]:
        try:
            return await tenant.source.orders(person_id)
        except PortError as e:
            if not ids_of[person_id] <= before.keys():
                log("fact_unread", resource="orders", failure=e.failure.value, error=e)
            return (), ()

    for person_id, (orders, problems) in (await each(rt, ids_of, orders_of)).items():
        unread |= ids_of[person_id] - {o.id for o in orders}
        wrong |= {str(dict(p.params).get("id")): p for p in problems}
        due_orders = tuple(o for o in orders if opens_case(o, tenant.go_live))
        if due_orders:
            opening.append((person_id, due_orders, StoredFact.read("orders", orders, problems, began)))
    now = rt.clock.now()
    today = local_date(now, tenant.policy.zone)
    waiting = _in_doubt(windows, {id_: order for id_, order in before.items() if id_ not in listed}, today, now)
    for order in [order for order in waiting.values() if order.day < today - SILENT_DAYS]:
        if await _is_gone(tenant, order, min(listed, default=None)):
            log("order_ignored", order=order.order_id, reason="it could never be used, and is not in Lifecare any more")
            del waiting[order.order_id]
    for order_id in sorted(unread):
        state = InboxState.UNUSABLE if order_id in wrong else InboxState.UNREAD
        since = before[order_id].since if order_id in before else now
        waiting[order_id] = WaitingOrder(order_id, state, shown[order_id][1], since, wrong.get(order_id, UNREAD))
    return NewOrders(tuple(opening), tuple(waiting.values()))


def _in_doubt(
    windows: Mapping[date, Window], before: Mapping[str, WaitingOrder], today: date, now: datetime
) -> dict[str, WaitingOrder]:
    """What to ask for again because a day answered 404: it can be a day without orders or a failure (L10). Yesterday is
    asked for again anyway; an older day once more, at the next reading. An order that waited on a day waits until that
    day answers."""
    silent = {day for day, window in windows.items() if not window.sure}
    waiting = {}
    for day in sorted(day for day in silent if day < today - timedelta(days=1)):
        if day.isoformat() not in before:  # otherwise the day has been asked for once more already
            waiting[day.isoformat()] = WaitingOrder(day.isoformat(), InboxState.DAY_IN_DOUBT, day, now)
    for order in before.values():
        if order.state is not InboxState.DAY_IN_DOUBT and order.day in silent:
            waiting[order.order_id] = order
    return waiting


async def refuse_another_name(rt: Runtime, tenant: Tenant) -> None:
    """Refuse to begin anything for a municipality whose orders were never read, while the database has open cases of
    one that isn't in the settings. It may be the same one under a new name: each order would get a second case and
    messages (P4), and its schedules would seem to belong to nobody. Raises ``PortError``."""

    def left(c: Connection) -> dict[str, int]:
        orders = feeds.feed(c, tenant.name, "orders")
        return unattended(c, [*rt.tenants, *rt.refused]) if orders is None or orders.cursor is None else {}

    if names := ", ".join(await rt.db.run(left)):
        raise PortError(
            Failure.REFUSED,
            f"the database has open cases of {names}, which no settings name, and none of {tenant.name} yet. If that "
            "is a new name, each order would get a second case, and everybody every message again: nothing is begun, "
            f"compared or followed. Put {names} back into the settings until its cases are closed (or, after a "
            "trial, begin with an empty database)",
            vendor=LIFECARE,
        )


async def _is_gone(tenant: Tenant, order: WaitingOrder, listed: str | None) -> bool:
    """Whether a waiting order isn't there any more: it isn't found by its id, but one that has just been listed is.
    Otherwise ids may not be answered at all (L10). If that can't be known, it counts as there (P5)."""
    if order.state is InboxState.DAY_IN_DOUBT or listed is None:
        return False
    try:
        gone = await tenant.source.person_of(order.order_id) is None
        return gone and await tenant.source.person_of(listed) is not None
    except PortError:
        return False


def put_in_inbox(
    c: Connection, tenant: Tenant, waiting: Iterable[WaitingOrder], told_by_case: Container[str], now: datetime
) -> None:
    """Store the orders that wait. A person is told of each unusable one, once. If an open case has the order's person,
    that case tells of it."""
    before = order_inbox.unusable_orders(c, tenant.name)
    rows = [replace(w, state=InboxState.OF_CASE) if w.order_id in told_by_case else w for w in waiting]
    order_inbox.replace_all(c, tenant.name, rows)
    unusable = order_inbox.unusable_orders(c, tenant.name)
    for order in unusable:
        outbox.want(c, tenant.name, order.subject, _mail(order, tenant.policy), now=now)
    for subject in {order.subject for order in before} - {order.subject for order in unusable}:
        outbox.drop_waiting(c, tenant.name, subject, now=now)


def _mail(order: WaitingOrder, policy: Policy) -> Wanted:
    """The key stays the same as long as the order can't be used, so the mail is sent once."""
    problem = order.problem
    what = {"id": order.order_id, "mail": "order", "to": "coordinator", "code": problem.code}
    patience = UNREAD_PATIENCE if order.state is InboxState.UNREAD else timedelta(0)
    at = order.since + patience
    return Wanted(
        key=f"unusable:{int(order.since.timestamp())}",
        kind=ActKind.MAIL,
        what={**what, "resource": problem.resource, **dict(problem.params)},
        why="notice",
        not_before=after_quiet_hours(at, policy) or at,
    )


def opens_case(order: Order, go_live: date) -> bool:
    """I1: whether the order begins or continues a case, if it has none yet."""
    return order.is_camera and order.status in (OrderStatus.SENT, OrderStatus.ACCEPTED) and order.order_date >= go_live


def _without_case(
    c: Connection, tenant: str, items: list[Changed], before: Mapping[str, WaitingOrder]
) -> list[Changed]:
    seen = feeds.fingerprints(c, tenant, "orders", [i.id for i in items])
    new = [i for i in items if i.id in before or seen.get(i.id) != i.fingerprint]
    taken = cases.orders_taken(c, tenant, [i.id for i in new])
    return [i for i in new if i.id not in taken]


def open_or_mark(
    c: Connection,
    tenant: Tenant,
    person_id: str,
    orders: tuple[Order, ...],
    now: datetime,
    *,
    evidence_after: date | None = None,
    shown: frozenset[str] = frozenset(),
    read: StoredFact | None = None,
) -> str | None:
    """Open a case for orders that have none, unless an open case of the person can take them (a chain); then that one
    is marked. ``shown`` are all the person's orders: a case with one of them is the person's, even if it doesn't know
    yet that their number was replaced (LA10). Notes count from ``evidence_after``, or from the date of the first order.
    ``read``: the person's orders as they were just read, so that a new case needn't read them again. Returns the
    reference, or None if there was nothing to do."""
    taken = cases.orders_taken(c, tenant.name, [o.id for o in orders])
    free = [o for o in orders if o.id not in taken]
    if not free:
        return None
    theirs = cases.open_cases_of_person(c, tenant.name, person_id)
    theirs += [k for order in sorted(shown) if (k := cases.case_of_order(c, tenant.name, order)) and k.open]
    going_on = [k for k in theirs if k.collected_at is None]
    if going_on:
        due.mark_due(c, tenant.name, [going_on[0].ref], now, "order")
        return going_on[0].ref
    since = evidence_after or min(o.order_date for o in free)
    ids = [o.id for o in sorted(free, key=lambda o: (o.order_date, o.id))]
    try:
        case = cases.open_case(c, tenant=tenant.name, person_id=person_id, evidence_after=since, order_ids=ids, now=now)
    except OrderTaken as e:
        # Another process was first. Its case takes the rest of the person's orders when it is reconciled.
        log("order_ignored", order=e.order_id, reason=str(e))
        return None
    if read is not None:
        facts.save(c, tenant.name, case.ref, {}, {read.resource: read})
    person = sealing.of(c).pseudonym(person_id)
    log("case_opened", case=case.ref, order=", ".join(ids), person=person, adopted=False)
    return case.ref


async def each(rt: Runtime, wanted: Iterable[K], read: Callable[[K], Awaitable[V]]) -> dict[K, V]:
    """Read each, ``concurrency`` at once. The first failure is raised when all readings are over."""
    turns = asyncio.Semaphore(rt.tuning.concurrency)

    async def one(key: K) -> V:
        async with turns:
            return await read(key)

    keys = list(wanted)
    found = await asyncio.gather(*map(one, keys), return_exceptions=True)
    for result in found:
        if isinstance(result, BaseException):
            raise result
    return {key: value for key, value in zip(keys, found, strict=True) if not isinstance(value, BaseException)}
