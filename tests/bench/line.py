"""The processes that are measured: ``adapter`` (records its calls), ``bare`` (makes the same calls again), ``durable``
(makes thirteen for each order in DBOS), ``idle`` (cycles in which nothing happened), ``compare`` (all schedules,
beside a bare listing)."""

import asyncio
import gc
import json
import resource
import signal
import sys
import time
from collections import deque
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from adapter.bootstrap import Outside, build
from adapter.engine.comparison import compare
from adapter.engine.feed_reader import read_feeds
from adapter.engine.jobs import run_forever
from adapter.engine.worker import work
from adapter.observability import configure_logging
from adapter.settings.load import load_settings
from adapter.settings.model import Settings
from connectors.http.client import production_transport
from tests.bench.durable import durable, signed_in

Call = list[Any]


class Recorder(httpx.AsyncBaseTransport):
    """The production transport; every call that goes through it is kept, as cheaply as can be: this is on the adapter's
    account, and not on that of the bare client."""

    def __init__(self, connections: int) -> None:
        self.inner = production_transport(max_connections=connections)
        self.kept: list[tuple[str, httpx.URL, list[tuple[bytes, bytes]], bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.kept.append((request.method, request.url, request.headers.raw, request.content))
        return await self.inner.handle_async_request(request)

    @property
    def calls(self) -> list[Call]:
        return [
            [
                method,
                str(url),
                {k.decode(): v.decode() for k, v in headers if k.lower() not in (b"host", b"content-length")},
                content.decode(),
            ]
            for method, url, headers, content in self.kept
        ]

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
        async with httpx.AsyncClient(transport=production_transport(max_connections=connections)) as client:
            await signed_in(client, calls)
            left = deque(calls)
            await asyncio.gather(*(worker(client, left) for _ in range(connections)))

    await asyncio.gather(*(vendor(calls) for calls in vendors))
    return time.perf_counter() - began


async def idle(settings: Settings, cycles: int = 20) -> list[float]:
    """Calls and milliseconds of a cycle in which nothing happened: the median of some, after a few to settle."""
    recorders = {"lifecare": Recorder(16), "phoniro": Recorder(16)}
    times: list[float] = []
    async with build(settings, outside=Outside(transports=recorders)) as service:
        await service.start_store()
        (tenant,) = service.runtime.tenants.values()
        for cycle in range(cycles + 3):
            if cycle == 3:
                for recorder in recorders.values():
                    recorder.kept.clear()
            began = time.perf_counter()
            await read_feeds(service.runtime, tenant)
            await work(service.runtime)
            times.append((time.perf_counter() - began) * 1000)
    calls = sum(len(recorder.kept) for recorder in recorders.values()) / cycles
    return [calls, median(times[3:])]


async def compared(settings: Settings) -> list[float]:
    """Schedules listed, seconds of the comparison and of the same calls bare, and the peak of memory in MB."""
    recorders = {"lifecare": Recorder(16), "phoniro": Recorder(16)}
    async with build(settings, outside=Outside(transports=recorders)) as service:
        await service.start_store()
        (tenant,) = service.runtime.tenants.values()
        began = time.perf_counter()
        found = await compare(service.runtime, tenant)
        seconds = time.perf_counter() - began
        if found.same != found.listed or found.missing:
            raise RuntimeError(f"not as they were left: {found.listed} listed, {found.same} same")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [found.listed, seconds, await bare([recorders["phoniro"].calls], 1), peak]


def main() -> None:
    kind, *arguments = sys.argv[1:]
    if kind in ("idle", "compare"):
        configure_logging("ERROR", json=True, stream=sys.stderr)
        settings = load_settings(Path(arguments[0]))
        sys.stdout.write(json.dumps(asyncio.run(idle(settings) if kind == "idle" else compared(settings))) + "\n")
        return
    record, connections, *config = arguments
    # As ``adapter run`` does once it has started.
    gc.collect()
    gc.freeze()
    if kind == "adapter":
        settings = load_settings(Path(config[0]))
        with (Path(record).parent / "adapter.log").open("w", encoding="utf-8") as log:
            configure_logging("INFO", json=True, stream=log)
            calls = asyncio.run(adapter(settings, int(connections)))
        Path(record).write_text(json.dumps(calls), encoding="utf-8")
        return
    calls = json.loads(Path(record).read_text(encoding="utf-8"))
    work = bare(calls, int(connections)) if kind == "bare" else durable(calls, int(connections), *config)
    seconds = asyncio.run(work)
    sys.stdout.write(json.dumps([sum(map(len, calls)), seconds]) + "\n")


if __name__ == "__main__":
    main()
