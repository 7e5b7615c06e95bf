"""The real process over sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside import Outside, mapping_without_quiet_hours
from tests.service import Replica, write_config


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Outside() as running:
        yield running


@pytest.fixture
def lease_seconds() -> float:
    return 60


@pytest.fixture
def replica(tmp_path: Path, outside: Outside, lease_seconds: float) -> Iterator[Replica]:
    tenants = {"exempel": outside.tenant(mapping_without_quiet_hours(tmp_path))}
    engine = {"poll_seconds": 1, "settle_seconds": 1, "lease_seconds": lease_seconds}
    config = write_config(tmp_path / "adapter.toml", f"sqlite:///{tmp_path}/adapter.db", tenants, **engine)
    replica = Replica(config, tmp_path / "log")
    yield replica
    replica.kill()
