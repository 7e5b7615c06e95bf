"""``adapter run`` and ``adapter simulate`` as processes: they start, they stop when asked, and they say so."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapter.demo.persons import CECILIA, seed_fields
from adapter.demo.stage import Stage
from connectors.mock.faults import Kind, Rule
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter
from tests.outside import edit
from tests.service import PATIENCE

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def started(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(process: asyncio.subprocess.Process, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first matching line of the log."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while line := await process.stdout.readline():
            if holds(told := json.loads(line)):
                return dict(told)
    raise AssertionError("the process ended before it said so")


async def test_the_service_works_until_it_is_asked_to_stop_and_then_ends_well(
    stage: Stage, sims: RunningSimulators
) -> None:
    sims.lifecare.seed_person(CECILIA.person_id, **seed_fields(CECILIA))
    sims.lifecare.order(CECILIA.person_id)
    async with started("run") as service:
        begun = await until(service, lambda line: line["event"] == "service_started")
        assert (begun["tenants"], begun["store"], begun["dry_run"]) == ("exempelkommun", "sqlite", False)
        await until(service, lambda line: line["event"] == "act_done")
        service.send_signal(signal.SIGTERM)
        await until(service, lambda line: line["event"] == "service_stopped")
        assert await asyncio.wait_for(service.wait(), PATIENCE) == 0
        assert service.stderr is not None
        assert await service.stderr.read() == b""


async def test_one_cycle_and_no_more(stage: Stage, sims: RunningSimulators, adapter: Adapter) -> None:
    sims.lifecare.seed_person(CECILIA.person_id, **seed_fields(CECILIA))
    sims.lifecare.order(CECILIA.person_id)
    async with started("run", "--once") as service:
        assert await asyncio.wait_for(service.wait(), PATIENCE) == 0
    assert {note.heading for note in sims.lifecare.notes_written()} == {"to_coordinator", "to_alarm_team"}
    assert "1 preparing" in await adapter("db", "status")


async def test_one_cycle_that_could_not_read_everything_ends_with_1(stage: Stage, sims: RunningSimulators) -> None:
    sims.lifecare.faults.add(Rule(kind=Kind.STATUS_BEFORE, status=403, times=None))
    async with started("run", "--once") as service:
        assert await asyncio.wait_for(service.wait(), PATIENCE) == 1


async def test_settings_that_can_not_be_used_are_told_in_the_log(stage: Stage) -> None:
    edit(stage.config, "[lifecare]", "[lifecare]\nkee = 1")
    async with started("run") as service:
        told = await until(service, lambda line: line["event"] == "settings_refused")
        assert "kee" in str(told["problems"])
        assert await service.wait() == 2


async def test_a_database_of_a_strange_kind_stops_it_at_once(stage: Stage) -> None:
    stage.database.write_bytes(b"no database at all" * 100)
    async with started("run") as service:
        assert "error" in await until(service, lambda line: line["event"] == "store_unavailable")
        assert await service.wait() == 1


async def test_the_simulators_say_where_they_are_and_stop_when_asked() -> None:
    arguments = ("simulate", "--lifecare-port", "0", "--phoniro-port", "0", "--seed", "--json")
    async with started(*arguments) as vendors:
        told = await until(vendors, lambda _: True)
        assert told.keys() == {"lifecare", "phoniro"}
        assert all(url.startswith("http://127.0.0.1:") for url in told.values())
        vendors.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(vendors.wait(), PATIENCE) == 0


async def test_a_port_that_is_taken(sims: RunningSimulators) -> None:
    async with started("simulate", "--lifecare-port", sims.lifecare_url.rpartition(":")[2]) as vendors:
        assert await asyncio.wait_for(vendors.wait(), PATIENCE) == 1
        assert vendors.stderr is not None
        told = (await vendors.stderr.read()).decode()
        assert "--lifecare-port" in told
        assert "Traceback" not in told
