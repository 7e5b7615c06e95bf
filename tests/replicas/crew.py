"""Replicas of the adapter over one PostgreSQL, and what must hold of them together."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from tests.outside import Outside
from tests.postgres import Postgres
from tests.service import Replica, audited, configured, wait

LEASE = 6.0
TUNING: dict[str, float] = {
    "poll_seconds": 1,
    "lease_seconds": LEASE,
    "settle_seconds": 1,
    "retry_first_seconds": 0.5,
    "retry_cap_seconds": 2,
}
NOTES_EACH = 5
"""Received, install, times, plan and started: the messages of a case until it runs."""


class Crew:
    """Some replicas, their database and their vendors."""

    def __init__(self, folder: Path, postgres: Postgres, outside: Outside, *, size: int, **engine: Any) -> None:
        self.postgres = postgres
        self.outside = outside
        config = configured(folder, outside, postgres.url, **{**TUNING, **engine})
        self.replicas = [Replica(config, folder / f"replica-{n}.log") for n in range(size)]
        self.longest_overdue = timedelta(0)

    def sql(self, statement: str, *values: Any) -> list[TupleRow]:
        plain = self.postgres.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(plain, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def cut_connections(self) -> None:
        """Like a failover or a firewall."""
        others = "pid <> pg_backend_pid() AND usename = %s"
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}", "postgres")

    def wait(self, what: Callable[[], bool], seconds: float, why: str) -> None:
        wait(what, lambda: f"{why}; the world is {self.outside.call('counts')}", seconds)

    def notes(self) -> int:
        return int(self.outside.call("counts")["notes"])

    def idle(self) -> bool:
        """Nothing is left to do or under way."""
        busy = self.sql(
            "SELECT 1 FROM acts WHERE state IN ('pending', 'sending', 'unknown', 'parked') "
            "UNION ALL SELECT 1 FROM cases WHERE lease_owner IS NOT NULL LIMIT 1"
        )
        return not busy

    def overdue(self) -> timedelta:
        """How long the oldest expired lease has waited to be taken over."""
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        found = self.sql(
            "SELECT min(until) FROM (SELECT lease_until AS until FROM cases WHERE lease_until < %s "
            "UNION ALL SELECT lease_until FROM acts WHERE lease_until < %s) AS held",
            now,
            now,
        )[0][0]
        return datetime.now(UTC) - datetime.fromisoformat(found) if found else timedelta(0)

    def lost_leases(self) -> int:
        return sum(len(replica.events("lease_lost")) for replica in self.replicas)

    def end(self) -> None:
        for replica in self.replicas:
            replica.kill()


def twice(things: list[str]) -> list[str]:
    return [thing for thing, count in Counter(things).items() if count > 1]


def mails_twice(ids: list[str], url: str) -> list[str]:
    """Message-IDs that came more than once although no answer was lost, by the audit in the store ``url``. A mail whose
    answer was lost comes again, as the same mail."""
    lost = audited(url, "act.lost", "act.unknown")
    explained = {f"{(event.ref or '').lower()}.{event.data['n']:02d}-" for event in lost}
    return [mail for mail in twice(ids) if not any(part in mail for part in explained)]


def check_each_effect_once(crew: Crew, cases: int) -> None:
    """Every case runs, each effect is there once in the world and once in the audit, and there is nothing else. A mail
    may come again if its answer was lost, but with the same Message-ID."""
    effects = crew.outside.call("effects")
    assert twice(effects["schedules"]) == []
    assert twice(effects["notes"]) == []
    assert mails_twice(effects["mails"], crew.postgres.url) == []
    assert len(set(effects["mails"])) == crew.sql("SELECT count(*) FROM acts WHERE kind = 'mail'")[0][0]
    assert len(effects["schedules"]) == cases
    assert len(effects["notes"]) == cases * NOTES_EACH
    assert all(status.endswith("active") for status in effects["statuses"])
    assert twice(effects["acts"]) == [], "a schedule was written to twice alike"
    assert twice([f"{event.ref} {event.data['n']}" for event in audited(crew.postgres.url, "act.done")]) == []
    assert crew.sql("SELECT count(*), count(DISTINCT person) FROM cases")[0] == (cases, cases)
