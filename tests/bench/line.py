"""The two processes that are compared: ``adapter`` (records its calls) and ``bare`` (makes the same calls again)."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import httpx

from adapter.bootstrap import Outside, build
from adapter.engine.jobs import run_forever
from adapter.observability import configure_logging
from adapter.settings import Settings, load_settings
from connectors.http import production_transport

Call = list[Any]


class Recorder(httpx.AsyncBaseTransport):
    """The production transport; every call that goes through it is kept."""

    def __init__(self, connections: int) -> None:
        self.inner = production_transport(max_connections=connections)
        self.calls: list[Call] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length")}
        self.calls.append([request.method, str(request.url), headers, request.content.decode()])
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def adapter(settings: Settings, connections: int) -> list[list[Call]]:
    """Run the service until SIGTERM; its calls, by vendor."""
    recorders = {"lifecare": Recorder(connections), "phoniro": Recorder(connections)}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with build(settings, outside=Outside(transports=recorders)) as service:
        await service.start_store()
        await run_forever(service.runtime, stop)
    return [recorder.calls for recorder in recorders.values()]


async def bare(vendors: list[list[Call]], connections: int) -> float:
    """Make the calls, each vendor's in their order, so many at once; the seconds that it took."""
    began = time.perf_counter()

    async def worker(client: httpx.AsyncClient, left: deque[Call]) -> None:
        while left:
            method, url, headers, content = left.popleft()
            response = await client.request(method, url, headers=headers, content=content.encode() or None)
            await response.aread()

    async def vendor(calls: list[Call]) -> None:
        left = deque(calls)
        async with httpx.AsyncClient(transport=production_transport(max_connections=connections)) as client:
            await asyncio.gather(*(worker(client, left) for _ in range(connections)))

    await asyncio.gather(*(vendor(calls) for calls in vendors))
    return time.perf_counter() - began


def main() -> None:
    kind, record, connections, *config = sys.argv[1:]
    if kind == "adapter":
        settings = load_settings(Path(config[0]))
        with (Path(record).parent / "adapter.log").open("w", encoding="utf-8") as log:
            configure_logging("INFO", json=True, stream=log)
            calls = asyncio.run(adapter(settings, int(connections)))
        Path(record).write_text(json.dumps(calls), encoding="utf-8")
        return
    calls = json.loads(Path(record).read_text(encoding="utf-8"))
    seconds = asyncio.run(bare(calls, int(connections)))
    sys.stdout.write(json.dumps([sum(map(len, calls)), seconds]) + "\n")


if __name__ == "__main__":
    main()
