"""What the attacks attack: the real daemon, its vendors behind fronts, and measurements from outside."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.attack.front import Front, in_front_of
from tests.outside import Outside, mapping_without_quiet_hours
from tests.service import Replica, free_port, toml

TOKEN = "attack-token-0123456789"
ENGINE: dict[str, Any] = {
    "poll_seconds": 1,
    "watch_seconds": 2,
    "awaiting_minutes": 0.05,
    "settle_seconds": 1,
    "lease_seconds": 4,
    "retry_first_seconds": 1,
    "retry_cap_seconds": 2,
}
UNIT_MEMORY = 512
"""``MemoryMax`` of the unit, in MiB."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of an attack, in words and figures, and whether the adapter passed."""

    told: str
    held: bool


class Daemon(Replica):
    """The process, its memory and its log."""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def peak(self) -> int:
        """Most resident memory since ``begin_peak``, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def begin_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def errors(self) -> int:
        """Lines of level ERROR."""
        return self.log.read_text(encoding="utf-8").count('"level": "error"')

    @property
    def log_bytes(self) -> int:
        return self.log.stat().st_size


class AttackedDaemon:
    """One daemon for one attack or several."""

    def __init__(self, folder: Path, outside: Outside, lifecare: Front, phoniro: Front, port: int) -> None:
        self.folder, self.outside, self.lifecare, self.phoniro, self.port = folder, outside, lifecare, phoniro, port
        self.daemon = Daemon(folder / "adapter.toml", folder / "log")
        self.disk: Path | None = None
        """Where the database stands on a file system of its own."""

    async def until(self, holds: Callable[[], bool], seconds: float = 30) -> bool:
        """Whether it becomes true within the given time."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.05)
        return True

    async def get(self, path: str, head: str = "", *, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        """Status (0: none within 10 s) and answer of one request to the daemon."""
        try:
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                length = f"Content-Length: {len(body)}\r\n" if body else ""
                request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}{head}\r\n"
                writer.write(request.encode() + body)
                answer = await reader.read(-1)
                writer.close()
        except (OSError, TimeoutError):
            return 0, b""
        return (int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0), answer

    async def healthy(self) -> bool:
        return (await self.get("/healthz"))[0] == 200

    async def goes_on(self, seconds: float = 15) -> bool:
        """Whether vendor calls go on and the daemon answers."""
        before = self.lifecare.passed.total()
        return await self.healthy() and await self.until(lambda: self.lifecare.passed.total() > before + 5, seconds)

    async def becomes_ready(self, seconds: float = 30) -> bool:
        end = time.monotonic() + seconds
        while (await self.get("/readyz"))[0] != 200:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.5)
        return True

    def set_clock(self, ahead: float) -> None:
        """Of a daemon that was started ``wrong_clock``."""
        new = self.folder / "clock.new"
        new.write_text(str(ahead), encoding="ascii")
        new.rename(self.folder / "clock")

    async def works(self, first: int, seconds: float = 60) -> bool:
        """Whether a new order is carried through to its schedule."""
        before = self.outside.call("counts")["schedules"]
        await asyncio.to_thread(self.outside.call, "orders", first=first, count=1)
        return await self.until(lambda: self.outside.call("counts")["schedules"] > before, seconds)

    def keep_log(self) -> None:
        """Keeps the logs in the folder ``ATTACK_LOGS``, if it is set."""
        if keep := os.environ.get("ATTACK_LOGS"):
            Path(keep, f"{self.folder.name}.log").write_bytes(self.daemon.log.read_bytes())

    def start(self) -> None:
        self.daemon.start()

    def write_settings(self, *, ops: Mapping[str, object] | None = None) -> None:
        tenant = self.outside.tenant(mapping_without_quiet_hours(self.folder))
        tenant["lifecare"]["base_url"], tenant["phoniro"]["base_url"] = self.lifecare.url, self.phoniro.url
        files = {name: str(self.folder / name) + ".toml" for name in ("resync_file", "adopt_file")}
        settings = {
            "pseudonym_key": "a key for tests only",
            "store": {"url": f"sqlite:///{self.disk or self.folder}/adapter.db"},
            "logs": {"level": "INFO", "format": "json"},
            "engine": {**files, **ENGINE},
            "ops": {"enabled": True, "port": self.port, "token": TOKEN, **(ops or {})},
            "tenants": {"exempel": tenant},
        }
        self.daemon.config.write_text(toml(settings), encoding="utf-8")


@asynccontextmanager
async def attacked_daemon(
    *, wrong_clock: bool = False, disk: bool = False, ops: Mapping[str, object] | None = None
) -> AsyncIterator[AttackedDaemon]:
    """A daemon that has carried through the first order; ``wrong_clock``: its clock can be set, ``disk``: its
    database has a file system of its own, where one can be had."""
    with TemporaryDirectory(prefix="attack-") as name, ExitStack() as inner:
        folder = Path(name)
        outside = inner.enter_context(Outside())
        async with in_front_of(outside.lifecare) as lifecare, in_front_of(outside.phoniro) as phoniro:
            it = AttackedDaemon(folder, outside, lifecare, phoniro, free_port())
            if disk:
                it.disk = inner.enter_context(small_disk(folder))
            if wrong_clock:
                it.set_clock(0)
                os.environ["CLOCK_FILE"] = str(folder / "clock")
                it.daemon.module = "tests.attack.wrong_clock"
            it.write_settings(ops=ops)
            outside.call("orders", first=0, count=1)
            it.start()
            try:
                if not await it.until(lambda: outside.call("counts")["schedules"] == 1, 90):
                    raise RuntimeError("the daemon did no work:\n" + it.daemon.log.read_text(encoding="utf-8")[-2000:])
                yield it
            finally:
                it.daemon.kill()
                it.keep_log()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
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
