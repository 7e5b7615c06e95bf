"""``make chaos``: random faults of replicas, database and vendors for minutes; then each effect is there once.

``python -m tests.replicas.chaos --minutes 5 --replicas 3 --seed 1``
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.outside import Outside
from tests.postgres import Postgres
from tests.replicas.crew import LEASE, NOTES_EACH, Crew, check_each_effect_once
from tests.service import Replica

SLACK = 20.0
"""A lease may be held so much longer than its end: the machine is busy, and the database may be away."""


class Chaos:
    """One run. Every fault ends by itself, or at the next round."""

    def __init__(self, crew: Crew, rng: random.Random) -> None:
        self.crew = crew
        self.rng = rng
        self.cases = 0
        self.frozen: dict[Replica, float] = {}

    def trouble(self) -> str:
        """Cause a random fault, and return its name."""
        crew = self.crew
        replica = self.rng.choice(crew.replicas)
        match self.rng.randrange(7):
            case 0:
                self.wake(replica)
                replica.kill()
                replica.start()
                return "a replica killed (SIGKILL) and started again"
            case 1:
                if len(self.frozen) < len(crew.replicas) - 1:
                    replica.signal(signal.SIGSTOP)
                    self.frozen.setdefault(replica, time.monotonic() + self.rng.uniform(0.1, LEASE * 2.5))
                return "a replica frozen (SIGSTOP)"
            case 2:
                crew.cut_connections()
                return "all connections to the database cut"
            case 3:
                crew.postgres.stop(fast=self.rng.random() < 0.5)
                time.sleep(self.rng.uniform(0, 3))
                crew.postgres.start()
                return "the database stopped and started"
            case 4:
                self.fault("cut_after", "POST")
                return "answers to writes lost"
            case 5:
                self.fault("status_before", "GET")
                return "reads answered 503"
            case _:
                self.fault("delay", "POST", delay=self.rng.uniform(0.5, LEASE))
                return "answers to writes late"

    def fault(self, kind: str, method: str, **more: float) -> None:
        vendor = self.rng.choice(["lifecare", "phoniro"])
        times = self.rng.randrange(1, 6)
        self.crew.outside.call("fault", vendor=vendor, kind=kind, method=method, times=times, **more)

    def wake(self, replica: Replica) -> None:
        if self.frozen.pop(replica, None) is not None:
            replica.signal(signal.SIGCONT)

    def wake_those_due(self) -> None:
        for replica in [replica for replica, at in self.frozen.items() if at < time.monotonic()]:
            self.wake(replica)

    def order(self) -> None:
        count = self.rng.randrange(4)
        self.crew.outside.call("orders", first=self.cases, count=count)
        self.cases += count

    def run(self, seconds: float) -> None:
        for replica in self.crew.replicas:
            replica.start()
        started = [replica.log for replica in self.crew.replicas]
        self.crew.wait(lambda: all("service_started" in log.read_text() for log in started), 60, "all have started")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.order()
            say(f"{self.cases:4} orders, {self.crew.notes():5} notes: {self.trouble()}")
            time.sleep(self.rng.uniform(0.2, 4))
            self.wake_those_due()
            overdue = self.crew.overdue().total_seconds()
            if overdue > LEASE + SLACK:
                raise AssertionError(f"a lease ran out {overdue:.0f} s ago and nobody took over")

    def settle(self) -> None:
        """No more faults: everything is done, and each thing once."""
        for replica in list(self.frozen):
            self.wake(replica)
        self.crew.wait(
            lambda: self.crew.notes() >= self.cases * NOTES_EACH and self.crew.idle(), 180, "everything is done"
        )
        check_each_effect_once(self.crew, self.cases)


def say(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    say(f"seed {given.seed}, {given.replicas} replicas, {given.minutes} minutes")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    postgres = Postgres(durable=True)
    try:
        with Outside() as outside:
            crew = Crew(folder, postgres, outside, size=given.replicas)
            chaos = Chaos(crew, random.Random(given.seed))
            try:
                chaos.run(given.minutes * 60)
                chaos.settle()
            finally:
                crew.end()
    finally:
        postgres.close()
    lost = crew.lost_leases()
    say(f"{chaos.cases} orders, each effect once; {lost} times somebody was fenced off; logs in {folder}")


if __name__ == "__main__":
    main()
