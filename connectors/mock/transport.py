"""A simulated vendor as an httpx transport in process: no socket, no thread, thousands of requests per second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from connectors.mock.wire import Answer, Cut, Handler, Request

Before = Callable[[Request], Awaitable[None]]
After = Callable[[Request, Answer], Awaitable[None]]


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands httpx's requests to a handler.

    ``before`` is awaited before the vendor sees the request, ``after`` when it has answered and before the client hears
    of it: there a simulation lets others run, moves its clock by ``answer.delay``, or crashes (what a hook raises comes
    out as it is). Otherwise nothing is awaited. A :class:`Cut`, by the vendor or by a hook, is ``httpx.ReadError``; an
    answer delayed beyond the request's read time-out is ``httpx.ReadTimeout``, at once.
    """

    def __init__(self, handler: Handler, *, before: Before | None = None, after: After | None = None) -> None:
        self._handler = handler
        self._before = before
        self._after = after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request. Raises httpx.ReadError and httpx.ReadTimeout."""
        asked = await to_request(request)
        try:
            if self._before is not None:
                await self._before(asked)
            answer = self._handler(asked)
            if self._after is not None:
                await self._after(asked, answer)
        except Cut as cut:
            _check_read_timeout(request, cut.delay)
            raise httpx.ReadError(str(cut), request=request) from None
        _check_read_timeout(request, answer.delay)
        return to_response(answer, request)


async def to_request(request: httpx.Request) -> Request:
    """What httpx asks, as a simulated vendor takes it."""
    raw_query = request.url.query.decode("ascii")
    body = await request.aread()
    return Request.of(request.method, request.url.path, raw_query=raw_query, headers=request.headers, body=body)


def to_response(answer: Answer, request: httpx.Request) -> httpx.Response:
    """What a simulated vendor answers, as httpx gives it."""
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)


def _check_read_timeout(request: httpx.Request, delay: float) -> None:
    limit: float | None = request.extensions.get("timeout", {}).get("read")
    if limit is not None and delay > limit:
        raise httpx.ReadTimeout("the answer did not come in time", request=request)
