"""Several replicas on one PostgreSQL, in real processes: killed, frozen and woken, their database away and back.
Slow, as they start, and leases of six seconds run out."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside import Outside
from tests.postgres import Postgres, programs
from tests.replicas.crew import LEASE, NOTES_EACH, Crew, check_each_effect_once
from tests.service import PATIENCE

pytestmark = pytest.mark.process


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL that keeps what it has committed. The test has its own, because it stops it."""
    if programs() is None:
        pytest.skip("NOT TESTED AGAINST POSTGRESQL: no programs of it were found, installed or from the wheel")
    server = Postgres(durable=True)
    yield server
    server.close()


def test_three_replicas_killed_frozen_and_cut_off_do_everything_once(
    tmp_path: Path, server: Postgres, outside: Outside
) -> None:
    crew = Crew(tmp_path, server, outside, size=3)
    first, second, third = crew.replicas
    outside.call("latency", seconds=0.01)
    outside.call("orders", first=0, count=6)
    try:
        for replica in crew.replicas:
            replica.start()
        crew.wait(lambda: crew.notes() >= 4, PATIENCE, "the replicas work")
        first.kill()
        second.signal(signal.SIGSTOP)
        crew.wait(lambda: crew.notes() >= 10, PATIENCE, "the third does all the work")
        crew.cut_connections()
        outside.call("orders", first=6, count=4)
        first.start()
        crew.wait(lambda: len(first.events("service_started")) == 2, PATIENCE, "the first is back")
        crew.wait(lambda: crew.notes() >= 18, PATIENCE, "the new orders are worked on")
        server.stop()
        server.start()
        second.signal(signal.SIGCONT)
        crew.wait(lambda: crew.notes() >= 10 * NOTES_EACH and crew.idle(), PATIENCE, "everything is done")
        assert crew.overdue().total_seconds() < 1, "a lease ran out and nobody took over"
        check_each_effect_once(crew, 10)
        assert third.running
        assert [replica.stop() for replica in crew.replicas] == [0, 0, 0]
    finally:
        crew.end()


def test_a_replica_frozen_in_the_middle_of_an_act_is_fenced_off_when_it_wakes(
    tmp_path: Path, server: Postgres, outside: Outside
) -> None:
    """The vendor has the note, but its answer is never read. The other replica finds the note and stores that."""
    crew = Crew(tmp_path, server, outside, size=2)
    zombie, heir = crew.replicas
    outside.call("orders", first=0, count=1)
    outside.call("fault", vendor="lifecare", kind="delay", method="POST", delay=LEASE)
    try:
        zombie.start()
        crew.wait(lambda: crew.notes() >= 1, PATIENCE, "the first note is written")
        zombie.signal(signal.SIGSTOP)
        heir.start()
        crew.wait(lambda: crew.notes() == NOTES_EACH and crew.idle(), PATIENCE, "the heir does the rest")
        zombie.signal(signal.SIGCONT)
        # If it was frozen in a transaction, the database has ended its session.
        crew.wait(
            lambda: bool(crew.lost_leases() or zombie.events("store_unavailable")),
            PATIENCE,
            "the zombie is told that its lease is gone",
        )
        check_each_effect_once(crew, 1)
        assert [replica.stop() for replica in crew.replicas] == [0, 0]
    finally:
        crew.end()
