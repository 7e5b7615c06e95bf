"""A simulated vendor as an ASGI application, over real sockets with uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.mock.wire import Answer, Cut, Handler, Request, problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 4 * 1024 * 1024
ABORT = "connectors.mock.abort"


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


def asgi_app(handler: Handler) -> Application:
    """The handler as an ASGI application for HTTP.

    A body over ``BODY_LIMIT`` bytes is answered 413. A :class:`Cut` closes the connection without a byte of an answer
    under :class:`CuttableProtocol`, elsewhere in the middle of one. A delay is waited out, unless the client goes.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"only HTTP is served, not {scope['type']}")
        body = await _read(receive)
        try:
            answer = problem(413, "Content Too Large") if body is None else handler(_request(scope, body))
        except Cut as cut:
            if await _client_waits(cut.delay, receive):
                await _cut(scope, receive, send)
            return
        if await _client_waits(answer.delay, receive):
            await _send(answer, send)

    return app


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    raw_query = scope["query_string"].decode("latin-1")
    return Request.of(scope["method"], scope["path"], raw_query=raw_query, headers=headers, body=body)


async def _read(receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= BODY_LIMIT else None


async def _client_waits(seconds: float, receive: Receive) -> bool:
    """Wait; False as soon as the client has gone, so that a long delay holds up no shutdown."""
    if seconds <= 0:
        return True
    try:
        await asyncio.wait_for(receive(), seconds)
    except TimeoutError:
        return True
    return False


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _cut(scope: Scope, receive: Receive, send: Send) -> None:
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is not None:
        abort()
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"cut", "more_body": True})


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers (who runs it ends it), and with word of when it has started."""

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
async def listening(handler: Handler, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
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
    with socket.create_server((host, port)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.ready.wait()
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
