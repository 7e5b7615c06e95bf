"""Reads a feed under its lease, so that one process at a time reads it, and logs the result. A feed that can't be read
doesn't stop the others (P6)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Connection

from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import PortError
from adapter.store import feeds
from adapter.store.errors import Overtaken, StoreError
from adapter.store.feeds import Feed

T = TypeVar("T")


async def read_leased(
    rt: Runtime,
    tenant: Tenant,
    name: str,
    every: timedelta,
    read: Callable[[Feed], Awaitable[tuple[int, T]]],
    *,
    failed: Callable[[Connection, Feed, str], None] | None = None,
) -> T | None:
    """Read a feed with ``read``, unless another process does. ``read`` returns the number of items, and the value that
    is returned here. If it fails, the feed is given back unread and the result is None. ``failed`` is then called in
    the same transaction with the reason. ``every`` is the time until the next reading. Raises ``StoreError``."""
    now = rt.clock.now()
    until = now + rt.tuning.lease
    with log_context(tenant=tenant.name):
        feed = await rt.db.run(lambda c: feeds.claim(c, tenant.name, name, now=now, owner=rt.owner, lease_until=until))
        if feed is None:
            return None
        await rt.at(f"feed {name} claimed")
        try:
            items, result = await read(feed)
        except Overtaken:
            log("lease_lost", lease=f"feed {name}", held_seconds=(rt.clock.now() - now).total_seconds())
            return None
        except PortError as e:
            error = str(e)
            log("feed_failed", feed=name, failure=e.failure.value, error=e, retry_seconds=every.seconds)
        except Exception as e:  # P6: an exception of our own code for one feed concerns only that feed
            if isinstance(e, StoreError) and e.reason != "content":
                raise
            error = f"{type(e).__name__} while reading"
            log("job_failed", job=f"feed {name}", error=e)
        else:
            lag = (now - feed.read_at).total_seconds() if feed.read_at else None
            if feed.error is not None:
                log("feed_recovered", feed=name, failed_seconds=lag)
            seconds = (rt.clock.now() - now).total_seconds()
            log("feed_read", feed=name, items=items, seconds=seconds, lag_seconds=lag)
            return result

        def give_back(c: Connection) -> None:
            held = feeds.feed(c, tenant.name, name)
            if held is not None and held.lease_owner == rt.owner:
                feeds.fail(c, held, error=error)
            if failed is not None:
                failed(c, feed, error)

        await rt.db.run(give_back)
        return None


async def hold(rt: Runtime, feed: Feed, work: Awaitable[T]) -> tuple[Feed, T]:
    """Wait for ``work`` and renew the feed's lease meanwhile. A reading can be long (after an outage, in a large town),
    and a lease is short so that a crash delays nothing. Returns the feed with its last lease. Raises ``Overtaken`` and
    ends the work if another process has got the lease."""
    working = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({working}, timeout=rt.tuning.lease.total_seconds() / 3))[0]:
            held, until = feed, rt.clock.now() + rt.tuning.lease
            feed = await rt.db.run(lambda c, f=held, u=until: feeds.renew(c, f, lease_until=u))  # type: ignore[misc]  # bound early
        return feed, await working
    finally:
        working.cancel()
