"""Finds out which cases are due, from the change feeds and urgent headings of the case system (L6 to L8, LA2).

A feed only marks cases. What changed is read when the case is reconciled. Each window overlaps the one before, and the
cursor moves only when a window was read whole and stored, in one transaction. So nothing is missed, and what is read
twice changes nothing. Items that concern no open case aren't remembered: a case that gets to know an item at the same
moment is then marked the next time. An order that can't be used yet waits in the inbox, and is asked for again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.facts import FactProblem
from adapter.domain.wall_clock import local_date
from adapter.engine.feed_lease import hold, read_leased
from adapter.engine.new_orders import (
    NewOrders,
    each,
    open_or_mark,
    put_in_inbox,
    read_new_orders,
    refuse_another_name,
)
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
"""The feeds, in the order in which they are read, each with the kind of link by which a case knows its items."""

FEEDS = tuple(LINKS)
CHANGE_FEEDS = ("executions", "decisions", "clients", "absences")

TAKES_UP = ("orders", "executions", "decisions")
"""Feeds that can show that the authority takes up a closed case again."""

LISTS = ("services", "urgent")
"""Feeds that show everything each time. An item that they no longer show has changed too."""

REMEMBER = timedelta(days=14)
"""How long a feed's items are remembered, so that reading them again marks nothing. If one is forgotten, its case is
read once more, and nothing is lost."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A window that was read: its items, and the new cursor (None: none)."""

    items: tuple[Changed, ...]
    problems: tuple[FactProblem, ...]
    cursor: datetime | None
    new: NewOrders = field(default_factory=NewOrders)


async def read_feeds(rt: Runtime, tenant: Tenant) -> int:
    """Read every feed of a municipality once. Returns how many cases were marked or opened. A feed that fails is logged
    and doesn't stop the others (P6). Raises ``StoreError``."""
    return sum([await _read_one(rt, tenant, name) for name in LINKS])


async def _read_one(rt: Runtime, tenant: Tenant, name: str) -> int:
    async def read(feed: Feed) -> tuple[int, int]:
        now = rt.clock.now()
        held, taken = await hold(rt, feed, _read(rt, tenant, feed, now))
        await rt.at(f"feed {name} read")
        marked = await rt.db.run(lambda c: _take_in(c, tenant, held, taken, now))
        await rt.at(f"feed {name} taken in")
        return len(taken.items), marked

    return await read_leased(rt, tenant, name, rt.tuning.poll, read) or 0


async def _read(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    if feed.name == "orders":
        return await _read_orders(rt, tenant, feed, now)
    if feed.name == "urgent":
        window = await tenant.source.urgent_notes()
        return Taken(window.items, window.problems, now)
    if feed.name == "services":
        return await _read_services(rt, tenant, feed, now)
    window = await tenant.source.changed_since(feed.name, min(feed.cursor or now, now) - rt.tuning.overlap)
    # A list that answers 404 may be empty or down (L10). The cursor stays, so that the same window is read again.
    reached = _reached(feed, window.server_time, now)
    return Taken(window.items, window.problems, reached if window.sure else feed.cursor or reached)


def _reached(feed: Feed, server_time: datetime | None, now: datetime) -> datetime:
    """How far a window reached, by the vendor's own clock, because ours may differ by minutes. It is never before what
    was read already, whatever year the vendor says, and never after now."""
    return max(min(server_time or now, now), min(feed.cursor or now, now))


async def _read_services(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    """Ordered services that end today or have ended since the day before the last reading. So a last day that was set
    in advance is seen when it has come, though the order itself doesn't change."""
    today = local_date(now, tenant.policy.zone)
    first = min(local_date(feed.cursor or now, tenant.policy.zone), today) - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    windows = (await each(rt, days, tenant.source.services_ending_on)).values()
    items = {item.id: item for window in windows for item in window.items}
    return Taken(tuple(items.values()), tuple(p for w in windows for p in w.problems), now)


async def _read_orders(rt: Runtime, tenant: Tenant, feed: Feed, now: datetime) -> Taken:
    """Orders by the calendar date of their last change: from the day before the cursor to tomorrow (LA2), and the days
    of orders that wait in the inbox."""
    await refuse_another_name(rt, tenant)
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
    """Whether the case system answers, but has no order at all yet. If it never showed an order, showing none doesn't
    mean that it is down. All its days are asked for again until it shows one."""
    return not await tenant.source.shows("orders") and await tenant.source.shows("client", "headings")


def _take_in(c: Connection, tenant: Tenant, feed: Feed, taken: Taken, now: datetime) -> int:
    """Mark the cases in the window, open new ones, and move the cursor: all of it or nothing."""
    name = feed.name
    concerned = _concerned(c, tenant.name, name, taken.items)
    links = [i.link for i in taken.items if i.link] if name in TAKES_UP else []
    closed = cases.refs_of_links(c, tenant.name, LINKS[name], links, closed=True)
    # Orders of all persons are remembered. A forgotten order would be new the next time, and its person read again.
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
    """The open cases that each item concerns, by its id: those of its person, and those that are linked to it."""
    shown = list(items)
    of_person = cases.open_refs_of_persons(c, tenant, (i.person_id for i in shown if i.person_id))
    of_link = cases.refs_of_links(c, tenant, LINKS[feed], (i.link for i in shown if i.link))
    refs = {i.id: [*of_person.get(i.person_id or "", ()), *of_link.get(i.link or "", ())] for i in shown}
    return {item_id: found for item_id, found in refs.items() if found}


def _vanished(c: Connection, tenant: str, feed: str, current: set[str]) -> set[str]:
    """Forget what a list no longer shows. Returns the cases concerned. The id's second half is the link."""
    gone = [i for i in feeds.fingerprints(c, tenant, feed) if i not in current]
    if not gone:
        return set()
    feeds.drop(c, tenant, feed, gone)
    refs = cases.refs_of_links(c, tenant, LINKS[feed], (i.partition(":")[2] for i in gone))
    return {ref for found in refs.values() for ref in found}


def _problems(c: Connection, tenant: Tenant, feed: str, problems: tuple[FactProblem, ...], now: datetime) -> None:
    """Log each row that can't be used, once, by its id. It doesn't stop anything else."""
    rows = {":".join([p.code, *dict(p.params).values()]): p for p in problems}
    for row in feeds.changed(c, tenant.name, f"{feed}:broken", [Changed(key, None, "") for key in rows], now):
        problem = rows[row.id]
        log("fact_problem", code=problem.code, resource=problem.resource, params=dict(problem.params))
