"""The real process while its database is locked, removed and put back, and while its disk is full."""

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.outside import Outside
from tests.replicas.crew import NOTES_EACH, twice
from tests.service import Replica, configured, rows, wait

pytestmark = pytest.mark.process

CASES = 10
"""Among the last of which the disk is full."""
UNFINISHED = "SELECT 1 FROM acts WHERE state NOT IN ('done', 'dropped')"


@dataclass(frozen=True)
class Disk:
    """The place of the database. It can be full, and have space again. Where no file system of its own can be mounted
    and filled by another file, the process's files can't grow, which SQLite takes for a failing disk. (The process's
    log is a file too, but much shorter; SQLite's log alone takes four megabytes.)"""

    folder: Path
    mounted: bool

    def fill(self, pid: int) -> None:
        if not self.mounted:
            self._limit(pid, 128 * 1024)
            return
        with (self.folder / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while ballast.write(bytes(4096)):
                pass

    def free(self, pid: int) -> None:
        if self.mounted:
            (self.folder / "ballast").unlink()
        else:
            self._limit(pid, resource.RLIM_INFINITY)

    def _limit(self, pid: int, size: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    if not mounted and not hasattr(resource, "prlimit"):
        pytest.skip("NOT TRIED: a full disk. Neither can one be mounted here, nor can files be kept from growing")
    yield Disk(folder, mounted)
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_it_says_once_that_its_database_is_locked_gone_or_full_waits_goes_on_by_itself_and_loses_nothing(
    tmp_path: Path, outside: Outside, disk: Disk
) -> None:
    """What was read or sent when the database went away continues when its lease has run out. Slow, as that takes four
    seconds each time."""
    database = disk.folder / "adapter.db"
    config = configured(tmp_path, outside, f"sqlite:///{database}", poll_seconds=1, settle_seconds=1, lease_seconds=4)
    replica = Replica(config, tmp_path / "log")

    def notes() -> int:
        return int(outside.call("counts")["notes"])

    def told(times: int, why: str) -> None:
        wait(lambda: len(replica.events("store_unavailable")) == times, replica.said)
        assert why in replica.events("store_unavailable")[-1]["error"]

    def goes_on(cases: int) -> None:
        wait(lambda: notes() == cases * NOTES_EACH, replica.said)
        wait(lambda: rows(database, UNFINISHED) == [], replica.said)

    replica.start()
    try:
        outside.call("orders", first=0, count=1)
        goes_on(1)
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            outside.call("orders", first=1, count=1)
            told(1, "locked by another process")
        goes_on(2)

        database.rename(disk.folder / "kept.db")
        outside.call("orders", first=2, count=1)
        told(2, "put the file back, and the adapter goes on by itself")
        assert replica.running
        assert not database.exists(), "it is never begun anew: every message would be sent again"
        (disk.folder / "kept.db").rename(database)
        goes_on(3)

        disk.fill(replica.pid)
        outside.call("orders", first=3, count=CASES - 3)
        told(3, "the disk is full or failing")
        sent = notes()
        assert sent < CASES * NOTES_EACH
        time.sleep(2.5)  # every job has had its turn by then
        assert replica.running
        assert notes() <= sent + 2 * NOTES_EACH, "nothing more is begun that can't be written down"
        disk.free(replica.pid)
        goes_on(CASES)
        assert replica.stop() == 0
    finally:
        replica.kill()
    assert len(replica.events("store_unavailable")) == 3
    effects = outside.call("effects")
    assert (twice(effects["notes"]), twice(effects["schedules"])) == ([], [])
    assert (len(effects["notes"]), len(effects["schedules"])) == (CASES * NOTES_EACH, CASES)
