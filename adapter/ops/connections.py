"""Limits on who connects, so that nobody's connections take what the work needs: how many, how slow, how large."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 100
"""Connections at once; whoever comes next takes the place of one of the caller who has most of them."""
BACKLOG: Final = 32
"""Connections that are taken at once, before one that is too many is closed."""
HEAD_SECONDS: Final = 10.0
"""How long a connection may be without a whole request head."""
BODY_SECONDS: Final = 15.0
LARGEST_HEAD: Final = 16 * 1024
LARGEST_BODY: Final = 16 * 1024
"""Bytes, for anything but the texts that are tried out on the page."""
LARGEST_TEXT: Final = 200 * 1024
SAFE: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
POLICIES: Final = {
    "text/html": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""What a page may, and what anything else may, which is nothing."""


class Connection(H11Protocol):
    """uvicorn's own, but that one is closed that asks for nothing or reads nothing of its answer, and one at once where
    there are too many: uvicorn's own limit is for all callers together, so that one could use it up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.since = self.began = time.monotonic()
        self.loop.call_later(HEAD_SECONDS, self._look)
        others = [c for c in self.connections if isinstance(c, Connection) and not c.transport.is_closing()]
        others.remove(self)
        if len(others) >= MOST:
            self._first_to_go(others).transport.abort()

    @staticmethod
    def _first_to_go(among: list[Connection]) -> Connection:
        """Of the address that has most: the one that has kept us waiting longest, else the oldest. A reverse proxy is
        one address: who floods through it takes its places, and nobody else's."""
        of = Counter(c.address for c in among)

        def least_missed(c: Connection) -> tuple[int, bool, float]:
            waits = c.keeps_us_waiting
            return -of[c.address], not waits, c.since if waits else c.began

        return min(among, key=least_missed)

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def asked(self) -> bool:
        """Whether a request of it is being answered, and the answer read."""
        answering = not getattr(self.cycle, "response_complete", True)  # None before the first request
        return answering and not self.flow.write_paused

    @property
    def keeps_us_waiting(self) -> bool:
        """Whether it is the caller's turn: to ask, to send the rest of a body, or to read."""
        return not self.asked or self.cycle.more_body

    def pause_writing(self) -> None:
        self.since = time.monotonic()
        super().pause_writing()

    def on_response_complete(self) -> None:
        self.since = time.monotonic()
        super().on_response_complete()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if not self.asked and time.monotonic() - self.since >= HEAD_SECONDS:
            self.transport.abort()
            return
        self.loop.call_later(HEAD_SECONDS, self._look)


class BodyLimits:
    """Middleware: a body has its size and its time, and is no multipart form, whose files would be written to disk. One
    that is cut off is the caller's fault and no error of ours."""

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
                raise HTTPException(415, "no multipart forms are taken")
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


class SafeHeaders:
    """Middleware: what every answer tells a browser; to a caller who came by TLS, if only as far as a proxy before us,
    also that this host is never to be asked without."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                be_safe(headers)
                if by_tls(Headers(scope=scope), scope["scheme"]):
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, with_headers)


def be_safe(headers: MutableHeaders) -> None:
    """Let a browser guess, frame and keep nothing of an answer, and save JSON rather than show it."""
    kind = headers.get("content-type", "").partition(";")[0]
    headers.update({**SAFE, "Content-Security-Policy": POLICIES.get(kind, POLICIES[""])})
    if kind == "application/json":
        headers["Content-Disposition"] = 'attachment; filename="answer.json"'


def by_tls(headers: Headers, scheme: str) -> bool:
    """Whether the caller's side is TLS, which a proxy before us may end and then says so. Anybody may say it: all that
    comes of it is that their own browser sends nothing in clear."""
    return headers.get("x-forwarded-proto", scheme).partition(",")[0].strip().lower() == "https"


def keep_descriptors() -> None:
    """As many files and sockets as the system allows this process: of the default of 1,024 the work needs some too."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else 65_536, hard))
