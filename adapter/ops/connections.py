"""Limits on connections: how many, how slow, how large. No caller can take what the work needs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 100
"""Connections at once. The next one takes the place of a connection from the address that has most of them."""
BACKLOG: Final = 32
"""Connections that the system accepts and keeps waiting for us."""
HEAD_SECONDS: Final = 10.0
"""How long a connection may wait before a whole request head has come."""
BODY_SECONDS: Final = 15.0
LARGEST_HEAD: Final = 16 * 1024
LARGEST_BODY: Final = 16 * 1024
"""Bytes in a body. Only the page that tries out texts about times takes more (``LARGEST_TEXT``)."""
LARGEST_TEXT: Final = 200 * 1024


class Connection(H11Protocol):
    """uvicorn's own connection, with two limits. A connection that sends no request or doesn't read its answer is
    closed, and one is closed at once when there are too many. uvicorn's own limit counts all callers together, so one
    caller could use it up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.since = self.began = time.monotonic()
        self.loop.call_later(HEAD_SECONDS, self._look)
        others = [c for c in self.connections if isinstance(c, Connection) and not c.transport.is_closing()]
        others.remove(self)
        if len(others) >= MOST:
            self._first_to_go(others).transport.abort()

    @staticmethod
    def _first_to_go(connections: list[Connection]) -> Connection:
        """Choose the address that has most connections, and there the connection that has kept us waiting longest, or
        the oldest if none does. A reverse proxy is one address, so a flood through it takes only the proxy's places."""
        count = Counter(c.address for c in connections)

        def least_missed(c: Connection) -> tuple[int, bool, float]:
            waits = c.keeps_us_waiting
            return -count[c.address], not waits, c.since if waits else c.began

        return min(connections, key=least_missed)

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def answering(self) -> bool:
        """Whether a request is being answered and the caller reads the answer."""
        under_way = not getattr(self.cycle, "response_complete", True)  # cycle is None before the first request
        return under_way and not self.flow.write_paused

    @property
    def keeps_us_waiting(self) -> bool:
        """Whether it is the caller's turn: to send a request or the rest of a body, or to read."""
        return not self.answering or self.cycle.more_body

    def pause_writing(self) -> None:
        self.since = time.monotonic()
        super().pause_writing()

    def on_response_complete(self) -> None:
        self.since = time.monotonic()
        super().on_response_complete()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if not self.answering and time.monotonic() - self.since >= HEAD_SECONDS:
            self.transport.abort()
            return
        self.loop.call_later(HEAD_SECONDS, self._look)


class BodyLimits:
    """Middleware that limits the size of a body and the time it may take. It refuses multipart forms, because their
    files would be written to disk. A body that is cut off is the caller's error, not ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        multipart = Headers(scope=scope).get("content-type", "").lower().startswith("multipart/")
        largest = LARGEST_TEXT if scope["path"] == "/times" else LARGEST_BODY
        until, left, whole = time.monotonic() + BODY_SECONDS, largest, False

        async def limited() -> Message:
            nonlocal left, whole
            if multipart:
                raise HTTPException(415, "multipart forms aren't accepted")
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(until - time.monotonic(), 0.0))
            except TimeoutError:
                raise HTTPException(408, "the body took too long") from None
            if message["type"] != "http.request":
                raise HTTPException(400, "the body was cut off")
            left -= len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if left < 0:
                raise HTTPException(413, f"the body is larger than {largest} bytes")
            return message

        await self._app(scope, limited, send)


def keep_descriptors() -> None:
    """Allow this process as many files and sockets as the system permits. The work needs some of the default 1,024."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else 65_536, hard))
