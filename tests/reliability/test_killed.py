"""The real process, killed at random moments under load, over sockets: nothing is lost and nothing comes twice."""

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.outside import Outside
from tests.reliability.fork_server import ForkServer
from tests.replicas.crew import NOTES_EACH, mails_twice
from tests.service import PATIENCE, configured, rows, wait

pytestmark = pytest.mark.process

KILLS = 24
CASES = 12
ENGINE: dict[str, Any] = {
    "poll_seconds": 1,
    "lease_seconds": 4,
    "settle_seconds": 0.5,
    "retry_first_seconds": 0.2,
    "retry_cap_seconds": 1,
}

_UNFINISHED = "SELECT ref, key, state, error FROM acts WHERE state NOT IN ('done', 'dropped')"
_SENDING = "SELECT ref FROM acts WHERE state = 'sending'"


def assert_once(effects: dict[str, list[str]], database: Path, cases: int, which: str) -> None:
    """All schedules and notes are there, each once. A mail comes twice only if its answer was lost."""
    assert mails_twice(effects["mails"], f"sqlite:///{database}") == [], which
    for kind in ("schedules", "notes"):
        assert [what for what, n in Counter(effects[kind]).items() if n > 1] == [], which
    assert (len(effects["schedules"]), len(effects["notes"])) == (cases, cases * NOTES_EACH), which


def test_after_a_kill_under_load_all_is_done_within_settle_and_not_after_the_leases_of_the_dead(tmp_path: Path) -> None:
    """Some of the acts that were being sent had their effect, and some hadn't. Waiting for two-minute leases would
    show."""
    database = tmp_path / "adapter.db"
    notes = 10 * NOTES_EACH
    with Outside() as outside:
        config = configured(tmp_path, outside, poll_seconds=1, lease_seconds=120, settle_seconds=3)
        outside.call("orders", first=0, count=10)
        outside.call("fault", vendor="lifecare", kind="delay", method="POST", delay=0.5, times=None)
        with ForkServer(config, tmp_path / "log") as server:
            pid = server.start()
            wait(lambda: outside.call("counts")["notes"] >= notes // 3, lambda: "it writes")
            wait(lambda: len(rows(database, _SENDING)) >= 2, lambda: "some are under way")
            server.kill(pid)
            outside.call("latency", seconds=0)
            began = time.monotonic()
            pid = server.start()
            wait(lambda: outside.call("counts")["notes"] >= notes and not rows(database, _UNFINISHED))
            seconds = time.monotonic() - began
            server.kill(pid)
        assert_once(outside.call("effects"), database, 10, "in flight")
        assert seconds < 60, "half a lease"


def test_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """New work comes all the time. Each process lives for up to half a second after its start. The test is slow,
    because each process opens its database and says that it has started before it is killed."""
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    database = tmp_path / "adapter.db"
    with Outside() as outside:
        config = configured(tmp_path, outside, **ENGINE)
        outside.call("latency", seconds=0.01)
        with ForkServer(config, tmp_path / "log") as server:
            for kill in range(KILLS):
                if kill % (KILLS // CASES) == 0:
                    outside.call("orders", first=kill // (KILLS // CASES), count=1)
                pid = server.start()
                started = kill + 1
                wait(lambda n=started: len(server.events("service_started")) >= n, lambda: "it starts")  # type: ignore[misc]
                time.sleep(rng.uniform(0, 0.5))
                server.kill(pid)
            last = server.start()
            notes = CASES * NOTES_EACH
            try:
                wait(
                    lambda: outside.call("counts")["notes"] >= notes and not rows(database, _UNFINISHED),
                    lambda: (seed, outside.call("counts"), rows(database, _UNFINISHED)),
                    3 * PATIENCE,
                )
            finally:
                server.kill(last)
        effects = outside.call("effects")
        assert_once(effects, database, CASES, f"seed {seed}")
        assert all(status.endswith("active") for status in effects["statuses"])
        assert rows(database, "SELECT count(*), count(DISTINCT person) FROM cases") == [(CASES, CASES)]
        assert server.events("service_crashed") == []
