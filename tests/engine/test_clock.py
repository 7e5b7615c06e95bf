"""The wall clock is set forward or back while the jobs run."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from adapter.engine import jobs
from adapter.engine.worker import _claim
from adapter.store import feeds
from tests.conftest import Logs
from tests.engine.test_worker import three_orders
from tests.world import World


@pytest.mark.parametrize(
    "step", [timedelta(hours=-1), timedelta(days=-1), timedelta(hours=1), timedelta(days=1)], ids=str
)
async def test_a_step_of_the_clock_is_told_and_the_feeds_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch, logs: Logs, step: timedelta
) -> None:
    monkeypatch.setattr(jobs, "CLOCK_LOOK_SECONDS", 0.05)
    async with World() as world:
        world.clock.time = datetime.now(UTC)  # the scheduler's own clock
        rt, stop = world.service.runtime, asyncio.Event()

        async def read_at_now() -> None:
            while True:
                feed = await rt.db.run(lambda c: feeds.feed(c, next(iter(rt.tenants)), "absences"))
                if feed and feed.read_at == world.clock.time and feed.lease_owner is None:
                    return
                await asyncio.sleep(0.02)

        running = asyncio.create_task(jobs.run_forever(rt, stop))
        await asyncio.wait_for(read_at_now(), 10)
        await asyncio.sleep(0.2)
        world.clock.time += step
        await asyncio.wait_for(read_at_now(), 10)
        stop.set()
        await running
    told = [line["seconds"] for line in logs.lines() if line["event"] == "clock_stepped"]
    assert told == [step.total_seconds()]


async def test_what_a_process_held_is_free_after_a_step_back() -> None:
    """By the new clock its leases would last a day longer."""
    async with World() as world:
        await three_orders(world)
        for _, job in (held := await _claim(world.rt, Counter())):
            job.close()
        world.clock.time -= timedelta(days=1)
        assert (len(held), await _claim(world.rt, Counter())) == (3, [])
        await jobs._shorten_leases(world.rt, timedelta(days=1))
        for _, job in (anew := await _claim(world.rt, Counter())):
            job.close()
        assert len(anew) == 3


async def test_runs_of_the_months_by_which_the_clock_was_set_ahead_are_not_made_up_for() -> None:
    scheduler, now = AsyncIOScheduler(timezone="UTC"), datetime(2026, 3, 2, tzinfo=UTC)
    job = scheduler.add_job(print, jobs.Every(timedelta(seconds=0.5)), next_run_time=now)
    scheduler.start(paused=True)
    try:
        ahead = now + timedelta(days=200)
        assert job._get_run_times(ahead) == [now]
        assert job.trigger.get_next_fire_time(now, ahead) == ahead + timedelta(seconds=0.5)
        assert job.trigger.get_next_fire_time(now, now) == now + timedelta(seconds=0.5)
    finally:
        scheduler.shutdown(wait=False)
