"""The real process, killed at random moments under load, over sockets: nothing is lost and nothing comes twice."""

import random
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.outside import Outside
from tests.reliability.fork_server import Forked
from tests.replicas.crew import NOTES_EACH, mails_twice, twice
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


def has_started(replica: Forked, times: int) -> bool:
    return len(replica.events("service_started")) >= times


def assert_once(effects: dict[str, list[str]], database: Path, cases: int, which: str) -> None:
    """All schedules and notes are there, each once. A mail comes twice only if its answer was lost."""
    assert mails_twice(effects["mails"], f"sqlite:///{database}") == [], which
    assert (twice(effects["schedules"]), twice(effects["notes"])) == ([], []), which
    assert (len(effects["schedules"]), len(effects["notes"])) == (cases, cases * NOTES_EACH), which


def test_after_a_kill_under_load_all_is_done_within_settle_and_not_after_the_leases_of_the_dead(
    tmp_path: Path, outside: Outside
) -> None:
    """Some of the acts that were being sent had their effect, and some hadn't. Waiting for two-minute leases would
    show."""
    database, notes = tmp_path / "adapter.db", 10 * NOTES_EACH
    config = configured(tmp_path, outside, poll_seconds=1, lease_seconds=120, settle_seconds=3)
    outside.call("orders", first=0, count=10)
    outside.call("fault", vendor="lifecare", kind="delay", method="POST", delay=0.5, times=None)
    with Forked(config, tmp_path / "log") as replica:
        replica.start()
        wait(lambda: outside.call("counts")["notes"] >= notes // 3, lambda: "it writes")
        wait(lambda: len(rows(database, _SENDING)) >= 2, lambda: "some are under way")
        replica.kill()
        outside.call("latency", seconds=0)
        began = time.monotonic()
        replica.start()
        wait(lambda: outside.call("counts")["notes"] >= notes and not rows(database, _UNFINISHED))
        seconds = time.monotonic() - began
        replica.kill()
    assert_once(outside.call("effects"), database, 10, "in flight")
    assert seconds < 60, "half a lease"


def test_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path: Path, outside: Outside) -> None:
    """New work comes all the time. Each process lives for up to half a second after its start. The test is slow,
    because each process opens its database and says that it has started before it is killed."""
    seed = random.SystemRandom().randrange(10**6)
    rng, database, notes = random.Random(seed), tmp_path / "adapter.db", CASES * NOTES_EACH
    outside.call("latency", seconds=0.01)
    with Forked(configured(tmp_path, outside, **ENGINE), tmp_path / "log") as replica:
        for kill in range(KILLS):
            if kill % (KILLS // CASES) == 0:
                outside.call("orders", first=kill // (KILLS // CASES), count=1)
            replica.start()
            wait(partial(has_started, replica, kill + 1), lambda: "it starts")
            time.sleep(rng.uniform(0, 0.5))
            replica.kill()
        replica.start()
        try:
            wait(
                lambda: outside.call("counts")["notes"] >= notes and not rows(database, _UNFINISHED),
                lambda: (seed, outside.call("counts"), rows(database, _UNFINISHED)),
                3 * PATIENCE,
            )
        finally:
            replica.kill()
    effects = outside.call("effects")
    assert_once(effects, database, CASES, f"seed {seed}")
    assert all(status.endswith("active") for status in effects["statuses"])
    assert rows(database, "SELECT count(*), count(DISTINCT person) FROM cases") == [(CASES, CASES)]
    assert replica.events("service_crashed") == []
