"""No attacks, but bad days: the clock, the disk and the backup, with the real process."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attack.attacked_daemon import AttackedDaemon, Seen, attacked_daemon
from tests.outside import ROOT
from tests.replicas.crew import NOTES_EACH

DAY = 86_400
STEPS = (-3600, 3600, -DAY, DAY, 200 * DAY, -200 * DAY)


async def set_clock() -> Seen:
    """An hour and a day back and forth, and half a year."""
    async with attacked_daemon(module="tests.attack.wrong_clock") as it:
        ahead, faults = 0, []
        for n, step in enumerate(STEPS, 1):
            ahead += step
            new = it.folder / "clock.new"
            new.write_text(str(ahead), encoding="ascii")
            new.rename(it.folder / "clock")
            seen = {
                "noticed": await it.until(lambda: len(it.events("clock_stepped")) >= n, 60),  # noqa: B023  # awaited here
                "at work": await it.goes_on(30),
                "ready": await _becomes_ready(it),
                "a new order": ahead > DAY or await it.works(50 + n, 90),
            }
            faults += [f"{step} s: not {what}" for what, held in seen.items() if not held]
        faults += _twice(it)
        return Seen("; ".join(faults) or f"{len(STEPS)} steps, each said; ready and at work after each", not faults)


async def _becomes_ready(it: AttackedDaemon) -> bool:
    for _ in range(60):
        if (await it.get("/readyz"))[0] == 200:
            return True
        await asyncio.sleep(0.5)
    return False


def _twice(it: AttackedDaemon) -> list[str]:
    """Schedules and notes that are there more than once."""
    effects = it.outside.call("effects")
    return [f"{what} twice" for kind in ("schedules", "notes") for what, n in Counter(effects[kind]).items() if n > 1]


async def read_only_disk() -> Seen:
    """The database's disk becomes read-only while the adapter works."""
    with TemporaryDirectory(prefix="attack-") as folder, _small_disk(Path(folder)) as disk:
        if disk is None:
            return Seen("NOT TRIED: no file system can be mounted here", held=True)
        async with attacked_daemon(disk=disk) as it:
            # A note that was claimed before may still go out, so none is left.
            await it.until(lambda: it.outside.call("counts")["notes"] == NOTES_EACH)
            _break(disk)
            before = it.outside.call("counts")["notes"]
            it.outside.call("orders", first=50, count=3)
            said = await it.until(lambda: bool(it.events("store_unavailable")), 60)
            await asyncio.sleep(5)
            alive, lines = await it.healthy() and it.running, it.errors()
            sent = it.outside.call("counts")["notes"] - before
            _mend(it, disk)
            done = await it.until(lambda: it.outside.call("counts")["schedules"] == 4, 90)
            done = await it.until(lambda: it.outside.call("counts")["notes"] == 4 * NOTES_EACH, 30) and done
            twice = _twice(it)
            told = f"{lines} ERROR lines, {sent} notes meanwhile; then all is done: {done}"
            told += f"; {'; '.join(twice) or 'nothing twice'}"
            return Seen(told, said and alive and sent == 0 and done and not twice)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own, whose errors make it read-only; None where none can be mounted."""
    image, disk = folder / "image", folder / "disk"
    disk.mkdir()
    image.write_bytes(bytes(48 * 2**20))
    made = [["mkfs.ext4", "-q", "-F", str(image)], ["mount", "-o", "loop,errors=remount-ro", str(image), str(disk)]]
    try:
        ok = all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in made)
    except FileNotFoundError:
        ok = False
    try:
        yield disk if ok else None
    finally:
        if ok:
            subprocess.run(["umount", "--lazy", str(disk)], check=False)


def _break(disk: Path) -> None:
    """Like a failing disk controller: the kernel makes the file system read-only under the open files."""
    device = next(line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if f" {disk} " in line)
    Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error").write_text("1", encoding="ascii")


def _mend(it: AttackedDaemon, disk: Path) -> None:
    """Like an operator: check and mount the file system again, and start the service."""
    it.kill()
    for command in (
        ["umount", str(disk)],
        ["e2fsck", "-y", "-f", str(disk.parent / "image")],
        ["mount", "-o", "loop,errors=remount-ro", str(disk.parent / "image"), str(disk)],
    ):
        subprocess.run(command, capture_output=True, check=False)
    it.start()


async def yesterdays_copy() -> Seen:
    """The database is put back from a copy. The copy has all of one case, half of another, and not the third."""
    async with attacked_daemon() as it:
        copy, database = it.folder / "copy.db", it.folder / "adapter.db"
        it.outside.call("orders", first=50, count=1, notes=3)
        await it.until(lambda: it.outside.call("counts")["notes"] >= NOTES_EACH + 3, 60)
        backup = [sys.executable, "-m", "adapter", "db", "backup", str(copy), "--config", str(it.config)]
        await asyncio.to_thread(subprocess.run, backup, check=True, cwd=ROOT, capture_output=True)
        it.outside.call("goes_on", i=50, notes=3)
        went = await it.until(lambda: it.outside.call("counts")["schedules"] == 2, 60)
        it.stop()
        for name in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
            name.unlink(missing_ok=True)
        copy.rename(database)
        it.start()
        works = await it.works(60, 90)
        effects = it.outside.call("effects")
        once = len(set(effects["schedules"])) == len(effects["schedules"]) == 3
        again = sum(n - 1 for n in Counter(effects["notes"]).values())
        told = f"one start since the copy: {went}; put back and at work: {works}; schedules each once: {once}"
        return Seen(f"{told}; notes again, with their mark: {again}", went and works and once)


ATTACKS = {
    "the clock set by hours, days, months": set_clock,
    "the disk turns read-only": read_only_disk,
    "put back from yesterday's copy": yesterdays_copy,
}
