"""One vendor's HTTP: limits, retries of what is safe to repeat, and no exception but ``connectors.errors``."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, TypeVar
from urllib.parse import quote_plus, urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import BaseModel, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from connectors.errors import AmbiguousWrite, ContractBroken, NotSent, Transient, VendorError
from connectors.http import verdict
from connectors.http.direct import Direct

Sleep = Callable[[float], Awaitable[None]]
OnCall = Callable[[str, str, int | None, str, float], None]
"""``on_call(vendor, call, status, outcome, seconds)`` after each exchange: ``outcome`` is ``ok`` or the name of the
error's class, ``call`` never holds a URL."""

M = TypeVar("M", bound=BaseModel)

_MAY_WRITE: ContextVar[Callable[[], bool]] = ContextVar("may_write", default=lambda: True)


@contextmanager
def writing_while(allowed: Callable[[], bool]) -> Iterator[None]:
    """Within, nothing but a GET or HEAD is sent once ``allowed`` is False: such a call is ``NotSent``. It is asked at
    the last moment, behind every wait for a turn: whoever waited, or slept, past its right to act sends nothing."""
    before = _MAY_WRITE.set(allowed)
    try:
        yield
    finally:
        _MAY_WRITE.reset(before)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of one vendor client; times in seconds. ``total`` bounds a whole exchange (a body that only trickles)."""

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    total_timeout: float = 120.0
    max_concurrent: int = 8
    per_second: float | None = 20.0
    """Requests per second, in bursts of at most as many; None is no limit."""
    attempts: int = 3
    first_wait: float = 0.25
    longest_wait: float = 4.0
    longest_retry_after: float = 5.0
    """A longer ``Retry-After`` is not waited for here but handed on in ``Transient.retry_after``."""
    longest_body: int = 64 * 1024 * 1024
    """Bytes of an answer that are read; a longer one is no answer, so that none can take all memory."""
    trust: ssl.SSLContext | bool = True
    """Whose certificates are trusted; True reads the authorities' list for this client alone (25 ms, 0.7 MB)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, or one of a status that the caller accepts.

    What can't be read of it is ``ContractBroken`` on a read and ``AmbiguousWrite`` on a write.
    """

    vendor: str
    call: str
    repeatable: bool
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def server_time(self) -> datetime | None:
        """The ``Date`` header (aware UTC), for the skew between the vendor's clock and ours."""
        return verdict.http_date(self.headers.get("Date"))

    def json(self) -> Any:
        """The body as JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            error = self.broken("the answer is not JSON")
        raise error

    def parse(self, model: type[M]) -> M:
        """The body as ``model``; the error names the fields at fault and none of their values."""
        document = self.json()
        try:
            return model.model_validate(document)
        except ValidationError as failure:
            error = self.broken(f"the answer is no {model.__name__}: {faults_of(failure)}")
        raise error

    def broken(self, reason: str) -> VendorError:
        """The error, to be raised by the caller, for an answer that is not what the contract says."""
        kind = ContractBroken if self.repeatable else AmbiguousWrite
        return kind(reason, vendor=self.vendor, call=self.call, status=self.status)


def faults_of(failure: ValidationError) -> str:
    """``field.path (kind of fault), ...``: never a value, which can be personal."""
    faults = failure.errors(include_url=False, include_context=False, include_input=False)
    return ", ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'} ({fault['type']})" for fault in faults[:5])


def mute_library_loggers() -> None:
    """Nobody else logs our URLs, which carry the key and identity numbers (L3): httpx logs each one at INFO."""
    for name in ("httpx", "httpcore", "aiohttp"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


def production_transport(
    *, verify: ssl.SSLContext | bool = True, proxy: str | None = None, max_connections: int = 100
) -> httpx.AsyncBaseTransport:
    """HTTP/1.1 only (L4) over aiohttp, at a fifth of the CPU of httpx's own transport (encode/httpx#3215)."""
    limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=5.0)
    return AiohttpTransport(
        verify=verify, trust_env=True, http2=False, limits=limits, proxy=httpx.Proxy(proxy) if proxy else None
    )


class Pace:
    """Lets ``per_second`` requests through, in bursts of at most one second's worth. Times in seconds."""

    def __init__(self, per_second: float | None, clock: Callable[[], float], sleep: Sleep) -> None:
        self._gap = 1.0 / per_second if per_second else 0.0
        self._slack = max(0.0, 1.0 - self._gap)
        self._clock, self._sleep = clock, sleep
        self._next = float("-inf")

    async def wait(self) -> None:
        if not self._gap:
            return
        now = self._clock()
        turn = max(self._next, now - self._slack)
        self._next = turn + self._gap
        if turn > now:
            await self._sleep(turn - now)


