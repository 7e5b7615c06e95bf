"""A simulated vendor as an httpx transport in process: no socket, no thread, thousands of requests per second."""

import httpx

from connectors.mock.routing import Cut, Handler


class InProcessTransport(httpx.MockTransport):
    """Hands httpx's requests to a handler; nothing is slept. What is delayed beyond the request's read time-out, a cut
    too, is ``httpx.ReadTimeout`` at once."""

    def __init__(self, handler: Handler) -> None:
        def patient(request: httpx.Request) -> httpx.Response:
            try:
                answer = handler(request)
            except Cut as cut:
                _check_read_timeout(request, cut.delay)
                raise
            _check_read_timeout(request, answer.extensions.get("delay", 0))
            return answer

        super().__init__(patient)


def _check_read_timeout(request: httpx.Request, delay: float) -> None:
    limit: float | None = request.extensions.get("timeout", {}).get("read")
    if limit is not None and delay > limit:
        raise httpx.ReadTimeout("the answer did not come in time", request=request)
