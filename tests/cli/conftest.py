"""The command line against both simulated vendors over real sockets, with an ordinary configuration file."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapter.bootstrap import build
from adapter.cli.app import app
from adapter.demo.persons import CECILIA, STOCKHOLM, seed_fields
from adapter.demo.stage import Stage
from adapter.engine import jobs
from adapter.settings.load import load_settings
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.serve import RunningSimulators, running_simulators

Adapter = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere: Path) -> None:
    """No settings of the machine's count."""


@pytest.fixture
async def sims() -> AsyncIterator[RunningSimulators]:
    async with running_simulators() as running:
        yield running


@pytest.fixture
def stage(sims: RunningSimulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Settings, secrets and mapping as the demo writes them, in a folder of the test's own. The commands read them."""
    made = Stage(tmp_path / "etc")
    with made.empty():
        made.write_settings(sims, datetime.now(UTC).astimezone(STOCKHOLM).date())
    monkeypatch.setenv("ADAPTER_CONFIG", str(made.config))
    return made


@pytest.fixture
def adapter() -> Adapter:
    """Run a command beside the simulators, as a program of its own would. It has to end with
    ``code``. Returns what it printed; ``typed`` are the lines typed at its questions."""

    async def run(*arguments: str | Path, code: int = 0, columns: int = 132, typed: Sequence[str] = ()) -> str:
        runner, words = CliRunner(env={"COLUMNS": str(columns)}), [str(argument) for argument in arguments]
        result = await asyncio.to_thread(lambda: runner.invoke(app, words, input="".join(f"{t}\n" for t in typed)))
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
async def ordered(sims: RunningSimulators, stage: Stage) -> Ordered:
    """A person with an order that has a case, and nothing more."""
    sims.lifecare.seed_person(CECILIA.person_id, **seed_fields(CECILIA))
    made = sims.lifecare.order(CECILIA.person_id, start=sims.lifecare.today() - timedelta(days=1))
    await turns(stage.config)
    return made


@pytest.fixture
async def ref(ordered: Ordered, adapter: Adapter) -> str:
    """Its case."""
    (case,) = json.loads(await adapter("case", "list", "--json"))["cases"]
    return str(case["case"])


async def turns(config: Path, count: int = 3) -> None:
    """Let the adapter take a few whole turns."""
    async with build(load_settings(config)) as service:
        await service.start_store()
        for _ in range(count):
            await jobs.run_once(service.runtime)