class VendorHttp:
    """The HTTP side of one vendor. ``query`` holds the parameters that every call carries.

    Raises ``httpx.InvalidURL`` for a base URL that can't be read, which the settings don't let through.

    ``transport`` replaces the network (tests, simulation); ``sleep`` serves retries and pace; ``monotonic`` is the
    clock of pace and durations, ``now`` (aware UTC) is used for ``Retry-After`` dates alone.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        query: Mapping[str, str] | None = None,
        settings: HttpSettings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        mute_library_loggers()
        self.vendor = vendor
        self.settings = settings or HttpSettings()
        self._on_call, self._sleep, self._monotonic, self._now = on_call, sleep, monotonic, now
        self._pace = Pace(self.settings.per_second, monotonic, sleep)
        self._slots = asyncio.Semaphore(self.settings.max_concurrent)
        self._backoff = wait_random_exponential(multiplier=self.settings.first_wait, max=self.settings.longest_wait)
        self._base = str(httpx.URL(base_url)).rstrip("/") + "/"
        self._query = urlencode(query or {})
        self._client = Direct(
            self._base,
            transport or production_transport(verify=self.settings.trust, max_connections=self.settings.max_concurrent),
            httpx.Timeout(self.settings.read_timeout, connect=self.settings.connect_timeout),
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
    ) -> Answer:
        """One call; the answer is 2xx or a status in ``accept``, anything else is raised as a ``VendorError``.

        ``path`` is relative to the base URL, ids in it already percent-encoded (``path_segment``). ``call`` names the
        call in errors and metrics (``GET executions``). ``repeatable`` (default: GET and HEAD only) says that sending
        it twice does no harm (a token): only such calls are retried, and a lost answer is ``Transient`` for them, where
        it is ``AmbiguousWrite`` for all others.
        """
        safe = method in ("GET", "HEAD") if repeatable is None else repeatable
        request = self._client.build_request(method, self._url(path, params), json=json, data=form, headers=headers)
        try:
            return await self._exchange(request, call, safe, accept)
        except Transient as error:
            if not safe:
                raise
            first = error
        return await self._again(first, request, call, accept)

    def _url(self, path: str, params: Mapping[str, str] | None) -> str:
        """Whole, and as httpx would write it, so that it need not be parsed. The parameters' names are our own and need
        no encoding."""
        given = [f"{name}={_quoted(value)}" for name, value in (params or {}).items()]
        query = "&".join((*given, self._query) if self._query else given)
        return f"{self._base}{path.lstrip('/')}{'?' if query else ''}{query}"

    async def _again(self, first: Transient, request: httpx.Request, call: str, accept: Collection[int]) -> Answer:
        """What is safe to repeat is, a few times. The first try was made outside, as nearly all need no other."""
        tried: list[Transient] = [first]

        async def attempt() -> Answer:
            if tried:
                raise tried.pop()
            return await self._exchange(request, call, True, accept)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.settings.attempts),
            wait=self._wait,
            retry=retry_if_exception(self._worth_waiting),
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _worth_waiting(self, error: BaseException) -> bool:
        if isinstance(error, NotSent):
            return False
        return isinstance(error, Transient) and (error.retry_after or 0.0) <= self.settings.longest_retry_after

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, Transient) else None
        return max(self._backoff(state), asked or 0.0)

    async def _exchange(self, request: httpx.Request, call: str, safe: bool, accept: Collection[int]) -> Answer:
        await self._pace.wait()
        async with self._slots:
            began = self._monotonic()
            if request.method not in ("GET", "HEAD") and not _MAY_WRITE.get()():
                raise NotSent("its turn came too late; it was not sent", vendor=self.vendor, call=call)
            result = await self._once(request, call, safe, accept)
        seconds = self._monotonic() - began
        if isinstance(result, Answer):
            self._tell(call, result.status, "ok", seconds)
            return result
        self._tell(call, result.status, type(result).__name__, seconds)
        raise result

    async def _once(
        self, request: httpx.Request, call: str, safe: bool, accept: Collection[int]
    ) -> Answer | VendorError:
        """Returns the error, so that it is raised outside of any ``except``: chained to nothing that holds the URL."""
        try:
            async with asyncio.timeout(self.settings.total_timeout):
                response = await self._client.send(request)
                body = await _body(response, self.settings.longest_body)
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as failure:  # OSError: TimeoutError
            return verdict.of_failure(failure, vendor=self.vendor, call=call, repeatable=safe)
        answer = Answer(self.vendor, call, safe, response.status_code, response.headers, body or b"")
        if body is None:
            return answer.broken(f"the answer is longer than {self.settings.longest_body} bytes")
        if response.is_success or response.status_code in accept:
            return answer
        return verdict.of_status(
            response.status_code,
            response.headers,
            answer.body,
            vendor=self.vendor,
            call=call,
            repeatable=safe,
            now=self._now(),
        )

    def _tell(self, call: str, status: int | None, outcome: str, seconds: float) -> None:
        if self._on_call is not None:
            self._on_call(self.vendor, call, status, outcome, seconds)


def _quoted(value: str) -> str:
    # Most are numbers and words, and looking for what to quote costs ten times as much.
    return value if value.isascii() and value.isalnum() else quote_plus(value)


async def _body(response: httpx.Response, longest: int) -> bytes | None:
    """The body, or None once it is longer than ``longest`` bytes: the rest is not read."""
    body = bytearray()
    plain = not response.is_stream_consumed and "content-encoding" not in response.headers
    try:
        # What needs no decoding is taken from the transport as it comes.
        stream = response.stream if plain else response.aiter_bytes()
        assert isinstance(stream, AsyncIterable), "a transport for asyncio gives nothing else"
        async for chunk in stream:
            body += chunk
            if len(body) > longest:
                return None
    finally:
        await response.aclose()
    return bytes(body)
