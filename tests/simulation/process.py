"""The adapter's process in a simulated world: it starts, works, stalls, and dies at any await."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from unittest.mock import patch

from sqlalchemy import Connection, select

from adapter import bootstrap
from adapter.domain.policy import WriteBack
from adapter.engine import worker as work_module
from adapter.engine.feed_reader import FEEDS, read_feeds
from adapter.engine.jobs import CLOCK_LOOK_SECONDS, _begin, _shorten_leases
from adapter.engine.look_reader import follow_looks
from adapter.engine.runtime import Runtime
from adapter.engine.worker import work
from adapter.store.database import Database
from adapter.store.tables import feeds
from mappings.mapping import MunicipalMapping, load_mapping
from tests.next_due import next_due, next_retry
from tests.simulation.network import LATEST, Network

if TYPE_CHECKING:
    from tests.simulation.town import Town

T = TypeVar("T")


@cache
def _mapping(path: Path, *, writes_back: bool) -> MunicipalMapping:
    """A process starts many times, always with the same."""
    mapping = load_mapping(path)
    on = mapping.reported_visits.model_copy(update={"mode": WriteBack.ON})
    return mapping.model_copy(update={"reported_visits": on}) if writes_back else mapping


LOOK_AGAIN_SECONDS = 20.0
"""Instead of half a second, because looking for new work during a slow call is expensive in the simulation."""
IDLE, RECENT, SKEW = timedelta(hours=12), timedelta(minutes=45), timedelta(minutes=5)
"""If nobody did anything in Lifecare since each feed was last read, polls are left out. They find nothing, and are
expensive in the simulation."""
_READ_AT = select(feeds.c.read_at).where(feeds.c.tenant == "exempel", feeds.c.name.in_(FEEDS))


class ProcessDatabase(Database):
    """The world's database as one process sees it: every transaction is a point at which the process can die."""

    def __init__(self, shared: Database, process: Process) -> None:
        self.__dict__.update(shared.__dict__)
        self._shared = shared
        self._process = process

    async def run(self, fn: Callable[[Connection], T]) -> T:
        await self._process.point("before commit")
        result = self._shared.run_sync(fn)
        await self._process.point("after commit")
        return result


