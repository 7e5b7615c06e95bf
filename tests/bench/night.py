"""What a night's watch costs: every reading of a whole night, over a simulated Phoniro in the same process."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select, text, update

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.nights import NightTimes, Weekday
from adapter.engine.look_reader import follow_looks
from adapter.engine.retention import forget
from adapter.store.database import Database
from adapter.store.tables import cases, looks
from connectors.mock.phoniro import NewSchedule, NightPlan
from tests.bench.fill import fill
from tests.outside import reference, schedule_id
from tests.world import World

EVENING = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
NIGHT = timedelta(hours=12)
TIMES = ["02:15", "05:00", "22:30"]
PLAN = NightPlan(missed=0.01, second=0.03, corrected=0.01, unlisted=0.005)


def _bytes(c: Connection) -> int:
    """What the database holds, as it says itself."""
    if c.dialect.name == "postgresql":
        return int(c.scalar(text("select pg_database_size(current_database())")) or 0)
    return int(c.scalar(text("pragma page_count")) or 0) * int(c.scalar(text("pragma page_size")) or 0)


async def night(folder: Path, url: str, count: int) -> dict[str, float]:
    """Follow ``count`` schedules for a night: readings, calls, seconds of CPU, and what the database grew by; then
    close the cases and purge them: the looks that are left."""
    db = Database(url)
    times = NightTimes.from_json({day.code: ["22:30", "02:15", "05:00"] for day in Weekday})
    fill(db, count, ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 2, 1), None, times, EVENING), EVENING)
    async with World(EVENING - timedelta(days=1), db=db) as world:
        rules = [{"weekdays": [day.code for day in Weekday], "times": TIMES}]
        given = {"organisationId": "hemtjanst-norr", "type": "camera_night", "timeZone": "Europe/Stockholm"}
        given |= {"customerExternalId": "x", "externalReference": "x"}
        new = NewSchedule.model_validate_json(json.dumps({**given, "validFrom": "2026-02-01", "rules": rules}))
        for i in range(count):
            named = new.model_copy(update={"external_reference": f"{reference(i)}-1"})
            world.phoniro.add_schedule(named, schedule_id=schedule_id(i))
        world.phoniro.set_nights(PLAN)
        world.clock.time = EVENING
        before, readings, began = db.run_sync(_bytes), 0, time.process_time()
        while world.clock.time < EVENING + NIGHT:
            await follow_looks(world.rt, world.tenant)
            readings += 1
            world.clock.time += world.rt.tuning.watch
        cpu = time.process_time() - began
        rows, grown = db.run_sync(_rows), db.run_sync(_bytes) - before
        calls = sum(r.request.path == "/api/v1/supervisions" for r in world.phoniro.received())
        db.run_sync(lambda c: c.execute(update(cases).values(closed_at=EVENING - timedelta(days=400), ready_at=None)))
        await forget(world.rt)
        left = db.run_sync(_rows)
    return {"readings": readings, "calls": calls, "cpu": cpu, "rows": rows, "bytes": grown, "left": left}


def _rows(c: Connection) -> int:
    return int(c.scalar(select(func.count()).select_from(looks)) or 0)
