"""The recurring jobs, on APScheduler: reading the feeds, doing what is due, and the rest.

A job that raises never ends the loop. It is logged and runs again as planned. If the store can't be used, the jobs wait
for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import Connection

from adapter.engine.audit_heads import take_heads
from adapter.engine.circuit_breaker import VENDOR_OF_LANE
from adapter.engine.comparison import LOOK_EVERY, compare_when_due
from adapter.engine.feed_reader import read_feeds
from adapter.engine.look_reader import follow_looks
from adapter.engine.monthly_list import want_monthly_list
from adapter.engine.request_worker import RequestDesk, request_files, take_in, turn
from adapter.engine.retention import forget
from adapter.engine.retry_policy import SOUGHT_TWICE
from adapter.engine.runtime import Runtime, Tenant
from adapter.engine.service_log import BEAT
from adapter.engine.worker import EVENLY, work
from adapter.log_events import log
from adapter.store import claims, due, feeds, outbox
from adapter.store.errors import StoreError
from adapter.store.keys import new_keys, reseal

WORK_EVERY = timedelta(seconds=0.5)
ASKED_EVERY = timedelta(seconds=5)
"""How often feeds may be read out of turn: a flood of hooks must not become a flood of calls."""
REQUESTS_EVERY = timedelta(seconds=2)
HEADS_LOOK = timedelta(hours=1)
"""How often to check whether the audit's daily head is due."""
FORGET_EVERY = timedelta(hours=24)
GRACE_SECONDS = 8.0
"""How long a stop waits for what is under way. What isn't finished then is found again when its lease ends."""
GIVE_BACK_SECONDS = 3.0
"""How long a stop waits for the database when it gives back the leases."""


async def run_once(rt: Runtime) -> bool:
    """One whole cycle: the request files, every feed of every municipality, then all that is due. False if a feed
    couldn't be read. Raises ``StoreError``."""
    began = rt.clock.now()
    await take_in(rt, *request_files(rt))
    await asyncio.gather(*(_read(rt, tenant) for tenant in rt.tenants.values()))
    await asyncio.gather(*(follow_looks(rt, tenant) for tenant in rt.tenants.values()))
    await work(rt)
    while await turn(rt):
        await work(rt)
    known = [feed for tenant in rt.tenants for feed in await rt.db.run(partial(feeds.all_feeds, tenant=tenant))]
    return not any(feed.error and feed.tried_at and feed.tried_at >= began for feed in known)


async def _read(rt: Runtime, tenant: Tenant) -> int:
    """Read the names of a municipality's headings, if they aren't known yet, and its feeds."""
    await tenant.source.read_headings()
    return await read_feeds(rt, tenant)


async def read_asked(rt: Runtime, tenant: Tenant) -> None:
    """Read the feeds out of turn, if a hook asked for it. If that fails, the next reading in turn follows."""
    since = rt.asked.pop(tenant.name, None)
    if since is None:
        return
    await read_feeds(rt, tenant)
    feed = await rt.db.run(lambda c: feeds.feed(c, tenant.name, "orders"))
    if feed is not None and feed.tried_at is not None and feed.tried_at < since:
        # Another reading, begun before the hook, had the feed. It may have missed the hook's order.
        rt.asked.setdefault(tenant.name, since)


async def _seldom(rt: Runtime, tenant: Tenant) -> None:
    """What is due once a month, and what is due once a day."""
    await want_monthly_list(rt, tenant)
    await compare_when_due(rt, tenant)


CLOCK_LOOK_SECONDS = 15.0
"""How often the wall clock is compared with the monotonic one."""
CLOCK_STEP_SECONDS = 30.0
"""A smaller difference doesn't count as a step of the clock."""


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Like APScheduler's ``IntervalTrigger``, but without making up missed runs. If the clock is set ahead by months,
    that one would make up all runs of those months, one after the other."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """APScheduler's: when the job runs next (UTC)."""
        following = (previous or now) + self._interval
        return following if following > now else now + self._interval


