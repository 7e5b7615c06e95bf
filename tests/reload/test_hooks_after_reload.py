"""What outlives a reload works by the new settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from adapter.cli.http_server import HttpServer
from tests.attack.stage import free_port
from tests.world import World


async def test_a_hook_after_a_reload_is_read_by_the_service_that_came_with_it() -> None:
    async with World() as before, World() as after:
        side, stop = HttpServer(before.settings.model_copy(update={"ops": _listening(before)})), asyncio.Event()
        running = asyncio.ensure_future(side.run(before.service, stop))
        await _until(lambda: side.ops is not None)
        side.use(after.service)
        read_before = len(before.lifecare.received())
        assert side.ops is not None
        side.ops.poll_soon("exempel")
        await _until(lambda: bool(after.lifecare.received()))
        assert len(before.lifecare.received()) == read_before
        stop.set()
        await running


async def test_who_asks_over_a_socket_is_answered_before_and_after_a_reload() -> None:
    port = free_port()
    async with World() as before, World() as after:
        ops = before.settings.ops.model_copy(update={"enabled": True, "port": port})
        side, stop = HttpServer(before.settings.model_copy(update={"ops": ops})), asyncio.Event()
        running = asyncio.ensure_future(side.run(before.service, stop))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            statuses = []
            for service in (before.service, after.service):
                await _until(lambda: side.ops is not None)
                side.use(service)
                async with asyncio.timeout(30):
                    while True:
                        try:
                            statuses.append((await client.get("/healthz")).status_code)
                            break
                        except httpx.ConnectError:
                            await asyncio.sleep(0.01)
        assert statuses == [200, 200]
        stop.set()
        await running


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.01)


def _listening(world: World) -> object:
    return world.settings.ops.model_copy(update={"enabled": True, "port": 0})
