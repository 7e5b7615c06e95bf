"""The network of a simulated world: between the real connectors and the simulated vendors, in place of httpx's client.

It stands below the connectors and spares httpx's work only; everything the connectors do is real.
"""

from __future__ import annotations

import asyncio
import json as json_codec
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx

from connectors.mock.wire import Answer, Handler, Request
from tests.simulation.loop import LoopClock
from tests.simulation.weather import Fault, Weather

if TYPE_CHECKING:
    from tests.simulation.process import Process

PATIENCE = 30.0
"""Seconds after which the client gives up; ``TOO_SLOW`` answers come later."""
LATEST = 25.0
"""Seconds by which an effect comes late at most, after its answer was given up: less than ``settle``."""


class Heads(dict[str, str]):
    """Headers in lower case, asked for in any."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the connector asks, as httpx would hold it."""

    method: str
    request: Request


@dataclass(frozen=True, slots=True)
class Said:
    """What the connector hears."""

    status_code: int
    headers: Heads
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        yield self.content

    async def aclose(self) -> None:
        return None


class Vendor:
    """One vendor as the network reaches it."""

    def __init__(self, name: str, handler: Handler, clock: LoopClock, weather: Weather, rng: random.Random) -> None:
        self.name = name
        self.handler = handler
        self.clock = clock
        self.weather = weather
        self.rng = rng
        self.revoke: Callable[[], int] = lambda: 0
        self.met: dict[Fault, int] = {}

    def later(self, seconds: float, request: Request) -> None:
        self.clock.loop.call_later(seconds, self.handler, request)


class Client:
    """In place of ``connectors.http.direct.Direct``, for one process."""

    def __init__(self, vendor: Vendor, process: Process) -> None:
        self._vendor = vendor
        self._process = process

    def build_request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Asked:
        heads = {name.lower(): value for name, value in (headers or {}).items()}
        body = b""
        if json is not None:
            body = json_codec.dumps(json).encode()
            heads.setdefault("content-type", "application/json")
        elif data is not None:
            body = urlencode(data).encode()
            heads["content-type"] = "application/x-www-form-urlencoded"
        asked = urlsplit(url)
        return Asked(method, Request(method, unquote(asked.path), tuple(parse_qsl(asked.query)), heads, body, ""))

    async def aclose(self) -> None:
        return None

    async def send(self, asked: Asked) -> Said:
        vendor, write = self._vendor, asked.method not in ("GET", "HEAD")
        await self._process.point(f"call {vendor.name} {asked.method}", write=write)
        fault = vendor.weather.fault(vendor.name, write=write, now=vendor.clock.now())
        if fault is None:
            if write or vendor.rng.random() < 0.02:
                await asyncio.sleep(vendor.rng.uniform(0.01, 1.5))
            answer = vendor.handler(asked.request)
        else:
            vendor.met[fault] = vendor.met.get(fault, 0) + 1
            answer = await self._befallen(fault, asked.request)
        if write:
            await asyncio.sleep(vendor.rng.uniform(0.01, 1.5))
        await self._process.point(f"answered {vendor.name} {asked.method}", write=write)
        return Said(answer.status, Heads({name.lower(): value for name, value in answer.headers.items()}), answer.body)

    async def _befallen(self, fault: Fault, request: Request) -> Answer:
        vendor, rng = self._vendor, self._vendor.rng
        match fault:
            case Fault.REFUSED_CONNECTION:
                raise httpx.ConnectError("refused")
            case Fault.CUT_BEFORE:
                await asyncio.sleep(rng.uniform(0, 2))
                raise httpx.ReadError("cut")
            case Fault.BUSY | Fault.UNAVAILABLE:
                return self._turned_away(429 if fault is Fault.BUSY else 503)
            case Fault.ERROR_BEFORE:
                return Answer(500, {}, b"")
            case Fault.LATE_EFFECT:
                vendor.later(rng.uniform(0, LATEST), request)
                if rng.random() < 0.5:
                    raise httpx.ReadError("cut")
                return Answer(504, {}, b"")
            case Fault.TOO_SLOW:
                vendor.later(rng.uniform(0, PATIENCE + LATEST), request)
                await asyncio.sleep(PATIENCE)
                raise httpx.ReadTimeout("too slow")
            case Fault.TOKEN_REVOKED:
                vendor.revoke()
            case Fault.DUPLICATE:
                vendor.handler(request)
        answer = vendor.handler(request)
        if fault is Fault.SLOW:
            await asyncio.sleep(rng.uniform(1, PATIENCE))
        return await self._spoilt(fault, answer)

    async def _spoilt(self, fault: Fault, answer: Answer) -> Answer:
        match fault:
            case Fault.CUT_AFTER:
                raise httpx.ReadError("cut")
            case Fault.ERROR_AFTER:
                return Answer(500, {}, b"")
            case Fault.GATEWAY_AFTER:
                return Answer(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>")
            case Fault.GARBAGE:
                return Answer(200, {"content-type": "text/html"}, b"<html>Please wait</html>")
            case Fault.WRONG_SCHEMA:
                return Answer(200, {"content-type": "application/json"}, b'{"unexpected": [{"shape": true}, 42]}')
            case Fault.EMPTY:
                return Answer(200, {}, b"")
        return answer

    def _turned_away(self, status: int) -> Answer:
        rng, seconds = self._vendor.rng, self._vendor.rng.choice((1, 20, 90))
        if rng.random() < 0.3:
            return Answer(status, {}, b"")
        until = self._vendor.clock.now() + timedelta(seconds=seconds)
        date = format_datetime(until, usegmt=True)
        return Answer(status, {"Retry-After": rng.choice((str(seconds), date))}, b"")
