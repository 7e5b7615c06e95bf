"""What the attacks attack: the real daemon, its vendors behind fronts, and measurements from outside."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.attack.front import Front, in_front_of
from tests.outside import Outside, mapping_without_quiet_hours
from tests.service import Replica, free_port, write_config

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


class AttackedDaemon(Replica):
    """The daemon behind fronts, its memory, its log and its answers. Its database stands on ``disk`` if that is given,
    otherwise in ``folder``."""

    def __init__(
        self, folder: Path, outside: Outside, lifecare: Front, phoniro: Front, *, disk: Path | None, **ops: object
    ) -> None:
        self.folder, self.outside, self.lifecare, self.phoniro = folder, outside, lifecare, phoniro
        self.port = free_port()
        tenant = outside.tenant(mapping_without_quiet_hours(folder))
        tenant["lifecare"]["base_url"], tenant["phoniro"]["base_url"] = lifecare.url, phoniro.url
        url, side = f"sqlite:///{disk or folder}/adapter.db", {"enabled": True, "port": self.port, "token": TOKEN}
        config = write_config(folder / "adapter.toml", url, {"exempel": tenant}, ops=side | ops, **ENGINE)
        super().__init__(config, folder / "log", CLOCK_FILE=str(folder / "clock"))

    def peak(self) -> int:
        """Most resident memory since ``begin_peak``, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def begin_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def errors(self) -> int:
        """Lines of level ERROR."""
        return self.said().count('"level": "error"')

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

    async def works(self, first: int, seconds: float = 60) -> bool:
        """Whether a new order is carried through to its schedule."""
        before = self.outside.call("counts")["schedules"]
        await asyncio.to_thread(self.outside.call, "orders", first=first, count=1)
        return await self.until(lambda: self.outside.call("counts")["schedules"] > before, seconds)


@asynccontextmanager
async def attacked_daemon(
    *, module: str = "adapter", disk: Path | None = None, ops: Mapping[str, object] | None = None
) -> AsyncIterator[AttackedDaemon]:
    """A daemon that has carried through the first order. ``module`` runs instead of the adapter."""
    with TemporaryDirectory(prefix="attack-") as folder, Outside() as outside:
        async with in_front_of(outside.lifecare) as lifecare, in_front_of(outside.phoniro) as phoniro:
            it = AttackedDaemon(Path(folder), outside, lifecare, phoniro, disk=disk, **(ops or {}))
            it.module = module
            (it.folder / "clock").write_text("0", encoding="ascii")
            outside.call("orders", first=0, count=1)
            it.start()
            try:
                if not await it.until(lambda: outside.call("counts")["schedules"] == 1, 90):
                    raise RuntimeError("the daemon did no work:\n" + it.said()[-2000:])
                yield it
            finally:
                it.kill()
