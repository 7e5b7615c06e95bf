"""Reads a municipality's change feeds out of turn, when a hook says that there is something new."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from adapter.engine.environment import Runtime
from adapter.engine.feed_reader import read_feeds
from adapter.log_events import log, log_context
from adapter.store import feeds
from adapter.store.errors import StoreError

APART = timedelta(seconds=5)
"""The least time between two readings out of turn: a flood of hooks must not become a flood of calls."""


class Poller:
    """``soon`` asks; ``run`` reads, one municipality after the other, as often as ``APART`` allows. A reload replaces
    ``rt``."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self._asked: dict[str, datetime] = {}
        self._wake = asyncio.Event()

    def soon(self, tenant: str) -> None:
        """Have the feeds of a municipality read. What is asked while they are being read has them read again."""
        self._asked[tenant] = self.rt.clock.now()
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Whatever goes wrong is left to the next poll in turn, which comes anyway."""
        ended = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                woken = asyncio.ensure_future(self._wake.wait())
                await asyncio.wait({ended, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                if stop.is_set():
                    return
                self._wake.clear()
                for tenant in list(self._asked):
                    await self._read(tenant)
                await asyncio.wait({ended}, timeout=APART.total_seconds())
        finally:
            ended.cancel()

    async def _read(self, tenant: str) -> None:
        asked = self._asked.pop(tenant)
        if tenant not in self.rt.tenants:
            return  # taken out of service since
        try:
            await read_feeds(self.rt, self.rt.tenants[tenant])
            feed = await self.rt.db.run(lambda c: feeds.feed(c, tenant, "orders"))
        except StoreError:
            return
        except Exception as e:  # noqa: BLE001  # a hint must never end the loop that takes hints
            with log_context(tenant=tenant):
                log("job_failed", job="feeds out of turn", error=e)
            return
        if feed is not None and feed.tried_at is not None and feed.tried_at < asked:
            # Another reading, begun before the hook, had the feed; it may not have seen what the hook tells.
            self._asked.setdefault(tenant, asked)
            self._wake.set()
