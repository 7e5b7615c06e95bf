"""Which cases are due: the change feeds and urgent headings of the case system (L6 to L8, LA2).

A feed only marks cases; what changed is read when the case is reconciled. Its window overlaps the one before, and the
cursor moves only when a window was read whole and taken in, in one transaction: nothing is missed, and what is read
twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.facts import FactProblem, Order, OrderStatus
from adapter.domain.looks import day_start, local_date
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import Changed, PortError, Window
from adapter.store import cases, due, feeds
from adapter.store.errors import Overtaken
from adapter.store.feeds import Feed

CHANGE_FEEDS = ("executions", "decisions", "clients", "absences")
FEEDS = ("orders", *CHANGE_FEEDS, "urgent")

REMEMBER = timedelta(days=14)
"""How long a feed's items are remembered, so that reading them again marks nothing."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A window that was read: its items, the cursor that it moves to, and cases to open."""

    items: tuple[Changed, ...]
    problems: tuple[FactProblem, ...]
    cursor: datetime | None
    opening: tuple[tuple[str, tuple[Order, ...]], ...] = ()
    unread: frozenset[str] = frozenset()
    """Items whose person couldn't be read: they count as not seen yet."""


async def read_feeds(rt: Runtime, tenant: Tenant) -> int:
    """Read every feed of a municipality once; returns how many cases were marked or opened. One that fails is logged
    and holds up no other (P6)."""
    return sum([await _read_one(rt, tenant, name) for name in FEEDS])


async def _read_one(rt: Runtime, tenant: Tenant, name: str) -> int:
    now = rt.clock.now()
    with log_context(tenant=tenant.name):
        feed = await rt.db.run(
            lambda c: feeds.claim(c, tenant.name, name, now=now, owner=rt.owner, lease_until=now + rt.tuning.lease * 5)
        )
        if feed is None:
            return 0
        await rt.at(f"feed {name} claimed")
        try:
            taken = await _read(rt, tenant, feed, now)
            await rt.at(f"feed {name} read")
            marked = await rt.db.run(lambda c: _take_in(c, rt, tenant, feed, taken, now))
        except PortError as e:
            log("feed_failed", feed=name, failure=e.failure.value, error=e, retry_seconds=rt.tuning.poll.seconds)
            await rt.db.run(lambda c, e=e: feeds.fail(c, feed, error=str(e)))  # type: ignore[misc]  # bound early
            return 0
        except Overtaken:
            log("lease_lost", lease=f"feed {name}", held_seconds=(rt.clock.now() - now).total_seconds())
            return 0
        await rt.at(f"feed {name} taken in")
        if feed.error is not None:
            failed = (now - feed.read_at).total_seconds() if feed.read_at else None
            log("feed_recovered", feed=name, failed_seconds=failed)
        seconds = (rt.clock.now() - now).total_seconds()
        lag = (now - feed.read_at).total_seconds() if feed.read_at else None
        log("feed_read", feed=name, items=len(taken.items), seconds=seconds, lag_seconds=lag)
        return marked


