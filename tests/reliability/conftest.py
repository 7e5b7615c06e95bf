"""The real process over sockets, and worlds whose process starts many times."""

import asyncio
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapter import bootstrap
from adapter.observability import configure_logging
from mappings.mapping import load_mapping
from tests.outside import Outside
from tests.reliability.mortal import MortalWorld
from tests.service import Replica, configured


@pytest.fixture
def many_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process starts hundreds of times, always with the same mapping, and logs nothing."""
    monkeypatch.setattr(bootstrap, "load_mapping", cache(load_mapping))
    configure_logging("CRITICAL", json=True, stream=io.StringIO())


@pytest.fixture(scope="session")
def undisturbed() -> dict[str, Any]:
    """The result of a whole life in which nothing goes wrong."""

    async def life() -> dict[str, Any]:
        async with MortalWorld() as world:
            await world.a_whole_life()
            return await world.end_state()

    return asyncio.run(life())


@pytest.fixture
def replica(tmp_path: Path, outside: Outside) -> Iterator[Replica]:
    config = configured(tmp_path, outside, poll_seconds=1, settle_seconds=1, lease_seconds=60)
    replica = Replica(config, tmp_path / "log")
    yield replica
    replica.kill()
