"""One vendor's HTTP client: it has limits, repeats calls that are safe to repeat, and raises only
``connectors.errors``."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import httpx
from aiolimiter import AsyncLimiter
from httpx_aiohttp import AiohttpTransport
from tenacity import RetryCallState, retry, stop_after_attempt, wait_random_exponential

from connectors.errors import NotSent, TooLong, Transient, VendorError
from connectors.http import classify
from connectors.http.answer import Answer
from connectors.http.body import CODINGS, read_body
from connectors.http.proxy import proxy_for

Sleep = Callable[[float], Awaitable[None]]
OnCall = Callable[[str, str, int | None, str, float], None]
"""``on_call(vendor, call, status, outcome, seconds)`` after each call that was sent. ``outcome`` is ``ok`` or the name
of the error's class, or ``GivenUp`` if the caller was cancelled after it had waited for the answer (``WAITED``);
``call`` never holds a URL, ``seconds`` are counted from sending. A call that was given up before it was sent (for
example because no token came in time) isn't reported."""
GIVEN_UP = "GivenUp"
WAITED = 5.0
"""Seconds. Who gives up sooner has reasons of its own, as when the database is away. That says nothing of the
vendor."""

_READS = ("GET", "HEAD")
_MAY_WRITE: ContextVar[Callable[[], bool]] = ContextVar("may_write", default=lambda: True)


@contextmanager
def writing_while(allowed: Callable[[], bool]) -> Iterator[None]:
    """While this is open, a write is sent only if ``allowed()`` is true; otherwise it raises ``NotSent``. GET and HEAD
    are always sent. ``allowed`` is called at the last moment, after every wait for a turn or a token."""
    before = _MAY_WRITE.set(allowed)
    try:
        yield
    finally:
        _MAY_WRITE.reset(before)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of one vendor client; times in seconds. ``total_timeout`` is for a whole call, if a body comes very
    slowly."""

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    total_timeout: float = 120.0
    max_concurrent: int = 8
    per_second: float = 20.0
    """Requests per second. The same number may be sent at once, and at least one."""
    attempts: int = 3
    first_wait: float = 0.25
    longest_wait: float = 4.0
    longest_retry_after: float = 5.0
    """A longer ``Retry-After`` isn't waited for here. It is passed on in ``Transient.retry_after``."""
    longest_body: int = 4 * 1024 * 1024
    """Bytes of an answer, if the call gives no other limit: ten times a page of a thousand rows. A longer answer is an
    error, so that it can't take all memory."""
    trust: ssl.SSLContext | bool = True
    """The trusted certificates. True reads the system's list for this client alone (25 ms, 0.7 MB)."""
    proxy: str = field(default="", repr=False)
    """A proxy's URL, ``none``, or empty to use the environment's."""


def mute_library_loggers() -> None:
    """Stop the libraries from logging our URLs, which hold the key and identity numbers (L3). httpx logs each one at
    INFO."""
    for name in ("httpx", "httpcore", "aiohttp"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


def production_transport(
    *, verify: ssl.SSLContext | bool = True, max_connections: int = 100, proxy: httpx.Proxy | None = None
) -> AiohttpTransport:
    """HTTP/1.1 only (L4) over aiohttp, at a fifth of the CPU of httpx's own transport (encode/httpx#3215)."""
    limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=5.0)
    return AiohttpTransport(verify=verify, http2=False, limits=limits, proxy=proxy)