async def _read(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    if feed.name == "orders":
        return await _read_orders(rt, tenant, feed, now)
    if feed.name == "urgent":
        window = await tenant.source.urgent_notes()
        return Taken(window.items, window.problems, now)
    since = (feed.cursor or now) - rt.tuning.overlap
    window = await tenant.source.changed_since(feed.name, since)
    # The vendor's own clock decides how far the window reached; ours may differ by minutes.
    return Taken(window.items, window.problems, min(window.server_time or now, now))


async def _read_orders(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    """Orders by calendar date of their last change: from the day before the cursor to tomorrow (LA2)."""
    today = local_date(now, tenant.policy.zone)
    first = local_date(feed.cursor, tenant.policy.zone) - timedelta(days=1) if feed.cursor else tenant.go_live
    windows: list[tuple[date, Window]] = []
    for days in range(max((today - first).days, 1) + 2):
        day = first + timedelta(days=days)
        windows.append((day, await tenant.source.orders_updated_on(day)))
    items = tuple(item for _, window in windows for item in window.items)
    opening, unread = await _candidates(rt, tenant, items)
    cursor = now
    for day, window in windows:
        if any(item.id in unread for item in window.items):
            cursor = min(cursor, day_start(day, tenant.policy.zone) + timedelta(hours=12))
    return Taken(items, tuple(p for _, w in windows for p in w.problems), cursor, opening, unread)


async def _candidates(
    rt: Runtime, tenant: Tenant, items: Iterable[Changed]
) -> tuple[tuple[tuple[str, tuple[Order, ...]], ...], frozenset[str]]:
    """Persons who may need a case: those with a new order that can be a camera's and belongs to none. A person whose
    orders can't be read now is tried again at the next reading, and holds up nobody else."""
    fresh = await rt.db.run(lambda c: _unknown_orders(c, tenant.name, items))
    opening, unread = [], set()
    for person_id in dict.fromkeys(i.person_id for i in fresh if i.person_id):
        try:
            orders, _ = await tenant.source.orders(person_id)
        except PortError as e:
            unread |= {i.id for i in fresh if i.person_id == person_id}
            log("fact_unread", resource="orders", failure=e.failure.value, error=e)
            continue
        due_orders = tuple(o for o in orders if opens_case(o, tenant.go_live))
        if due_orders:
            opening.append((person_id, due_orders))
    return tuple(opening), frozenset(unread)


def opens_case(order: Order, go_live: date) -> bool:
    """I1: whether the order, if it has no case yet, begins or continues one."""
    return order.is_camera and order.status in (OrderStatus.SENT, OrderStatus.ACCEPTED) and order.order_date >= go_live


def _unknown_orders(c: Connection, tenant: str, items: Iterable[Changed]) -> list[Changed]:
    seen = feeds.showed(c, tenant, "orders")
    return [
        i
        for i in items
        if i.maybe_camera and seen.get(i.id) != i.fingerprint and cases.case_of_order(c, tenant, i.id) is None
    ]


def _take_in(c: Connection, rt: Runtime, tenant: Tenant, feed: Feed, taken: Taken, now: datetime) -> int:
    """Mark what the window shows, open cases, and move the cursor: all of it or nothing."""
    items = tuple(i for i in taken.items if i.id not in taken.unread)
    gone: list[str] = []
    if feed.name == "urgent":
        current = {i.id for i in items}
        gone = [i for i in feeds.showed(c, tenant.name, feed.name) if i not in current]
    new = feeds.changed(c, tenant.name, feed.name, items, now)
    refs = _refs(c, tenant.name, feed.name)
    marked = {ref for item in new for ref in refs(item)} | {ref for item_id in gone for ref in refs(_gone(item_id))}
    due.mark_due(c, tenant.name, marked, now, feed.name)
    opened = [ref for person, orders in taken.opening if (ref := open_or_mark(c, rt, tenant, person, orders, now))]
    _problems(c, tenant, feed.name, taken.problems, now)
    if feed.name == "urgent":
        feeds.forget(c, tenant.name, feed.name, now)
    else:
        feeds.forget(c, tenant.name, feed.name, now - REMEMBER)
    feeds.finish(c, feed, cursor=taken.cursor, now=now)
    return len(marked | set(opened))


def _gone(item_id: str) -> Changed:
    return Changed(item_id, None, "")


def _refs(c: Connection, tenant: str, feed: str) -> Callable[[Changed], list[str]]:
    """How to find the cases that an item of the feed concerns."""
    if feed == "urgent":
        return lambda item: [k.ref for k in cases.cases_of_execution(c, tenant, item.id.partition(":")[2])]
    return lambda item: [k.ref for k in cases.open_cases_of_person(c, tenant, item.person_id)] if item.person_id else []


def open_or_mark(
    c: Connection, rt: Runtime, tenant: Tenant, person_id: str, orders: tuple[Order, ...], now: datetime
) -> str | None:
    """Open a case for orders that have none, unless an open case of the person takes them in (a chain): then that one
    is marked. Returns the reference, or None where there was nothing to do."""
    free = [o for o in orders if cases.case_of_order(c, tenant.name, o.id) is None]
    if not free:
        return None
    going_on = [k for k in cases.open_cases_of_person(c, tenant.name, person_id) if k.collected_at is None]
    if going_on:
        due.mark_due(c, tenant.name, [going_on[0].ref], now, "order")
        return going_on[0].ref
    since = min(o.order_date for o in free)
    ids = [o.id for o in free]
    case = cases.open_case(
        c, tenant=tenant.name, person_id=person_id, evidence_after=since, order_ids=ids, now=now, rng=rt.rng
    )
    log("case_opened", case=case.ref, order=", ".join(ids), person=tenant.pseudonym(person_id), adopted=False)
    return case.ref


def _problems(c: Connection, tenant: Tenant, feed: str, problems: tuple[FactProblem, ...], now: datetime) -> None:
    """Rows that can't be used are told once each, by their id; nothing else is held up by them."""
    rows = tuple(
        Changed("broken:" + dict(p.params).get("id", p.code), None, repr((p.code, p.params))) for p in problems
    )
    fresh = {row.id for row in feeds.changed(c, tenant.name, f"{feed}:broken", rows, now)}
    for problem, row in zip(problems, rows, strict=True):
        if row.id in fresh:
            log("fact_problem", code=problem.code, resource=problem.resource, params=dict(problem.params))
