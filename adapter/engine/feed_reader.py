"""Which cases are due: the change feeds and urgent headings of the case system (L6 to L8, LA2).

A feed only marks cases; what changed is read when the case is reconciled. Its window overlaps the one before, and the
cursor moves only when a window was read whole and taken in, in one transaction: nothing is missed, and what is read
twice changes nothing. What concerns no open case is not remembered, so that a case that comes to know it in the same
moment is marked the next time. An order that can't be used yet waits in the inbox, and is asked for again until it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.facts import FactProblem
from adapter.domain.wall_clock import local_date
from adapter.engine.feed_lease import read_leased
from adapter.engine.new_orders import NewOrders, each, open_or_mark, put_in_inbox, read_new_orders
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log
from adapter.ports import Changed
from adapter.store import cases, due, feeds, order_inbox
from adapter.store.cases import LinkKind
from adapter.store.feeds import Feed

LINKS: dict[str, LinkKind] = {
    "orders": "order",
    "executions": "execution",
    "decisions": "decision",
    "clients": "client",
    "absences": "absence",
    "services": "order",
    "urgent": "execution",
}
"""The feeds, in the order in which they are read, and by which links a case knows what they show."""

FEEDS = tuple(LINKS)
CHANGE_FEEDS = ("executions", "decisions", "clients", "absences")

TAKES_UP = ("orders", "executions", "decisions")
"""Feeds by which the authority can take up again what a closed case was about."""

LISTS = ("services", "urgent")
"""Feeds that show everything there is each time: what they no longer show has changed too."""

REMEMBER = timedelta(days=14)
"""How long a feed's items are remembered, so that reading them again marks nothing. Forgetting one costs a reading of
its case, and loses nothing."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A window that was read: its items, and the cursor that it moves to (None: none)."""

    items: tuple[Changed, ...]
    problems: tuple[FactProblem, ...]
    cursor: datetime | None
    new: NewOrders = field(default_factory=NewOrders)


async def read_feeds(rt: Runtime, tenant: Tenant) -> int:
    """Read every feed of a municipality once; returns how many cases were marked or opened. One that fails is logged
    and holds up no other (P6). Raises ``StoreError``."""
    return sum([await _read_one(rt, tenant, name) for name in LINKS])


async def _read_one(rt: Runtime, tenant: Tenant, name: str) -> int:
    async def read(feed: Feed) -> tuple[int, int]:
        now = rt.clock.now()
        held, taken = await _hold(rt, tenant, feed, now)
        await rt.at(f"feed {name} read")
        marked = await rt.db.run(lambda c: _take_in(c, tenant, held, taken, now))
        await rt.at(f"feed {name} taken in")
        return len(taken.items), marked

    return await read_leased(rt, tenant, name, rt.tuning.poll, read) or 0