class Process:
    """One process, from its start to its death."""

    def __init__(self, town: Town, number: int, rng: random.Random) -> None:
        self.town = town
        self.number = number
        self.rng = rng
        self.dead = False
        self.tasks: list[asyncio.Task[None]] = []
        self.wake = asyncio.Event()
        self.reading, self.watching = asyncio.Lock(), asyncio.Lock()
        mapping = partial(_mapping, writes_back=town.writes_back)
        with patch.object(bootstrap, "load_mapping", mapping):
            networks = {"lifecare": Network(town.lifecare_net, self), "phoniro": Network(town.phoniro_net, self)}
            service = bootstrap.build(
                town.settings,
                clock=town.adapters_clock,
                owner=f"process-{number}",
                outside=bootstrap.Outside(transports=networks, mail=town.mail),
                rng=rng,
                db=ProcessDatabase(town.db, self),
            )
        self.rt: Runtime = service.runtime
        object.__setattr__(self.rt, "pause", self.point)
        object.__setattr__(self.rt, "tuning", replace(self.rt.tuning, reread=town.seldom, awaiting=town.seldom))
        # There are no earlier orders here, and reading each of those days costs more than the whole first day.
        object.__setattr__(self.rt.tenants["exempel"], "go_live", town.today)

    def start(self) -> None:
        jobs = (self._feeds, self._work, *([self._looks] if self.town.nights else []))
        self.tasks = [asyncio.ensure_future(self._guarded(job)) for job in jobs]

    def clock_set(self, step: timedelta) -> None:
        """The change is noticed a little later, and everything is planned again. All jobs that aren't under way run."""

        async def noticed() -> None:
            await asyncio.sleep(self.rng.uniform(0, CLOCK_LOOK_SECONDS))
            if step < timedelta(0):
                await _shorten_leases(self.rt, -step)
            self.wake.set()
            if not self.reading.locked():
                await self._read()
            if self.town.nights and not self.watching.locked():
                await self._watch()

        self.tasks.append(asyncio.ensure_future(self._guarded(noticed)))

    def die(self) -> None:
        """It dies at once. Nothing that was under way reaches the database or the network any more."""
        self.dead = True
        for task in self.tasks:
            task.cancel()

    async def point(self, name: str, *, write: bool = False) -> None:
        """A point around a commit or a call. Here a process can die, stall, or find that it is dead. A write stalls
        after the last check whether it may be sent, so not longer than an effect may be late."""
        town = self.town
        if self.dead or not town.points_left():
            self.die()
            raise asyncio.CancelledError
        if town.weather.lifted:
            return
        chance = self.rng.random()
        if chance < (town.deaths_at_writes if write else town.deaths):
            town.log(f"dies: {name}")
            town.death(self)
            raise asyncio.CancelledError
        if chance > 1 - town.stalls:
            await asyncio.sleep(self.rng.uniform(1, LATEST if write else 200))
            if self.dead:
                raise asyncio.CancelledError

    async def _guarded(self, job: Callable[[], object]) -> None:
        try:
            await job()  # type: ignore[misc]  # a coroutine function
        except asyncio.CancelledError:
            if not self.dead:
                raise
        except Exception as error:  # noqa: BLE001 - whatever ends the adapter's loop is what the simulation looks for
            self.town.broken(f"the adapter's loop ended: {type(error).__name__}: {error}", error)

    async def _feeds(self) -> None:
        if not self.town.two:
            await _begin(self.rt)
        while True:
            now = self.town.clock.now()
            stormy = self.town.weather.stormy(now, RECENT, vendor="lifecare")
            since = self.town.db.run_sync(lambda c: c.scalars(_READ_AT).all())
            read_at = min((at for at in since if at is not None), default=now - IDLE)
            anew = len(since) < len(FEEDS) or None in since or self.town.sets_clock
            if anew or stormy or self.town.acted_at > read_at - SKEW or now - read_at >= IDLE:
                await self._read()
            await asyncio.sleep(self.rt.tuning.poll.total_seconds())

    async def _read(self) -> None:
        async with self.reading:
            await read_feeds(self.rt, self.rt.tenants["exempel"])
            self.wake.set()

    async def _looks(self) -> None:
        """The night watch, at the moments when it can find anything, and up to one cycle late."""
        while True:
            await self._watch()
            now = self.town.clock.now()
            until = now + self.rt.tuning.watch if self.town.adapters_clock.ahead else self.town.next_news(now)
            late = self.rng.uniform(0, self.rt.tuning.watch.total_seconds())
            await asyncio.sleep((until - now).total_seconds() + late)

    async def _watch(self) -> None:
        async with self.watching:
            await follow_looks(self.rt, self.rt.tenants["exempel"])
            self.wake.set()

    async def _work(self) -> None:
        while True:
            self.wake.clear()
            with patch.object(work_module, "LOOK_AGAIN_SECONDS", LOOK_AGAIN_SECONDS):
                await work(self.rt)
            try:
                async with asyncio.timeout(await self._patience()):
                    await self.wake.wait()
            except TimeoutError:
                continue

    async def _patience(self) -> float:
        """Seconds until something is due. In service the worker looks twice a second. If something is due and wasn't
        claimed, it waits for a vendor that is down."""
        tenants, now = list(self.rt.tenants), self.rt.clock.now()
        due_at, act_at = await self.rt.db.run(lambda c: (next_due(c, tenants), next_retry(c, tenants)))
        breakers = [self.rt.breakers.of("exempel", vendor) for vendor in ("lifecare", "phoniro", "mail")]
        probes = [b.probe_at for b in breakers if b.probe_at is not None] if act_at else []
        soonest = min((t for t in (due_at, act_at, *probes) if t and t > now), default=now + timedelta(hours=6))
        late = any(t and t <= now for t in (due_at, act_at))
        return min((soonest - now).total_seconds() + 0.5, 20.0 if late else 6 * 3600.0)
