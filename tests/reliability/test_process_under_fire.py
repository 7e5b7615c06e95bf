"""What the real process does while its database is locked, taken away, and put back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.outside import Outside
from tests.reliability.test_killed import rows, wait
from tests.service import PATIENCE, Replica

pytestmark = pytest.mark.process


@pytest.fixture
def lease_seconds() -> float:
    """What was read or sent when the database went away is taken up again when its lease has run out."""
    return 4


def test_it_says_so_once_waits_and_goes_on_when_its_database_is_back(
    tmp_path: Path, outside: Outside, replica: Replica
) -> None:
    database = tmp_path / "adapter.db"

    def said() -> str:
        return replica.log.read_text(encoding="utf-8")

    def away() -> int:
        return len(replica.events("store_unavailable"))

    def notes(count: int) -> None:
        wait(lambda: outside.call("counts")["notes"] == count, PATIENCE, said)

    replica.start()
    outside.call("orders", first=0, count=1)
    notes(4)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outside.call("orders", first=1, count=1)
        wait(lambda: away() == 1, PATIENCE, said)
        assert "locked by another process" in said()
    notes(8)

    wait(lambda: rows(database, "SELECT 1 FROM acts WHERE state NOT IN ('done', 'dropped')") == [], PATIENCE, said)
    database.rename(tmp_path / "kept.db")
    outside.call("orders", first=2, count=1)
    wait(lambda: away() == 2, PATIENCE, said)
    assert "deleted or replaced" in said()
    assert replica.running
    assert not database.exists(), "it is never begun anew: every message would be sent again"
    (tmp_path / "kept.db").rename(database)
    notes(12)
    assert replica.stop() == 0
    assert away() == 2
    effects = outside.call("effects")
    assert len(set(effects["notes"])) == len(effects["notes"]) == 12
    assert len(set(effects["schedules"])) == len(effects["schedules"]) == 3
