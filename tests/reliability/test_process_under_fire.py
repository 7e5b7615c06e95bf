"""The real process while its database is locked, removed and put back, and while its disk is full."""

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest

from tests.outside import Outside
from tests.replicas.crew import NOTES_EACH
from tests.service import Replica, configured, rows, wait

pytestmark = pytest.mark.process

CASES = 10
"""In the middle of which the disk is full."""


@pytest.fixture
def lease_seconds() -> float:
    """What was read or sent when the database went away continues when its lease has run out."""
    return 4


def test_it_says_so_once_waits_and_goes_on_when_its_database_is_back(
    tmp_path: Path, outside: Outside, replica: Replica
) -> None:
    database = tmp_path / "adapter.db"

    def away() -> int:
        return len(replica.events("store_unavailable"))

    def notes(count: int) -> None:
        wait(lambda: outside.call("counts")["notes"] == count, replica.said)

    replica.start()
    outside.call("orders", first=0, count=1)
    notes(NOTES_EACH)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outside.call("orders", first=1, count=1)
        wait(lambda: away() == 1, replica.said)
        assert "locked by another process" in replica.said()
    notes(2 * NOTES_EACH)

    wait(lambda: rows(database, "SELECT 1 FROM acts WHERE state NOT IN ('done', 'dropped')") == [], replica.said)
    database.rename(tmp_path / "kept.db")
    outside.call("orders", first=2, count=1)
    wait(lambda: away() == 2, replica.said)
    assert "put the file back, and the adapter goes on by itself" in replica.said()
    assert replica.running
    assert not database.exists(), "it is never begun anew: every message would be sent again"
    (tmp_path / "kept.db").rename(database)
    notes(3 * NOTES_EACH)
    assert replica.stop() == 0
    assert away() == 2
    effects = outside.call("effects")
    assert len(set(effects["notes"])) == len(effects["notes"]) == 3 * NOTES_EACH
    assert len(set(effects["schedules"])) == len(effects["schedules"]) == 3


class Disk(Protocol):
    """The place of the database. It can be full, and have space again."""

    folder: Path

    def fill(self, pid: int) -> None: ...

    def free(self, pid: int) -> None: ...


class SmallDisk:
    """A file system of its own, filled by another file. SQLite's log alone takes four megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(4096)):
                    pass
            except OSError:
                return

    def free(self, pid: int) -> None:
        (self.folder / "ballast").unlink()


class SmallFiles:
    """If nothing can be mounted, the process's files can't grow, and SQLite takes that for a failing disk. The
    process's log is a file too, but much shorter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        self._limit(pid, 128 * 1024)

    def free(self, pid: int) -> None:
        self._limit(pid, resource.RLIM_INFINITY)

    def _limit(self, pid: int, size: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        yield SmallDisk(folder)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    elif hasattr(resource, "prlimit"):
        yield SmallFiles(folder)
    else:
        pytest.skip("NOT TRIED: a full disk. Neither can one be mounted here, nor can files be kept from growing")


def test_a_full_disk_is_told_once_and_waited_for_and_nothing_is_lost(
    tmp_path: Path, outside: Outside, disk: Disk
) -> None:
    database = disk.folder / "adapter.db"
    config = configured(tmp_path, outside, f"sqlite:///{database}", poll_seconds=1, settle_seconds=1, lease_seconds=4)
    replica = Replica(config, tmp_path / "log")

    def notes() -> int:
        return int(outside.call("counts")["notes"])

    replica.start()
    try:
        assert replica.process is not None
        outside.call("orders", first=0, count=1)
        wait(lambda: notes() == NOTES_EACH, replica.said)
        disk.fill(replica.process.pid)
        outside.call("orders", first=1, count=CASES - 1)
        wait(lambda: len(replica.events("store_unavailable")) >= 1, replica.said)
        assert "the disk is full or failing" in replica.events("store_unavailable")[0]["error"]
        sent = notes()
        assert sent < CASES * NOTES_EACH
        time.sleep(2.5)  # every job has had its turn by then
        assert replica.running
        assert notes() <= sent + 2 * NOTES_EACH, "nothing more is begun that can't be written down"
        disk.free(replica.process.pid)
        wait(lambda: notes() == CASES * NOTES_EACH, replica.said)
        wait(lambda: rows(database, "SELECT 1 FROM acts WHERE state NOT IN ('done', 'dropped')") == [], replica.said)
        assert replica.stop() == 0
    finally:
        replica.kill()
    assert len(replica.events("store_unavailable")) == 1
    effects = outside.call("effects")
    assert len(set(effects["notes"])) == len(effects["notes"]) == CASES * NOTES_EACH
    assert len(set(effects["schedules"])) == len(effects["schedules"]) == CASES