class Jobs:
    """Runs the jobs until they shall stop. Each job is guarded: a store that can't be used is logged once and waited
    for."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.active: set[asyncio.Task[object]] = set()
        self.stopping = asyncio.Event()
        self.away: tuple[str, int] | None = None
        """The last outage of the store that was logged: its error, and ``StoreError.after``."""
        self.failing: dict[object, str] = {}
        """The jobs that couldn't use the store at their last turn, with its error."""
        # APScheduler 3 silently drops a job that is a second late. A late cycle is better than none.
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        # Its logger would warn twice a second that the work is still under way, which is normal.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self.scheduler = AsyncIOScheduler(job_defaults=defaults, timezone="UTC")
        self.scheduler.add_listener(_tell, EVENT_JOB_ERROR)
        now = rt.clock.now()
        for tenant in rt.tenants.values():
            self._add(f"feeds {tenant.name}", partial(_read, rt, tenant), rt.tuning.poll, now)
            self._add(f"feeds out of turn {tenant.name}", partial(read_asked, rt, tenant), ASKED_EVERY, now)
            self._add(f"looks {tenant.name}", partial(follow_looks, rt, tenant), rt.tuning.watch, now)
            self._add(f"comparison {tenant.name}", partial(_seldom, rt, tenant), LOOK_EVERY, now)
        self._add("work", lambda: work(rt, self.stopping), WORK_EVERY, now)
        self._add("requests", RequestDesk(rt).look_and_work, REQUESTS_EVERY, now)
        self._add("audit heads", lambda: take_heads(rt), HEADS_LOOK, now)
        self._add("beat", partial(_beat, rt), BEAT, now)
        self._add("forget", lambda: forget(rt), FORGET_EVERY, now)
        self._add("encryption", lambda: _encrypt(rt), FORGET_EVERY, now)

    def _add(self, name: str, job: Callable[[], Awaitable[object]], every: timedelta, first: object) -> None:
        async def guarded() -> None:
            await self._run(job)

        trigger = Every(every)
        self.scheduler.add_job(guarded, trigger, id=name, name=name, next_run_time=first)

    async def _run(self, job: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.current_task()
        if task is not None:
            self.active.add(task)
            task.add_done_callback(self.active.discard)
        try:
            await self._guard(job)
        except asyncio.CancelledError:
            if not self.stopping.is_set():
                raise  # not at a stop: then we cancelled the job ourselves, which is no failure

    async def _guard(self, job: Callable[[], Awaitable[object]]) -> None:
        try:
            await job()
            self.failing.pop(job, None)
        except StoreError as e:
            # One line for each outage. Some jobs succeed meanwhile (they need no store, or only read from a full one),
            # and a job may report its failure when the store is back already.
            known = self.away == (str(e), e.after) or str(e) in self.failing.values()
            self.away = (str(e), e.after)
            self.failing[job] = str(e)
            if not known:
                log("store_unavailable", error=e, retry_seconds=WORK_EVERY.total_seconds())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then let what is under way finish within ``GRACE_SECONDS``."""
        await self._guard(lambda: _begin(self.rt))
        self.scheduler.start()
        clock = asyncio.create_task(self._watch_clock())
        try:
            await stop.wait()
        finally:
            clock.cancel()
            self.stopping.set()
            self.scheduler.pause()
            if self.active:
                _, late = await asyncio.wait(set(self.active), timeout=GRACE_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            self.scheduler.shutdown(wait=False)
            await self._guard(lambda: _give_back(self.rt))

    async def _watch_clock(self) -> None:
        """Notice when the wall clock was set, and plan again: the scheduler, leases and delays depend on it."""
        ahead = self._ahead()
        while True:
            await asyncio.sleep(CLOCK_LOOK_SECONDS)
            before, ahead = ahead, self._ahead()
            if abs(step := ahead - before) < CLOCK_STEP_SECONDS:
                continue
            log("clock_stepped", seconds=round(step))
            for job in self.scheduler.get_jobs():
                job.modify(next_run_time=datetime.now(UTC))
            if step < 0:
                await self._guard(partial(_shorten_leases, self.rt, timedelta(seconds=-step)))

    def _ahead(self) -> float:
        return self.rt.clock.now().timestamp() - time.monotonic()


async def _encrypt(rt: Runtime) -> None:
    """After a change of key, encrypt what isn't encrypted with the new key yet."""
    done = await reseal(rt.db, rt.clock.now)
    if done.changed or done.left:
        log("store_encrypted", values=done.changed, left=done.left)


async def _shorten_leases(rt: Runtime, step: timedelta) -> None:
    """After the clock was set back, leases and delays that would last longer end now. Work under way is overtaken and
    done again. An act that is being sent keeps its lease."""

    def plan(c: Connection) -> None:
        now = rt.clock.now()
        due.release_all(c, now, owner=rt.owner)
        feeds.release_all(c, owner=rt.owner)
        due.bring_forward(c, now, now + step + rt.tuning.retry_cap)
        for tenant in rt.tenants:
            for lane in VENDOR_OF_LANE:
                claims.retry_soon(c, tenant, lane, now=now, settle=rt.tuning.settle, gap=EVENLY)

    await rt.db.run(plan)


async def _begin(rt: Runtime) -> None:
    """Parked acts are tried again, because settings and mapping may have changed. If this is the only process, all
    leases belong to a process that was killed. They end at once, and what it was sending is looked up."""

    def begin(c: Connection) -> None:
        now = rt.clock.now()
        for tenant in rt.tenants:
            outbox.release_parked(c, tenant, now)
        if rt.db.alone:
            _release(c, rt, now)

    await rt.db.run(begin)


def _release(c: Connection, rt: Runtime, now: datetime, owner: str | None = None) -> None:
    """Give back the leases of one process, or of all."""
    claims.release_all(c, now=now, settle=rt.tuning.settle, at_once=SOUGHT_TWICE, owner=owner)
    due.release_all(c, now, owner=owner)
    feeds.release_all(c, owner=owner)


async def _beat(rt: Runtime) -> None:
    await rt.db.run(new_keys)
    await rt.service_log.beat(rt.db, list(rt.tenants))


async def _give_back(rt: Runtime) -> None:
    """Give back the leases of a process that stops, so that the next one continues at once, and store its last beat."""

    try:
        async with asyncio.timeout(GIVE_BACK_SECONDS):
            await rt.db.run(lambda c: _release(c, rt, rt.clock.now(), rt.owner))
            await _beat(rt)
    except TimeoutError:
        raise StoreError(
            f"database {rt.db.name} doesn't answer; the leases of this process end by themselves", "unreachable"
        ) from None


def _tell(event: JobExecutionEvent) -> None:
    log("job_failed", job=event.job_id, error=event.exception)


async def run_forever(rt: Runtime, stop: asyncio.Event) -> None:
    """The daemon's loop. Returns when ``stop`` is set."""
    await Jobs(rt).run(stop)
