"""A simulated vendor as an httpx transport in process: no socket, no thread, thousands of requests per second."""

from __future__ import annotations

import httpx

from connectors.mock.routing import Answer, Cut, Handler, Request


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands httpx's requests to a handler; nothing is awaited. A :class:`Cut` is ``httpx.ReadError``; an answer that is
    delayed beyond the request's read time-out is ``httpx.ReadTimeout``, at once."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request. Raises httpx.ReadError and httpx.ReadTimeout."""
        asked = await to_request(request)
        try:
            answer = self._handler(asked)
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
