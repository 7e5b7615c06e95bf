"""For all tests: what the adapter logs goes through its real pipeline into memory, where a test can read it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from adapter.observability import configure_logging
from tests.postgres import Postgres, programs

# The suite draws the same examples each time; HYPOTHESIS_PROFILE=search has it look for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("search", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


class Logs(io.StringIO):
    """The log of one test."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == name]


@pytest.fixture(autouse=True)
def logs() -> Logs:
    stream = Logs()
    configure_logging("INFO", json=True, stream=stream)
    return stream


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, started once for each worker that asks."""
    if programs() is None:
        pytest.skip("NOT TESTED AGAINST POSTGRESQL: no programs of it were found, installed or from the wheel")
    server = Postgres()
    yield server
    server.close()
