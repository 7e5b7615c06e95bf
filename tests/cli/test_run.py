"""``adapter run`` and ``adapter simulate`` as processes: they start, they stop when asked, and they say so."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from adapter.demo.persons import CECILIA, seed_fields
from adapter.demo.stage import Stage
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter
from tests.outside import ROOT
from tests.service import PATIENCE
from tests.world import down

pytestmark = pytest.mark.process


def begun(*words: str) -> subprocess.Popen[str]:
    command, environment = [sys.executable, "-m", "adapter", *words], {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


async def ended(*words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command that ends by itself, beside the simulators."""
    process = begun(*words)
    output, errors = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    return process.returncode, output, errors


async def test_one_cycle_and_no_more(stage: Stage, sims: RunningSimulators, adapter: Adapter) -> None:
    sims.lifecare.seed_person(CECILIA.person_id, **seed_fields(CECILIA))
    sims.lifecare.order(CECILIA.person_id)
    code, _, errors = await ended("run", "--once")
    assert (code, errors) == (0, "")
    assert {note.heading for note in sims.lifecare.notes_written()} == {"to_coordinator", "to_alarm_team"}
    assert "1 preparing" in await adapter("db", "status")


async def test_one_cycle_that_could_not_read_everything_ends_with_1(stage: Stage, sims: RunningSimulators) -> None:
    down(sims.lifecare, 403)
    code, _, _ = await ended("run", "--once")
    assert code == 1


async def test_a_database_of_a_strange_kind_stops_it_at_once(stage: Stage) -> None:
    stage.database.write_bytes(b"no database at all" * 100)
    code, output, _ = await ended("run")
    assert (code, json.loads(output.splitlines()[-1])["event"]) == (1, "store_unavailable")


def test_the_simulators_say_where_they_are_and_stop_when_asked() -> None:
    with begun("simulate", "--lifecare-port", "0", "--phoniro-port", "0", "--seed", "--json") as vendors:
        assert vendors.stdout is not None
        told = json.loads(vendors.stdout.readline())
        assert told.keys() == {"lifecare", "phoniro"}
        assert all(url.startswith("http://127.0.0.1:") for url in told.values())
        vendors.terminate()
        assert vendors.wait(PATIENCE) == 0


async def test_a_port_that_is_taken(sims: RunningSimulators) -> None:
    code, _, errors = await ended("simulate", "--lifecare-port", sims.lifecare_url.rpartition(":")[2])
    assert (code, "--lifecare-port" in errors, "Traceback" in errors) == (1, True, False)