class VendorHttp:
    """The HTTP side of one vendor: an ``httpx.AsyncClient``, whose errors become ``connectors.errors``.

    ``params`` and ``headers`` go with every call. ``secrets`` and the bearer token are taken out of the vendor's words.
    ``transport`` replaces the network (tests, simulation), ``sleep`` the waits between retries.

    Raises ``httpx.InvalidURL`` for an invalid base URL. The settings refuse such a URL.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        secrets: Collection[str] = (),
        settings: HttpSettings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        mute_library_loggers()
        self.vendor = vendor
        self.settings = given = settings or HttpSettings()
        self._base, self._params = str(httpx.URL(base_url)).rstrip("/"), dict(params or {})
        self._secrets, self._on_call = tuple(secrets), on_call
        self._pace = AsyncLimiter(max(given.per_second, 1.0), max(1.0, 1.0 / given.per_second))
        self._slots = asyncio.Semaphore(given.max_concurrent)
        self._backoff = wait_random_exponential(multiplier=given.first_wait, max=given.longest_wait)
        self._repeatedly = retry(
            stop=stop_after_attempt(given.attempts),
            wait=self._wait,
            retry=self._worth_repeating,
            sleep=sleep,
            reraise=True,
        )(self._exchange)
        self._client = httpx.AsyncClient(
            # ASP.NET may send another format to a client that accepts anything.
            headers={
                "Accept": "application/json",
                "Accept-Encoding": CODINGS,
                "User-Agent": "trygghetskamera-adapter",
                **(headers or {}),
            },
            auth=auth,
            timeout=httpx.Timeout(given.read_timeout, connect=given.connect_timeout, pool=given.connect_timeout),
            transport=transport
            or production_transport(
                verify=given.trust, max_connections=given.max_concurrent, proxy=proxy_for(base_url, given.proxy)
            ),
            event_hooks={"request": [self._about_to_send]},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        call: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        accept: Collection[int] = (),
        longest: int | None = None,
    ) -> Answer:
        """Make one call. The answer is 2xx or has a status in ``accept``; anything else raises a ``VendorError``.

        An answer of more than ``longest`` bytes (default: ``longest_body``) raises ``TooLong``, or ``AmbiguousWrite``
        for a write.

        ``path`` is relative to the base URL, with its ids percent-encoded (``path_segment``). ``call`` names the call
        in errors and metrics (``GET executions``). ``repeatable`` (default: only GET and HEAD) says that sending it
        twice does no harm. Only such calls are repeated. A lost answer is ``Transient`` for them and ``AmbiguousWrite``
        for all others.
        """
        safe = method in _READS if repeatable is None else repeatable
        # The URL is built here, because httpx would parse it three times, a tenth of the cost of a call.
        url = httpx.URL(f"{self._base}/{path.lstrip('/')}", params={**self._params, **(params or {})})
        request = self._client.build_request(
            method,
            url,
            json=json,
            data=form,
            headers=headers,
            extensions={"call": call, "longest": longest or self.settings.longest_body},
        )
        if not safe:
            return await self._exchange(request, call, safe, accept)
        return await self._repeatedly(request, call, safe, accept)

    def _worth_repeating(self, state: RetryCallState) -> bool:
        """Only this call's own errors, and only after it was sent. An error of the token's call, before that, was
        repeated there already."""
        error, (request, call, *_) = state.outcome.exception() if state.outcome else None, state.args
        if not isinstance(error, Transient) or isinstance(error, NotSent) or error.call != call:
            return False
        if "sent_at" not in request.extensions:
            return False
        return (error.retry_after or 0.0) <= self.settings.longest_retry_after

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, VendorError) else None
        return max(self._backoff(state), asked or 0.0)

    async def _exchange(self, request: httpx.Request, call: str, safe: bool, accept: Collection[int]) -> Answer:
        async with self._pace, self._slots:
            try:
                result = await self._once(request, call, safe, accept)
            except asyncio.CancelledError:
                self._report(request, call, None, GIVEN_UP)
                raise
        self._report(request, call, result.status, "ok" if isinstance(result, Answer) else type(result).__name__)
        if isinstance(result, Answer):
            return result
        raise result

    def _report(self, request: httpx.Request, call: str, status: int | None, outcome: str) -> None:
        if self._on_call is not None and (sent_at := request.extensions.get("sent_at")) is not None:
            seconds = asyncio.get_running_loop().time() - sent_at
            if outcome != GIVEN_UP or seconds >= WAITED:
                self._on_call(self.vendor, call, status, outcome, seconds)

    async def _once(
        self, request: httpx.Request, call: str, safe: bool, accept: Collection[int]
    ) -> Answer | VendorError:
        """Returns the error instead of raising it, so that it isn't chained to an exception that holds the URL."""
        request.extensions.pop("sent_at", None)  # of an attempt before
        request.extensions["until"] = asyncio.get_running_loop().time() + self.settings.total_timeout
        try:
            async with asyncio.timeout_at(request.extensions["until"]):
                response = await self._client.send(request, stream=True)
                body = await read_body(response, request.extensions["longest"])
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as failure:  # OSError: TimeoutError
            sent = "sent_at" in request.extensions
            return classify.of_failure(failure, vendor=self.vendor, call=call, repeatable=safe, sent=sent)
        read = body if isinstance(body, bytes) else b""
        answer = Answer(self.vendor, call, safe, response.status_code, response.headers, read)
        if response.is_success or response.status_code in accept:
            if read.lstrip()[:1] == b"<":  # a page from a server in front of the vendor; the vendor didn't answer
                return answer.broken("the answer is not JSON")
            if isinstance(body, bytes):
                return answer
            if body.too_long and safe:
                return TooLong(body.reason, vendor=self.vendor, call=call, status=response.status_code)
            return answer.broken(body.reason)
        secrets = (*self._secrets, request.headers.get("Authorization", "").removeprefix("Bearer "))
        return classify.of_status(response, read, vendor=self.vendor, call=call, repeatable=safe, secrets=secrets)

    async def _about_to_send(self, request: httpx.Request) -> None:
        """httpx's hook before each request is sent, also a repeated one. Raises ``NotSent``."""
        if request.method not in _READS and not _MAY_WRITE.get()():
            reason = "its turn came too late; it was not sent"
            raise NotSent(reason, vendor=self.vendor, call=request.extensions["call"])
        request.extensions["sent_at"] = asyncio.get_running_loop().time()


def path_segment(value: object) -> str:
    """An id as one segment of a path, so that it can't lead elsewhere. Raises ``ValueError`` for ``""`` and ``..``."""
    segment = quote(str(value), safe="")
    if segment in ("", ".", ".."):
        raise ValueError("an id is empty or a relative path")
    return segment
