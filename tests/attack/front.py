"""A server in front of a simulated vendor. It passes calls on, or answers some of them like an attacker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

Evil = Callable[[str], AsyncIterator[bytes] | None]
"""By path and query of a GET: what is sent instead of the vendor's answer, piece by piece; None passes the call on."""


class Front:
    """``evil`` can be changed while it serves. ``passed`` and ``evils`` count the calls by their path's last part."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self.evil: Evil = lambda _: None
        self.passed: Counter[str] = Counter()
        self.evils: Counter[str] = Counter()
        self.url = ""
        self.serving: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            given = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            body = await reader.readexactly(int(given.get("content-length", "0")))
            method, target, _ = lines[0].split(" ")
            name = urlsplit(target).path.rpartition("/")[2]
            evil = self.evil(target) if method == "GET" else None
            if evil is None:
                await self._pass_on(lines, body, writer)
                self.passed[name] += 1
            else:
                self.evils[name] += 1
                async for piece in evil:
                    writer.write(piece)
                    await writer.drain()
        writer.close()

    async def _pass_on(self, lines: list[str], body: bytes, writer: asyncio.StreamWriter) -> None:
        kept = [line for line in lines[:-2] if not line.lower().startswith("connection:")]
        reader, behind = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        behind.write("\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1") + body)
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        behind.close()


@asynccontextmanager
async def in_front_of(upstream: str) -> AsyncIterator[Front]:
    front = Front(upstream)
    server = await asyncio.start_server(front.connected, "127.0.0.1", 0, limit=2**20)
    front.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield front
    finally:
        server.close()
        for task in front.serving:
            task.cancel()
        await asyncio.gather(*front.serving, return_exceptions=True)
