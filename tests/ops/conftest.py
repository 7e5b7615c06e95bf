"""The HTTP side over a world, called in process, with the world's own clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from adapter.bootstrap import Service
from adapter.ops import app
from adapter.ops.app import create_app
from adapter.ops.context import OpsContext
from adapter.ops.error_log import ErrorLog
from adapter.ops.rate_limits import Limits
from adapter.ops.vendor_calls import VendorCalls
from adapter.ops.watchdog import Watchdog
from adapter.settings.model import OpsSettings
from tests.service import free_port
from tests.world import World

SECRET = b"a secret for the hooks"
TOKEN = "a token for the status page"


@dataclass
class Site:
    """A world, and the HTTP side that shows it."""

    world: World
    ops: OpsContext
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.ops)

    def client(self, host: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


def site_of(world: World, settings: OpsSettings | None = None) -> Site:
    return Site(world, ops_of(world.service, VendorCalls(world.clock.now), settings))


def ops_of(service: Service, calls: VendorCalls, settings: OpsSettings | None = None) -> OpsContext:
    return OpsContext(
        runtime=service.runtime,
        settings=settings or OpsSettings(enabled=True),
        printers=service.printers,
        calls=calls,
        errors=ErrorLog(service.runtime.clock.now),
        watchdog=Watchdog(),
        limits=Limits(service.runtime.clock.now),
        version="0.0",
        hook_secrets={"exempel": SECRET},
        suppress_below=service.settings.followup.suppress_below,
        metrics_seconds=0,
    )


@asynccontextmanager
async def served(application: FastAPI) -> AsyncIterator[int]:
    """The application on a port of its own, which is given, as the daemon serves it."""
    port, stop = free_port(), asyncio.Event()
    serving = asyncio.create_task(app.serve(application, OpsSettings(enabled=True, port=port), stop))
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            break
    try:
        yield port
    finally:
        stop.set()
        await serving


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with World() as world:
        yield site_of(world)


@pytest.fixture
async def guarded() -> AsyncIterator[Site]:
    async with World() as world:
        yield site_of(world, OpsSettings(enabled=True, token=SecretStr(TOKEN)))
