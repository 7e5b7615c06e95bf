"""Stopping and starting the real process: work under way is finished or given back, and goes on at once after a start.

The promised times are read from the process's own log: it stops within 10 seconds, however long the vendor takes, and
works within a second after its start. Slow, as a stop waits for the vendor.
"""

import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.outside import Outside
from tests.replicas.crew import NOTES_EACH
from tests.service import PATIENCE, Replica, rows, wait

pytestmark = pytest.mark.process

SLOW = 60.0
"""How long the vendor takes, in seconds."""
GRACE = 10.0
HELD = "SELECT ref FROM acts WHERE lease_owner IS NOT NULL UNION SELECT ref FROM cases WHERE lease_owner IS NOT NULL"


def _sending(replica: Replica, tmp_path: Path, outside: Outside, **fault: float) -> None:
    """The process waits for the answer to its first note."""
    outside.call("fault", vendor="lifecare", kind="delay", method="POST", **fault)
    outside.call("orders", first=0, count=1)
    replica.start()
    wait(lambda: outside.call("counts")["notes"] == 1, replica.said)


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def _seconds(replica: Replica, first: str, then: str) -> float:
    return (_at(replica.events(then)[-1]) - _at(replica.events(first)[-1])).total_seconds()


def test_what_is_in_flight_is_finished_before_it_ends(tmp_path: Path, outside: Outside, replica: Replica) -> None:
    _sending(replica, tmp_path, outside, delay=3)
    assert replica.stop() == 0
    assert _seconds(replica, "service_stopping", "service_stopped") < GRACE
    found = rows(tmp_path / "adapter.db", "SELECT DISTINCT state FROM acts WHERE kind = 'message' AND attempts > 0")
    assert found == [("done",)], "the answer was waited for and written down"
    assert rows(tmp_path / "adapter.db", HELD) == []


def test_what_takes_too_long_is_given_back_and_found_by_the_next_one_within_a_second_of_its_start(
    tmp_path: Path, outside: Outside, replica: Replica
) -> None:
    _sending(replica, tmp_path, outside, delay=SLOW)
    assert replica.stop() == 0
    assert _seconds(replica, "service_stopping", "service_stopped") < GRACE
    assert rows(tmp_path / "adapter.db", HELD) == []
    first = "SELECT state FROM acts WHERE kind = 'message' ORDER BY n LIMIT 1"
    assert rows(tmp_path / "adapter.db", first) == [("unknown",)]
    replica.start()
    wait(lambda: bool(replica.events("act_found_done")), replica.said)
    wait(lambda: outside.call("counts")["notes"] == NOTES_EACH, lambda: outside.call("counts"))
    started = _at(replica.events("service_started")[-1])
    worked = [_at(event) for name in ("case_decided", "act_found_done", "act_done") for event in replica.events(name)]
    assert (min(at for at in worked if at > started) - started).total_seconds() < 1
    notes = outside.call("effects")["notes"]
    assert len(set(notes)) == len(notes) == NOTES_EACH
    assert replica.events("job_failed") == [], "what was ended by the stop is no failure"


def test_a_second_signal_ends_it_at_once(tmp_path: Path, outside: Outside, replica: Replica) -> None:
    """If it waited for the work under way, it would say ``service_stopped`` and end with 0."""
    _sending(replica, tmp_path, outside, delay=SLOW)
    replica.signal(signal.SIGTERM)
    wait(lambda: bool(replica.events("service_stopping")), lambda: "it heard the first")
    replica.signal(signal.SIGTERM)
    assert replica.process is not None
    assert replica.process.wait(timeout=PATIENCE) == -signal.SIGTERM
    assert replica.events("service_stopped") == []
