"""Orders that can't be used and belong to no case yet: what is wrong with each, and whether a person was told."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.facts import FactProblem
from adapter.ports import Changed
from adapter.store import feeds

FEED = "orders:held"
"""What a person is told of, and the metric, the page and ``case list`` show. ``orders:pending``, out of which it is
picked at each reading, is another thing: what the reader asks for again, made anew each time, and so besides these the
orders that a case tells of and the days that may have failed. What is here outlives a reading: since when, and whether
somebody was told."""

UNREAD = FactProblem("order_unread", "orders")
"""Of an order that just can't be read now, as when the case system is down."""

PATIENCE = timedelta(hours=12)
"""How long an order may be unreadable before a person is told: an outage is told otherwise, and ends by itself. What a
person must mend is told at once."""


@dataclass(frozen=True, slots=True)
class Held:
    """``problem`` is what is wrong, ``since`` (UTC) when that was first seen. ``tell_at`` (UTC) is when a person is to
    be told; None once they were."""

    order_id: str
    problem: FactProblem
    since: datetime
    tell_at: datetime | None

    def state(self) -> str:
        told = {"since": self.since.isoformat(), "tell_at": self.tell_at.isoformat() if self.tell_at else None}
        problem = {"code": self.problem.code, "resource": self.problem.resource, "params": dict(self.problem.params)}
        return json.dumps({**problem, **told})


def held(conn: Connection, tenant: str) -> tuple[Held, ...]:
    """All of them, the oldest first."""
    found = (_loaded(order_id, state) for order_id, state in feeds.showed(conn, tenant, FEED).items())
    return tuple(sorted(found, key=lambda h: (h.since, h.order_id)))


def hold(
    conn: Connection, tenant: str, problems: Mapping[str, FactProblem], now: datetime, *, keep: Collection[str] = ()
) -> None:
    """From now on these orders, by their ids, are the ones that can't be used, and those of ``keep`` that were. One
    that was among them goes on as it is; each is told once."""
    before = {h.order_id: h for h in held(conn, tenant)}
    feeds.drop(conn, tenant, FEED, before.keys() - problems.keys() - set(keep))
    rows = []
    for order_id, problem in problems.items():
        patience = PATIENCE if problem.code == UNREAD.code else timedelta(0)
        h = before.get(order_id) or Held(order_id, problem, now, now + patience)
        if h.problem.code == UNREAD.code != problem.code and h.tell_at:
            h = replace(h, tell_at=now)
        rows.append(Changed(order_id, None, replace(h, problem=problem).state()))
    feeds.changed(conn, tenant, FEED, rows, now)


def take_to_tell(conn: Connection, tenant: str, now: datetime, again: datetime) -> Held | None:
    """One that is to be told, for the caller to tell; it comes up ``again`` (UTC) unless that is noted by ``told``."""
    for h in held(conn, tenant):
        if h.tell_at and h.tell_at <= now and feeds.swap(conn, tenant, FEED, h.order_id, h.state(), _at(h, again)):
            return replace(h, tell_at=again)
    return None


def told(conn: Connection, tenant: str, h: Held) -> None:
    """A person was told of one that ``take_to_tell`` gave."""
    feeds.swap(conn, tenant, FEED, h.order_id, h.state(), _at(h, None))


def _at(h: Held, tell_at: datetime | None) -> str:
    return replace(h, tell_at=tell_at).state()


def _loaded(order_id: str, state: str) -> Held:
    raw = json.loads(state)
    problem = FactProblem(raw["code"], raw["resource"], tuple(raw["params"].items()))
    tell_at = datetime.fromisoformat(raw["tell_at"]) if raw["tell_at"] else None
    return Held(order_id, problem, datetime.fromisoformat(raw["since"]), tell_at)
