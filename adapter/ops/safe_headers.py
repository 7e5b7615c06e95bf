"""The headers of every answer by which a browser guesses, frames, keeps and runs nothing (CSP, HSTS)."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
POLICIES: Final = {
    "text/html": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""What the browser may do with a page. With any other answer it may do nothing."""


class SafeHeaders:
    """Middleware that adds the safety headers to every answer. A caller who came by TLS (to us or to a proxy before us)
    is also told to use only TLS with this host from now on."""

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
    """Tell the browser not to guess the type of an answer, not to put it into a frame and not to keep it, and to save
    JSON instead of showing it."""
    kind = headers.get("content-type", "").partition(";")[0]
    headers.update({**SAFE, "Content-Security-Policy": POLICIES.get(kind, POLICIES[""])})
    if kind == "application/json":
        headers["Content-Disposition"] = 'attachment; filename="answer.json"'


def by_tls(headers: Headers, scheme: str) -> bool:
    """Whether the caller uses TLS. A proxy before us may end TLS and say so in a header. Any caller can send that
    header, but then only their own browser stops sending in clear."""
    return headers.get("x-forwarded-proto", scheme).partition(",")[0].strip().lower() == "https"
