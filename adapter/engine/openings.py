"""Orders without a case: which open one, which continue one, and which can't be used yet and so are asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from adapter.domain.facts import FactProblem, Order, OrderStatus
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log
from adapter.ports import Changed, PortError, Window
from adapter.store import cases, due, feeds
from adapter.store.errors import OrderTaken
from adapter.store.held import UNREAD

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

PENDING = "orders:pending"

_DAY = "day:"

PATIENCE = timedelta(days=30)
"""How long an order that can't be used is asked for on a day that answers 404."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of reading the persons of new orders: ``orders`` by person, to open cases for; ``pending``: orders
    that could not be read, or days that may have failed, and the day that is to be asked for again; ``held``: what is
    wrong with those orders, by their ids."""

    orders: tuple[tuple[str, tuple[Order, ...]], ...] = ()
    pending: tuple[Changed, ...] = ()
    held: Mapping[str, FactProblem] = field(default_factory=dict)


async def openings(rt: Runtime, tenant: Tenant, windows: Mapping[date, Window], pending: Mapping[str, str]) -> Opening:
    """Persons who may need a case: those with a new order that can be a camera's and belongs to none. One whose orders
    can't be read now, or whose order can't be, or doesn't say whose it is, is tried again at the next reading, and
    holds up nobody else."""
    shown = {item.id: (item, day) for day, window in windows.items() for item in window.items if item.maybe_camera}
    wrong = {str(dict(p.params).get("id")): p for window in windows.values() for p in window.problems}
    items = [item for item, _ in shown.values()]
    fresh = await rt.db.run(lambda c: _without_case(c, tenant.name, items, pending))
    opening: list[tuple[str, tuple[Order, ...]]] = []
    unread = {item.id for item in fresh if not item.person_id}
    ids_of: dict[str, set[str]] = {}
    for item in fresh:
        if item.person_id:
            ids_of.setdefault(item.person_id, set()).add(item.id)

    async def orders_of(person_id: str) -> tuple[tuple[Order, ...], tuple[FactProblem, ...]]:
        try:
            return await tenant.source.orders(person_id)
        except PortError as e:
            if not ids_of[person_id] <= pending.keys():
                log("fact_unread", resource="orders", failure=e.failure.value, error=e)
            return (), ()

    for person_id, (orders, problems) in (await each(rt, ids_of, orders_of)).items():
        unread |= ids_of[person_id] - {o.id for o in orders}
        wrong |= {str(dict(p.params).get("id")): p for p in problems}
        due_orders = tuple(o for o in orders if opens_case(o, tenant.go_live))
        if due_orders:
            opening.append((person_id, due_orders))
    again = tuple(Changed(i, None, shown[i][1].isoformat()) for i in sorted(unread))
    return Opening(tuple(opening), again, {i: wrong.get(i, UNREAD) for i in unread})


def doubtful(windows: Mapping[date, Window], pending: Mapping[str, str], today: date) -> list[Changed]:
    """What to ask for again because a day answered 404: it can be a day without orders or an answer that failed (L10).
    Yesterday is asked again anyhow; an older day is, once, at the next reading. An order that was pending on a day
    stays so until that day answers, or for ``PATIENCE``."""
    silent = {day for day, window in windows.items() if not window.sure}
    old = {day for day in silent if day < today - timedelta(days=1)}
    asked_twice = {day for day in old if f"{_DAY}{day}" in pending}
    days = [Changed(f"{_DAY}{day}", None, day.isoformat()) for day in sorted(old - asked_twice)]
    kept = [Changed(i, None, day) for i, day in pending.items() if not i.startswith(_DAY)]
    given_up = {item.id for item in kept if date.fromisoformat(item.fingerprint) < today - PATIENCE}
    for order in sorted(given_up):
        log("order_ignored", order=order, reason=f"its day has not answered for {PATIENCE.days} days")
    return days + [i for i in kept if date.fromisoformat(i.fingerprint) in silent and i.id not in given_up]


def opens_case(order: Order, go_live: date) -> bool:
    """I1: whether the order, if it has no case yet, begins or continues one."""
    return order.is_camera and order.status in (OrderStatus.SENT, OrderStatus.ACCEPTED) and order.order_date >= go_live


def _without_case(c: Connection, tenant: str, items: list[Changed], pending: Mapping[str, str]) -> list[Changed]:
    seen = feeds.fingerprints(c, tenant, "orders", [i.id for i in items])
    new = [i for i in items if i.id in pending or seen.get(i.id) != i.fingerprint]
    taken = cases.orders_taken(c, tenant, [i.id for i in new])
    return [i for i in new if i.id not in taken]


def open_or_mark(
    c: Connection,
    rt: Runtime,
    tenant: Tenant,
    person_id: str,
    orders: tuple[Order, ...],
    now: datetime,
    *,
    evidence_after: date | None = None,
) -> str | None:
    """Open a case for orders that have none, unless an open case of the person takes them in (a chain): then that one
    is marked. Notes count from ``evidence_after``, or from the date of the first order. Returns the reference, or None
    where there was nothing to do."""
    taken = cases.orders_taken(c, tenant.name, [o.id for o in orders])
    free = [o for o in orders if o.id not in taken]
    if not free:
        return None
    going_on = [k for k in cases.open_cases_of_person(c, tenant.name, person_id) if k.collected_at is None]
    if going_on:
        due.mark_due(c, tenant.name, [going_on[0].ref], now, "order")
        return going_on[0].ref
    since = evidence_after or min(o.order_date for o in free)
    ids = [o.id for o in free]
    try:
        case = cases.open_case(
            c, tenant=tenant.name, person_id=person_id, evidence_after=since, order_ids=ids, now=now, rng=rt.rng
        )
    except OrderTaken as e:
        # Another process was first, and its case takes in the rest of the person's orders when it is reconciled.
        log("order_ignored", order=e.order_id, reason=str(e))
        return None
    log("case_opened", case=case.ref, order=", ".join(ids), person=tenant.pseudonym(person_id), adopted=False)
    return case.ref


async def each(rt: Runtime, wanted: Iterable[K], read: Callable[[K], Awaitable[V]]) -> dict[K, V]:
    """Read each, ``concurrency`` at once. The first failure is raised once every reading is over."""
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
