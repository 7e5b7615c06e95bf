"""The simulated vendors over real sockets: one ASGI application each, with uvicorn, both in one process.

Admin paths ask for no token: bind to the loopback address only.
"""

import asyncio
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.routing import Clock, Cut, Handler, problem

BODY_LIMIT = 4 * 1024 * 1024
ABORT = "connectors.mock.abort"
_ORIGIN = re.compile(rb"^https?://[^/?#]*")
"""What a client that takes us for a proxy writes before the path (RFC 9112, section 3.2.2)."""


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


def asgi_app(handler: Handler) -> ASGIApp:
    """The handler as an ASGI application for HTTP.

    A body over ``BODY_LIMIT`` bytes is answered 413, a target that is no path 400. A :class:`Cut` closes the connection
    without a byte of an answer (:class:`CuttableProtocol`). A delay is waited for, unless the client leaves first. A
    request that is cut off reaches no vendor.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        http = Request(scope, receive)
        try:
            body = await http.body()
        except ClientDisconnect:
            return
        path = _ORIGIN.sub(b"", scope["raw_path"]) or b"/"
        try:
            url = httpx.URL(scheme="http", host="vendor", raw_path=path + b"?" + scope["query_string"])
            request = httpx.Request(http.method, url, headers=http.headers.raw, content=body)
            answer = handler(request) if len(body) <= BODY_LIMIT else problem(413, "Content Too Large")
        except httpx.InvalidURL:  # as "*", or with a "#"
            answer = problem(400, "Bad Request", "The request's target is no path.")
        except Cut as cut:
            if await _client_waits(cut.delay, receive):
                scope["extensions"][ABORT]()
                await receive()
            return
        if await _client_waits(answer.extensions.get("delay", 0), receive):
            await Response(answer.content, answer.status_code, answer.headers)(scope, receive, send)

    return app


async def _client_waits(seconds: float, receive: Receive) -> bool:
    """Wait so long. False as soon as the client is gone: a long delay must not hold up a shutdown."""
    if seconds <= 0:
        return True
    try:
        await asyncio.wait_for(receive(), seconds)
    except TimeoutError:
        return True
    return False


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol that lets the application cut its connection: ASGI itself has no word for that."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected (asyncio)."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("HTTP needs a stream transport")
        # Headers and body are written apart; without this the body waits 40 ms for the client's delayed ACK. asyncio
        # does it by itself only on sockets that were made with the protocol's number.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, "extensions": {ABORT: transport.abort}}, receive, send)

        self.app = app


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to whoever runs it, and says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[str]:
    """Serve a handler until the block ends; gives its URL. Port 0 is a free port. Raises OSError where it is taken."""
    config = uvicorn.Config(
        asgi_app(handler),
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # a vendor dates its answers by its own clock
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.ready.wait()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass(frozen=True, slots=True)
class RunningSimulators:
    """Both running vendors and their addresses."""

    lifecare_url: str
    phoniro_url: str
    lifecare: SimulatedLifecare
    phoniro: SimulatedPhoniro


@asynccontextmanager
async def running_simulators(
    clock: Clock = utc_now, *, lifecare_port: int = 0, phoniro_port: int = 0
) -> AsyncIterator[RunningSimulators]:
    """Run both vendors until the block ends; port 0 is a free port. Raises OSError where a port is taken."""
    lifecare, phoniro = SimulatedLifecare(clock), SimulatedPhoniro(clock)
    async with (
        listening(lifecare.handle, port=lifecare_port) as lifecare_url,
        listening(phoniro.handle, port=phoniro_port) as phoniro_url,
    ):
        yield RunningSimulators(lifecare_url, phoniro_url, lifecare, phoniro)


async def serve(lifecare_port: int = 0, phoniro_port: int = 0, *, ready: Callable[[RunningSimulators], None]) -> None:
    """Run both vendors until cancelled, SIGTERM or SIGINT; ``ready`` is called once, when they are listening."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    async with running_simulators(lifecare_port=lifecare_port, phoniro_port=phoniro_port) as running:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            ready(running)
            await stop.wait()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
