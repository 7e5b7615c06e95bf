"""What a night costs: every reading of the looks, and each look that was done written to Lifecare, over simulated
vendors in the same process."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from adapter.domain.facts import Client
from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.nights import NightTimes, Weekday
from adapter.engine.act_runner import carry_out
from adapter.engine.look_reader import follow_looks
from adapter.engine.retention import forget
from adapter.store import claims, codec, sealing
from adapter.store.database import Database
from adapter.store.tables import acts, cases, facts, looks
from connectors.mock.phoniro.night_plan import NightPlan
from tests.bench.fill import fill
from tests.outside import nightly, person, reference, schedule_id
from tests.watch.written_back import mapping_with
from tests.world import World

EVENING = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
NIGHT = timedelta(hours=12)
PLAN = NightPlan(missed=0.01, second=0.03, corrected=0.01, unlisted=0.005)


def _bytes(c: Connection) -> int:
    """What the database holds, as it says itself."""
    if c.dialect.name == "postgresql":
        return int(c.scalar(text("select pg_database_size(current_database())")) or 0)
    return int(c.scalar(text("pragma page_count")) or 0) * int(c.scalar(text("pragma page_size")) or 0)


@dataclass(frozen=True, slots=True)
class Cost:
    """``listed`` and ``written``: calls by which looks were read, and visits reported. ``cpu`` in seconds: of following
    and of writing, the simulated vendors' own share in it. ``grown`` in bytes. Rows of looks and of acts: of
    the night (``rows``), once it is as long ago as personal data is kept (``kept``), and once the cases are purged
    (``left``)."""

    readings: int
    listed: int
    written: int
    following: float
    writing: float
    grown: int
    rows: tuple[int, int]
    kept: tuple[int, int]
    left: tuple[int, int]


async def night(folder: Path, url: str, count: int, *, every: timedelta | None = None) -> Cost:
    """Follow ``count`` schedules for a night, ``every`` so often (as in service where nothing is said), and write the
    looks that were done to Lifecare; then let time pass, close the cases and purge them."""
    db = Database(url)
    times = NightTimes.from_json({day.code: ["22:30", "02:15", "05:00"] for day in Weekday})
    fill(db, count, ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 2, 1), None, times, EVENING), EVENING)
    async with World(EVENING - timedelta(days=1), db=db, mapping=mapping_with(folder)) as world:
        _set_up(world, count)
        world.clock.time = EVENING
        before, readings, following, writing = db.run_sync(_bytes), 0, 0.0, 0.0
        while world.clock.time < EVENING + NIGHT:
            began = time.process_time()
            await follow_looks(world.rt, world.tenant)
            read = time.process_time()
            await _write(world)
            following, writing = following + read - began, writing + time.process_time() - read
            readings += 1
            world.clock.time += every or world.rt.tuning.watch
        rows, grown = db.run_sync(_rows), db.run_sync(_bytes) - before
        listed = sum(r.path == "/api/v1/supervisions" for r in world.phoniro.received())
        written = len(world.lifecare.visits_written())
        world.clock.time += world.tenant.retention
        await forget(world.rt)
        kept = db.run_sync(_rows)
        db.run_sync(lambda c: c.execute(update(cases).values(closed_at=EVENING - timedelta(days=400), ready_at=None)))
        await forget(world.rt)
        left = db.run_sync(_rows)
    return Cost(readings, listed, written, following, writing, grown, rows, kept, left)


def _set_up(world: World, count: int) -> None:
    """The schedules at Phoniro, the persons and their executions in Lifecare, and what the adapter knows of both."""
    known = []
    for i in range(count):
        world.phoniro.add_schedule(nightly(i, "2026-02-01"), schedule_id=schedule_id(i))
        client_id = world.lifecare.seed_person(person(i))
        execution = world.lifecare.start_execution(world.lifecare.order(person(i), "camera").order_id)
        of = {"tenant": "exempel", "ref": reference(i)}
        client = codec.RESOURCES["client"].dump(Client(client_id, protected=False))
        fact = {"resource": "client", "value": client, "read_at": EVENING, "tried_at": EVENING, "stale": False}
        known.append((of | fact, {"of_ref": reference(i), "execution": execution}))
    world.phoniro.set_nights(PLAN)
    listed = lru_cache(8)(lambda start, end, _now: world.phoniro.__class__.supervisions(world.phoniro, start, end))
    # Nothing happens between the pages of a list, and to make it anew for each costs more than all of the adapter.
    world.phoniro.supervisions = lambda start, end: listed(start, end, world.clock.time)  # type: ignore[method-assign]
    world.db.run_sync(lambda c: c.execute(insert(facts), [sealing.sealed(c, facts, fact) for fact, _ in known]))
    executed = update(cases).where(cases.c.ref == bindparam("of_ref")).values(execution=bindparam("execution"))
    world.db.run_sync(lambda c: c.execute(executed, [row for _, row in known]))


async def _write(world: World) -> None:
    """The visits that are called for, and nothing of the cases."""
    rt, now = world.rt, world.clock.now()
    how: dict[str, Any] = {"tenant": "exempel", "lane": "visit", "limit": rt.tuning.concurrency, "owner": rt.owner}
    some = partial(claims.claim_acts, **how, now=now, lease_until=now + rt.tuning.lease)
    while claimed := await rt.db.run(some):
        await asyncio.gather(*(carry_out(rt, act) for act in claimed))


def _rows(c: Connection) -> tuple[int, int]:
    known, written = select(func.count()).select_from(looks), select(func.count()).where(acts.c.lane == "visit")
    return int(c.scalar(known) or 0), int(c.scalar(written) or 0)
