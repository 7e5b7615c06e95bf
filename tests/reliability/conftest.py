"""The real process over sockets, and worlds whose process starts many times."""

import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from adapter import bootstrap
from adapter.observability import configure_logging
from mappings.mapping import load_mapping
from tests.outside import Outside
from tests.service import Replica, configured


@pytest.fixture
def many_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process starts hundreds of times, always with the same mapping, and logs nothing."""
    monkeypatch.setattr(bootstrap, "load_mapping", cache(load_mapping))
    configure_logging("CRITICAL", json=True, stream=io.StringIO())


@pytest.fixture
def replica(tmp_path: Path, outside: Outside) -> Iterator[Replica]:
    config = configured(tmp_path, outside, poll_seconds=1, settle_seconds=1, lease_seconds=60)
    replica = Replica(config, tmp_path / "log")
    yield replica
    replica.kill()
