"""The HTTP side as one application, and how it is served within the daemon's own event loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from adapter.log_events import log
from adapter.ops import case_pages, followup_pages, health, hooks, metrics, sign_in_pages
from adapter.ops.connections import BACKLOG, LARGEST_HEAD, BodyLimits, Connection, keep_descriptors
from adapter.ops.context import OpsContext
from adapter.ops.metrics import MetricsCache
from adapter.ops.pages import Pages, answer_errors
from adapter.ops.safe_headers import SafeHeaders
from adapter.settings.model import OpsSettings


def create_app(ops: OpsContext) -> FastAPI:
    """Health, metrics, webhook and, unless it is switched off, the status page. The API description is at
    ``/openapi.json``."""
    app = FastAPI(
        title="Trygghetskamera adapter",
        version=ops.version,
        description="Health, metrics, and hints that something changed in Lifecare.",
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimits)
    app.add_middleware(SafeHeaders)
    app.state.ops, app.state.metrics = ops, MetricsCache(ops)
    ops.limits.hooks.allow(ops.settings.hooks_per_minute)
    routers = [health.routes, metrics.routes, hooks.routes]
    if ops.settings.pages:
        app.state.pages = Pages(ops)
        answer_errors(app)
        # The follow-up comes before the cases, because the addresses of the cases are more general.
        routers += [followup_pages.routes, case_pages.routes, sign_in_pages.routes]
        if ops.settings.oidc:
            from adapter.ops.openid import OpenId  # here, because only OpenID Connect needs its libraries

            app.state.openid = OpenId(ops.settings.oidc, ops.settings.public_url)
            routers += [sign_in_pages.openid_routes]
    for routes in routers:
        app.include_router(routes)
    return app


async def serve(app: ASGIApp, settings: OpsSettings, stop: asyncio.Event) -> None:
    """Listen until ``stop`` is set. If the address can't be used, that is logged and the daemon goes on."""
    config = uvicorn.Config(
        app,
        interface="asgi3",  # otherwise uvicorn takes a method for an ASGI 2 application
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # The caller is the one who connects. Only the settings say which proxy may name somebody else.
        proxy_headers=False,
        lifespan="off",
        http=Connection,
        ws="none",
        backlog=BACKLOG,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=2,
    )
    keep_descriptors()
    server = _Server(config)
    listening = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        results = await asyncio.gather(listening, return_exceptions=True)
    for failure in (r for r in results if isinstance(r, BaseException)):
        log("ops_unavailable", host=settings.host, port=settings.port, reason=type(failure).__name__)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the daemon has them, and a busy port must not end the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # uvicorn exits
        try:
            await super().startup(sockets)  # type: ignore[arg-type]
        except SystemExit:
            raise OSError("the address is taken") from None
        for listener in self.servers:
            for socket in listener.sockets:
                log("ops_listening", host=self.config.host, port=socket.getsockname()[1])
