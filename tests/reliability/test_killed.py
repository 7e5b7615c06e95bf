"""The real process, killed at random moments under load, over sockets: nothing is lost and nothing comes twice."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.outside import Outside, mapping_without_quiet_hours
from tests.reliability.zygote import Zygote
from tests.service import PATIENCE, write_config

pytestmark = pytest.mark.process

KILLS = 50
CASES = 24
NOTES_EACH = 4
"""Received, install, times and plan: what is told of a case until it runs."""
ENGINE = {
    "poll_seconds": 1,
    "lease_seconds": 4,
    "settle_seconds": 0.5,
    "retry_first_seconds": 0.2,
    "retry_cap_seconds": 1,
}


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return connection.execute(statement).fetchall()


def wait(holds: Callable[[], bool], seconds: float, why: Callable[[], object]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:.0f} s: {why()}")
        time.sleep(0.05)


def test_fifty_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Work comes in all the while; each process lives for up to half a second after it was started. Slow, as each of
    the fifty opens its database and says that it has started before it is killed."""
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    database = tmp_path / "adapter.db"
    with Outside() as outside:
        tenants = {"exempel": outside.tenant(mapping_without_quiet_hours(tmp_path))}
        config = write_config(tmp_path / "adapter.toml", f"sqlite:///{database}", tenants, **ENGINE)
        outside.call("latency", seconds=0.01)
        with Zygote(config, tmp_path / "log") as zygote:
            for kill in range(KILLS):
                if kill % (KILLS // CASES) == 0 and kill // (KILLS // CASES) < CASES:
                    outside.call("orders", first=kill // (KILLS // CASES), count=1)
                pid = zygote.start()
                started = kill + 1
                wait(lambda n=started: len(zygote.events("service_started")) >= n, PATIENCE, lambda: "it starts")  # type: ignore[misc]
                time.sleep(rng.uniform(0, 0.5))
                zygote.kill(pid)
            last = zygote.start()
            unfinished = "SELECT ref, key, state, error FROM acts WHERE state NOT IN ('done', 'dropped')"
            notes = CASES * NOTES_EACH
            try:
                wait(
                    lambda: outside.call("counts")["notes"] >= notes and not rows(database, unfinished),
                    3 * PATIENCE,
                    lambda: (seed, outside.call("counts"), rows(database, unfinished)),
                )
            finally:
                zygote.kill(last)
        effects = outside.call("effects")
        for kind in ("schedules", "notes", "mails"):
            assert [what for what, n in Counter(effects[kind]).items() if n > 1] == [], f"seed {seed}"
        assert (len(effects["schedules"]), len(effects["notes"])) == (CASES, notes), f"seed {seed}"
        assert all(status.endswith("active") for status in effects["statuses"])
        assert rows(database, "SELECT count(*), count(DISTINCT person_id) FROM cases") == [(CASES, CASES)]
        assert zygote.events("service_crashed") == []
