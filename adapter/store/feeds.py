"""Change feeds: how far each was read, by whom it is being read, and what it showed last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, update

from adapter.ports import Changed
from adapter.store.errors import Overtaken
from adapter.store.sql import insert_missing, upsert
from adapter.store.tables import feed_items, feeds

SEEN_EVERY = timedelta(days=1)
"""``seen_at`` of an item is written anew once it is older than this. ``forget`` must look further back."""


@dataclass(frozen=True, slots=True)
class Feed:
    """``cursor`` (UTC): everything before it has been taken in; None: nothing yet. ``read_at`` is the last success,
    ``tried_at`` the last attempt, ``error`` why that failed."""

    tenant: str
    name: str
    cursor: datetime | None
    read_at: datetime | None
    tried_at: datetime | None
    error: str | None
    lease_owner: str | None
    lease_until: datetime | None


_COLUMNS = [feeds.c[name] for name in Feed.__dataclass_fields__]
_f, _i = feeds.c, feed_items.c
# What runs for every feed at every poll is built once.
_CLAIM = (
    update(feeds)
    .where(_f.tenant == bindparam("of_tenant"), _f.name == bindparam("of_feed"))
    .where(_f.lease_owner.is_(None) | (_f.lease_until <= bindparam("now")))
    .returning(*_COLUMNS)
)
_HELD = update(feeds).where(
    _f.tenant == bindparam("of_tenant"),
    _f.name == bindparam("of_feed"),
    _f.lease_owner == bindparam("held_by"),
    _f.lease_until == bindparam("held_until"),
)
_SHOWN = select(_i.item, _i.fingerprint, _i.seen_at).where(
    _i.tenant == bindparam("of_tenant"), _i.feed == bindparam("of_feed")
)
_KNOWN = _SHOWN.where(_i.item.in_(bindparam("items", expanding=True)))


def feed(conn: Connection, tenant: str, name: str) -> Feed | None:
    row = conn.execute(select(*_COLUMNS).where(feeds.c.tenant == tenant, feeds.c.name == name)).one_or_none()
    return Feed(*row) if row is not None else None


def claim(conn: Connection, tenant: str, name: str, *, now: datetime, owner: str, lease_until: datetime) -> Feed | None:
    """Lease a feed, which is made at first use; None while somebody else's lease lasts."""
    lease = {"lease_owner": owner, "lease_until": lease_until, "tried_at": now}
    claiming = {"of_tenant": tenant, "of_feed": name, "now": now, **lease}
    row = conn.execute(_CLAIM, claiming).one_or_none()
    if row is None and insert_missing(conn, feeds, {"tenant": tenant, "name": name}):
        row = conn.execute(_CLAIM, claiming).one_or_none()
    return Feed(*row) if row is not None else None


def renew(conn: Connection, feed: Feed, *, lease_until: datetime) -> Feed:
    """Keep a feed that takes long to read. Raises ``Overtaken``."""
    _guarded(conn, feed, {"lease_until": lease_until})
    return replace(feed, lease_until=lease_until)


def finish(conn: Connection, feed: Feed, *, cursor: datetime | None, now: datetime) -> None:
    """Give a feed back after it was read whole and taken in, in the same transaction. Raises ``Overtaken``."""
    _give_back(conn, feed, {"cursor": cursor, "read_at": now, "error": None})


def fail(conn: Connection, feed: Feed, *, error: str) -> None:
    """Give a feed back unread: its cursor stays. Raises ``Overtaken``."""
    _give_back(conn, feed, {"error": error})


def release_all(conn: Connection, *, owner: str | None = None) -> None:
    """Give back the feeds that a process held, or, without an owner, all processes."""
    c = feeds.c
    held = c.lease_owner.is_not(None) if owner is None else c.lease_owner == owner
    conn.execute(update(feeds).where(held).values(lease_owner=None, lease_until=None))


def _give_back(conn: Connection, feed: Feed, values: dict[str, object]) -> None:
    _guarded(conn, feed, {"lease_owner": None, "lease_until": None, **values})


def _guarded(conn: Connection, feed: Feed, values: dict[str, object]) -> None:
    of = {"of_tenant": feed.tenant, "of_feed": feed.name}
    if not conn.execute(_HELD, {**of, "held_by": feed.lease_owner, "held_until": feed.lease_until, **values}).rowcount:
        raise Overtaken(
            f"feed {feed.name} of {feed.tenant} was read by another process meanwhile; nothing was taken in"
        )


def changed(conn: Connection, tenant: str, feed: str, items: Sequence[Changed], now: datetime) -> tuple[Changed, ...]:
    """Those of the items that the feed didn't show before, or showed otherwise; from now on they are known. A feed may
    so be read with as much overlap as its vendor's clock calls for. Reading the same again writes once a day at most.
    """
    latest = {item.id: item for item in items}
    known = _known(conn, tenant, feed, latest)
    new = tuple(item for item in latest.values() if item.id not in known or known[item.id][0] != item.fingerprint)
    seen = {item.id for item in new}
    again = [i for i in latest.values() if i.id not in seen and known[i.id][1] <= now - SEEN_EVERY]
    rows = [
        {"tenant": tenant, "feed": feed, "item": item.id, "fingerprint": item.fingerprint, "seen_at": now}
        for item in (*new, *again)
    ]
    upsert(conn, feed_items, *rows)
    return new


def fingerprints(conn: Connection, tenant: str, feed: str, ids: Iterable[str]) -> dict[str, str]:
    """What the feed showed last of these items, as far as it is remembered."""
    return {item: shown for item, (shown, _) in _known(conn, tenant, feed, ids).items()}


def _known(conn: Connection, tenant: str, feed: str, ids: Iterable[str]) -> dict[str, tuple[str, datetime]]:
    asked = list(ids)
    rows = conn.execute(_KNOWN, {"of_tenant": tenant, "of_feed": feed, "items": asked}) if asked else ()
    return {row.item: (row.fingerprint, row.seen_at) for row in rows}


def showed(conn: Connection, tenant: str, feed: str) -> dict[str, str]:
    """What a feed showed, as far as it is remembered: item to fingerprint."""
    rows = conn.execute(_SHOWN, {"of_tenant": tenant, "of_feed": feed})
    return {row.item: row.fingerprint for row in rows}


def drop(conn: Connection, tenant: str, feed: str, ids: Iterable[str]) -> None:
    """Forget these items; if the feed shows one again, it counts as new."""
    gone = (_i.tenant == tenant, _i.feed == feed, _i.item.in_(list(ids)))
    conn.execute(delete(feed_items).where(*gone))


def forget(conn: Connection, tenant: str, feed: str, before: datetime) -> int:
    """Forget what the feed hasn't shown since ``before`` (UTC); if it shows it again, it counts as new."""
    old = (_i.tenant == tenant, _i.feed == feed, _i.seen_at < before)
    return conn.execute(delete(feed_items).where(*old)).rowcount
