"""Change feeds: how far each was read, which process reads it now, and what it showed last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from adapter.ports import Changed
from adapter.store.sql import FREE, change_leased, insert_missing, upsert
from adapter.store.tables import feed_items, feeds

SEEN_EVERY = timedelta(days=1)
"""``seen_at`` of an item is only written again once it is older than this. ``forget`` must look further back."""


@dataclass(frozen=True, slots=True)
class Feed:
    """``cursor`` (UTC): everything before it has been stored; None: nothing yet. ``read_at`` (UTC) is when the feed was
    last read whole, ``tried_at`` when that was last tried, ``error`` why that failed."""

    tenant: str
    name: str
    cursor: datetime | None
    read_at: datetime | None
    tried_at: datetime | None
    error: str | None
    lease_owner: str | None
    lease_until: datetime | None


_f, _i = feeds.c, feed_items.c
_COLUMNS = [_f[field.name] for field in fields(Feed)]
# What runs for every feed at every poll is built once.
_CLAIM = (
    update(feeds)
    .where(_f.tenant == bindparam("of_tenant"), _f.name == bindparam("of_feed"))
    .where(_f.lease_owner.is_(None) | (_f.lease_until <= bindparam("now")))
    .returning(*_COLUMNS)
)
_SHOWN = select(_i.item, _i.fingerprint, _i.seen_at).where(
    _i.tenant == bindparam("tenant"), _i.feed == bindparam("feed")
)
_OF_ITEMS = _SHOWN.where(_i.item.in_(bindparam("items", expanding=True)))
_FORGET = delete(feed_items).where(
    _i.tenant == bindparam("tenant"), _i.feed == bindparam("feed"), _i.seen_at < bindparam("before")
)


def feed(conn: Connection, tenant: str, name: str) -> Feed | None:
    row = conn.execute(select(*_COLUMNS).where(_f.tenant == tenant, _f.name == name)).one_or_none()
    return Feed(*row) if row is not None else None


def all_feeds(conn: Connection, tenant: str) -> tuple[Feed, ...]:
    """A municipality's feeds, by name."""
    return tuple(Feed(*row) for row in conn.execute(select(*_COLUMNS).where(_f.tenant == tenant).order_by(_f.name)))


def claim(conn: Connection, tenant: str, name: str, *, now: datetime, owner: str, lease_until: datetime) -> Feed | None:
    """Lease a feed; its row is made at first use. None while another process has the lease."""
    lease = {"lease_owner": owner, "lease_until": lease_until, "tried_at": now}
    claiming = {"of_tenant": tenant, "of_feed": name, "now": now, **lease}
    row = conn.execute(_CLAIM, claiming).one_or_none()
    if row is None and insert_missing(conn, feeds, {"tenant": tenant, "name": name}):
        row = conn.execute(_CLAIM, claiming).one_or_none()
    return Feed(*row) if row is not None else None


def renew(conn: Connection, feed: Feed, *, lease_until: datetime) -> Feed:
    """Extend the lease of a feed that takes long to read. Raises ``Overtaken``."""
    change_leased(conn, feeds, feed, f"feed {feed.name}", lease_until=lease_until)
    return replace(feed, lease_until=lease_until)


def finish(conn: Connection, feed: Feed, *, cursor: datetime | None, now: datetime) -> None:
    """Give back a feed that was read whole, in the transaction that stores what it showed. Raises ``Overtaken``."""
    change_leased(conn, feeds, feed, f"feed {feed.name}", **FREE, cursor=cursor, read_at=now, error=None)


def fail(conn: Connection, feed: Feed, *, error: str) -> None:
    """Give a feed back unread: its cursor stays. Raises ``Overtaken``."""
    change_leased(conn, feeds, feed, f"feed {feed.name}", **FREE, error=error)


def release_all(conn: Connection, *, owner: str | None = None) -> None:
    """Give back the feeds that a process holds, or, without ``owner``, that any process holds."""
    held = _f.lease_owner.is_not(None) if owner is None else _f.lease_owner == owner
    conn.execute(update(feeds).where(held).values(FREE))


def changed(conn: Connection, tenant: str, feed: str, items: Sequence[Changed], now: datetime) -> tuple[Changed, ...]:
    """The items that are new or have changed since the feed last showed them. They are stored as known. So a feed can
    be read with any overlap that its vendor's clock needs. The same item is written at most once a day.
    """
    latest = {item.id: item for item in items}
    known = _shown(conn, tenant, feed, latest)
    new = [item for item in latest.values() if item.id not in known or known[item.id].fingerprint != item.fingerprint]
    old = [item for item in latest.values() if item.id in known and known[item.id].seen_at <= now - SEEN_EVERY]
    rows = [
        {"tenant": tenant, "feed": feed, "item": item.id, "fingerprint": item.fingerprint, "seen_at": now}
        for item in dict.fromkeys((*new, *old))
    ]
    upsert(conn, feed_items, *rows)
    return tuple(new)


def fingerprints(conn: Connection, tenant: str, feed: str, ids: Iterable[str] | None = None) -> dict[str, str]:
    """The last known fingerprints of these items, or of all."""
    return {item: row.fingerprint for item, row in _shown(conn, tenant, feed, ids).items()}


def _shown(conn: Connection, tenant: str, feed: str, ids: Iterable[str] | None) -> dict[str, Row[str, str, datetime]]:
    asked = None if ids is None else list(ids)
    if asked == []:
        return {}
    of = {"tenant": tenant, "feed": feed}
    rows = conn.execute(_SHOWN, of) if asked is None else conn.execute(_OF_ITEMS, {**of, "items": asked})
    return {row.item: row for row in rows}


def drop(conn: Connection, tenant: str, feed: str, ids: Iterable[str]) -> None:
    """Forget these items; if the feed shows one again, it counts as new."""
    gone = (_i.tenant == tenant, _i.feed == feed, _i.item.in_(list(ids)))
    conn.execute(delete(feed_items).where(*gone))


def forget(conn: Connection, tenant: str, feed: str, before: datetime) -> None:
    """Forget what the feed hasn't shown since ``before`` (UTC); if it shows it again, it counts as new."""
    conn.execute(_FORGET, {"tenant": tenant, "feed": feed, "before": before})
