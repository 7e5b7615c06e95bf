"""For all tests: the adapter's log goes through its real pipeline into memory, where a test can read it."""

import gc
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from adapter.log_events import COMMON, EVENTS
from adapter.observability import configure_logging
from adapter.store import database
from tests import made_once
from tests.outside import Outside
from tests.postgres import Postgres, programs

# The suite draws the same examples each time; HYPOTHESIS_PROFILE=search looks for new ones.
# There is no limit on an example's time, because the machine may be busy.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _UNHURRIED, derandomize=True)
settings.register_profile("search", _UNHURRIED, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

EVERY_LINE = {"timestamp", "level", "event", "logger", "exception"}


class Logs(io.StringIO):
    """The log of one test."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == name]


@pytest.fixture(autouse=True)
def logs(request: pytest.FixtureRequest) -> Iterator[Logs]:
    """Everything that the adapter logs in a test must be in the catalogue: name, level and fields. A test that logs
    events that don't exist is marked ``made_up_events``."""
    stream = Logs()
    configure_logging("INFO", json=True, stream=stream)
    yield stream
    if request.node.get_closest_marker("made_up_events") is None:
        uncatalogued = [told for line in stream.lines() if (told := _uncatalogued(line))]
        assert uncatalogued == []


@pytest.fixture(autouse=True)
def databases_are_closed() -> Iterator[None]:
    """Close the databases that a test opened and left open: from version 3.13 on, Python warns of each."""
    opened: list[database.Database] = []
    opening = database.Database.__init__

    def remembered(self: database.Database, *arguments: Any, **options: Any) -> None:
        opening(self, *arguments, **options)
        opened.append(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database.Database, "__init__", remembered)
        yield
    for one in opened:
        one.close()


def _uncatalogued(line: dict[str, Any]) -> str | None:
    """How a line differs from the catalogue. Lines of libraries don't count."""
    if not str(line.get("logger", "adapter")).startswith("adapter"):
        return None
    event = EVENTS.get(line["event"])
    if event is None:
        return f"{line['event']} is in no catalogue"
    if logging.getLevelName(event.level).lower() != line["level"]:
        return f"{event.name} is logged as {line['level']}"
    strange = line.keys() - COMMON - EVERY_LINE - set(event.fields)
    return f"{event.name} has {', '.join(sorted(strange))}" if strange else None


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The test works in its own folder, and nothing of the environment is a setting."""
    for name in [name for name in os.environ if name.startswith("ADAPTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Tests that mostly wait for processes come first: they go to one worker, and the others work meanwhile.
    items.sort(key=lambda item: item.get_closest_marker("process") is None)


def pytest_configure(config: pytest.Config) -> None:
    # At import jsonschema would build a large grammar for a format that none of our contracts has.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # the documented way to have an import fail
    # Tests start many processes of the adapter, and each would compile it again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    gc.set_threshold(20_000, 10, 10)  # searching for garbage took a tenth of the crash tests' time
    config.addinivalue_line("markers", "made_up_events: logs events that aren't in the catalogue, on purpose")


@pytest.fixture(scope="session", autouse=True)
def _databases_are_prepared_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", made_once.engine)
        patch.setattr(database.Database, "upgrade", made_once.upgrade)
        yield


@pytest.fixture
def outside() -> Iterator[Outside]:
    """The simulated vendors in a process of their own."""
    with Outside() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, started once for each worker that asks."""
    if programs() is None:
        pytest.skip("NOT TESTED AGAINST POSTGRESQL: no programs of it were found, installed or from the wheel")
    server = Postgres()
    yield server
    server.close()
