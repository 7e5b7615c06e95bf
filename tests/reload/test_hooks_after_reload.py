"""What outlives a reload works by the new settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapter.cli.http_server import HttpServer
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


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.01)


def _listening(world: World) -> object:
    return world.settings.ops.model_copy(update={"enabled": True, "port": 0})