async def _hold(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> tuple[Feed, Taken]:
    """Read a feed and keep its lease meanwhile: a feed can be long after an outage, and a lease is short so that a
    crash delays nothing."""
    reading = asyncio.ensure_future(_read(rt, tenant, feed, now))
    try:
        while not (await asyncio.wait({reading}, timeout=rt.tuning.lease.total_seconds() / 3))[0]:
            held, until = feed, rt.clock.now() + rt.tuning.lease
            feed = await rt.db.run(lambda c, f=held, u=until: feeds.renew(c, f, lease_until=u))  # type: ignore[misc]  # bound early
        return feed, await reading
    finally:
        reading.cancel()


async def _read(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    if feed.name == "orders":
        return await _read_orders(rt, tenant, feed, now)
    if feed.name == "urgent":
        window = await tenant.source.urgent_notes()
        return Taken(window.items, window.problems, now)
    if feed.name == "services":
        return await _read_services(rt, tenant, feed, now)
    window = await tenant.source.changed_since(feed.name, min(feed.cursor or now, now) - rt.tuning.overlap)
    # A list that says 404 may be empty or down (L10): the cursor stays, and what is asked for again was empty.
    reached = _reached(feed, window.server_time, now)
    return Taken(window.items, window.problems, reached if window.sure else feed.cursor or reached)


def _reached(feed: Feed, server_time: datetime | None, now: datetime) -> datetime:
    """How far a window reached: by the vendor's own clock, as ours may differ by minutes; but not back behind what was
    read already, whatever year it says, and never beyond now."""
    return max(min(server_time or now, now), min(feed.cursor or now, now))


async def _read_services(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    """Ordered services that end today, or ended since the day before the last reading: a last day set in advance is
    seen when it has come, though the order itself bears no sign of it."""
    today = local_date(now, tenant.policy.zone)
    first = min(local_date(feed.cursor or now, tenant.policy.zone), today) - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    windows = (await each(rt, days, tenant.source.services_ending_on)).values()
    items = {item.id: item for window in windows for item in window.items}
    return Taken(tuple(items.values()), tuple(p for w in windows for p in w.problems), now)


async def _read_orders(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    """Orders by calendar date of their last change: from the day before the cursor to tomorrow (LA2), and the days on
    which orders stand that wait in the inbox."""
    today = local_date(now, tenant.policy.zone)
    waiting = await rt.db.run(lambda c: order_inbox.all_waiting(c, tenant.name))
    days = {order.day for order in waiting.values()}
    first = min(local_date(feed.cursor, tenant.policy.zone), today) - timedelta(days=1) if feed.cursor else None
    first = first or min(tenant.go_live, today - timedelta(days=1))
    days |= {first + timedelta(days=n) for n in range((today - first).days + 2)}
    windows = await each(rt, sorted(days), tenant.source.orders_updated_on)
    if not any(window.sure for window in windows.values()):
        if feed.cursor is None and await _is_new(tenant):
            return Taken((), (), None)
        await tenant.source.answers("orders")
    server_time = min((w.server_time for w in windows.values() if w.server_time), default=None)
    items = tuple(item for window in windows.values() for item in window.items)
    new = await read_new_orders(rt, tenant, windows, waiting)
    problems = tuple(p for w in windows.values() for p in w.problems)
    return Taken(items, problems, _reached(feed, server_time, now), new)


async def _is_new(tenant: Tenant) -> bool:
    """Whether the case system answers, and has no order at all yet. One that never showed an order isn't taken to be
    down because it shows none; all its days are asked for again until it shows one."""
    return not await tenant.source.shows("orders") and await tenant.source.shows("client", "headings")


def _take_in(c: Connection, tenant: Tenant, feed: Feed, taken: Taken, now: datetime) -> int:
    """Mark what the window shows, open cases, and move the cursor: all of it or nothing."""
    name = feed.name
    concerned = _concerned(c, tenant.name, name, taken.items)
    links = [i.link for i in taken.items if i.link] if name in TAKES_UP else []
    closed = cases.refs_of_links(c, tenant.name, LINKS[name], links, closed=True)
    # Orders of all persons are remembered: one that is forgotten is new the next time, and its person is read again.
    lasting = [i for i in taken.items if name == "orders" or i.id in concerned or i.link in closed]
    new = feeds.changed(c, tenant.name, name, lasting, now)
    marked = {ref for item in new for ref in concerned.get(item.id, ())}
    taken_up = {ref for item in new for ref in closed.get(item.link or "", ())}
    due.mark_closed(c, tenant.name, taken_up, now, name)
    if name in LISTS:
        marked |= _vanished(c, tenant.name, name, {i.id for i in taken.items})
    due.mark_due(c, tenant.name, marked, now, name)
    opened = set()
    for who, some, read in taken.new.orders:
        shown = frozenset(order.id for order in read.value)
        if ref := open_or_mark(c, tenant, who, some, now, shown=shown, read=read):
            opened.add(ref)
    if name == "orders":
        put_in_inbox(c, tenant, taken.new.waiting, concerned, now)
    _problems(c, tenant, name, taken.problems, now)
    if feed.read_at is None or feed.read_at.date() != now.date():
        feeds.forget(c, tenant.name, name, now - REMEMBER)
        feeds.forget(c, tenant.name, f"{name}:broken", now - REMEMBER)
    feeds.finish(c, feed, cursor=taken.cursor, now=now)
    return len(marked | opened)


def _concerned(c: Connection, tenant: str, feed: str, items: Iterable[Changed]) -> dict[str, list[str]]:
    """The open cases that each item concerns, by its id: those of its person, and those that know the thing itself."""
    shown = list(items)
    of_person = cases.open_refs_of_persons(c, tenant, (i.person_id for i in shown if i.person_id))
    of_link = cases.refs_of_links(c, tenant, LINKS[feed], (i.link for i in shown if i.link))
    refs = {i.id: [*of_person.get(i.person_id or "", ()), *of_link.get(i.link or "", ())] for i in shown}
    return {item_id: found for item_id, found in refs.items() if found}


def _vanished(c: Connection, tenant: str, feed: str, current: set[str]) -> set[str]:
    """Forget what a list shows no more; returns the cases concerned. The id's second half is the link."""
    gone = [i for i in feeds.fingerprints(c, tenant, feed) if i not in current]
    if not gone:
        return set()
    feeds.drop(c, tenant, feed, gone)
    refs = cases.refs_of_links(c, tenant, LINKS[feed], (i.partition(":")[2] for i in gone))
    return {ref for found in refs.values() for ref in found}


def _problems(c: Connection, tenant: Tenant, feed: str, problems: tuple[FactProblem, ...], now: datetime) -> None:
    """Rows that can't be used are told once each, by their id; nothing else is held up by them."""
    rows = {":".join([p.code, *dict(p.params).values()]): p for p in problems}
    for row in feeds.changed(c, tenant.name, f"{feed}:broken", [Changed(key, None, "") for key in rows], now):
        told = rows[row.id]
        log("fact_problem", code=told.code, resource=told.resource, params=dict(told.params))
