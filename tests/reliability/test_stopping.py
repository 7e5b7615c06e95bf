"""Stopping and starting the real process: in flight is finished or given back, and work goes on within a second."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.outside import Outside
from tests.reliability.test_killed import rows, wait
from tests.service import Replica

pytestmark = pytest.mark.process

BUSY = 4.0
HELD = "SELECT ref FROM acts WHERE lease_owner IS NOT NULL UNION SELECT ref FROM cases WHERE lease_owner IS NOT NULL"


def _sending(replica: Replica, tmp_path: Path, outside: Outside, **fault: float) -> None:
    """The process waits for the answer to its first note."""
    outside.call("fault", vendor="lifecare", kind="delay", method="POST", **fault)
    outside.call("orders", first=0, count=1)
    replica.start()
    wait(lambda: outside.call("counts")["notes"] == 1, 20, lambda: replica.log.read_text(encoding="utf-8"))


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def test_what_is_in_flight_is_finished_before_it_ends(tmp_path: Path, outside: Outside, replica: Replica) -> None:
    _sending(replica, tmp_path, outside, delay=3)
    began = time.monotonic()
    assert replica.stop() == 0
    assert time.monotonic() - began < 10
    done = rows(tmp_path / "adapter.db", "SELECT state FROM acts WHERE kind = 'message' AND state = 'done'")
    assert done == [("done",)], "the answer was waited for and written down"
    assert rows(tmp_path / "adapter.db", HELD) == []


def test_what_takes_too_long_is_given_back_and_found_by_the_next_one_within_a_second_of_its_start(
    tmp_path: Path, outside: Outside, replica: Replica
) -> None:
    _sending(replica, tmp_path, outside, delay=25)
    began = time.monotonic()
    assert replica.stop() == 0
    assert time.monotonic() - began < 10
    assert rows(tmp_path / "adapter.db", HELD) == []
    first = "SELECT state FROM acts WHERE kind = 'message' ORDER BY n LIMIT 1"
    assert rows(tmp_path / "adapter.db", first) == [("unknown",)]
    replica.start()
    wait(lambda: bool(replica.events("act_found_done")), 20, lambda: replica.log.read_text(encoding="utf-8"))
    wait(lambda: outside.call("counts")["notes"] == 4, 20, lambda: outside.call("counts"))
    started = _at(replica.events("service_started")[-1])
    worked = [_at(event) for name in ("case_decided", "act_found_done", "act_done") for event in replica.events(name)]
    assert (min(at for at in worked if at > started) - started).total_seconds() < 1
    notes = outside.call("effects")["notes"]
    assert len(set(notes)) == len(notes) == 4
    assert replica.events("job_failed") == [], "what was ended by the stop is no failure"


def test_a_second_signal_ends_it_at_once(tmp_path: Path, outside: Outside, replica: Replica) -> None:
    _sending(replica, tmp_path, outside, delay=25)
    replica.signal(signal.SIGTERM)
    wait(lambda: bool(replica.events("service_stopping")), 10, lambda: "it heard the first")
    began = time.monotonic()
    replica.signal(signal.SIGTERM)
    assert replica.process is not None
    assert replica.process.wait(timeout=10) == -signal.SIGTERM
    assert time.monotonic() - began < BUSY
