"""The network of a simulated world: the transport between the real connectors and the simulated vendors."""

from __future__ import annotations

import asyncio
import random
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

import httpx

from connectors.mock.routing import Handler
from tests.simulation.loop import LoopClock
from tests.simulation.weather import Fault, Weather

if TYPE_CHECKING:
    from tests.simulation.process import Process

PATIENCE = 30.0
"""Seconds after which the client gives up; ``TOO_SLOW`` answers come later."""
LATEST = 25.0
"""Seconds by which an effect comes late, at most, after its answer was given up: less than ``settle``."""


PERSON = re.compile("^PersonId='([^']*)'$")
MARKED = re.compile(r"TK-[0-9A-Z]{6}[/-]\d+")
PAGE = {"content-type": "text/html"}
TURNED_AWAY = (401, 403, 408, 429)


class Heard(NamedTuple):
    """How an exchange of a process with a vendor ended, when (UTC), and after how many seconds. ``well``: it was
    answered, and with neither an error of the vendor's own nor a page in place of data."""

    process: int
    at: datetime
    seconds: float
    well: bool


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
        self.heard: list[Heard] = []
        self.read: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        """When (UTC) a person's rows of a resource reached a process whole, by both."""
        self.known: dict[str, datetime] = {}
        """When a process first knew that a note stands, by its mark (``TK-7F3K2M/07``), or a schedule
        (``TK-7F3K2M-1``): it was answered, or found it."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The vendor's own answer. A fault may still change it."""
        answer = self.handler(request)
        answer.extensions["own"] = True
        return answer

    def reached(self, request: httpx.Request, response: httpx.Response) -> None:
        """An own answer reached a process."""
        if whose := PERSON.search(request.url.params.get("q", "")):
            self.read[request.url.path.rpartition("/")[2], whose.group(1)].append(self.clock.now())
        for name in MARKED.findall(f"{request.content!r}{response.text}"):
            self.known.setdefault(name, self.clock.now())

    def later(self, seconds: float, request: httpx.Request) -> None:
        self.clock.loop.call_later(seconds, self.handler, request)


class Network(httpx.AsyncBaseTransport):
    """One process's way to a vendor."""

    def __init__(self, vendor: Vendor, process: Process) -> None:
        self._vendor = vendor
        self._process = process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began, renewed = self._vendor.clock.loop.time(), request.extensions.pop("renewed", False)
        try:
            response = await self._exchange(request)
        except httpx.TransportError:
            self._ended(began, well=False)
            raise
        except asyncio.CancelledError:
            if not self._process.dead:  # given up: by the call's own limit, or as a case's reading took too long
                self._ended(began, well=False)
            raise
        if response.status_code == 401 and not renewed:
            request.extensions["renewed"] = True  # it is sent once more, with a new token, and only that call counts
            return response
        status, page = response.status_code, response.headers.get("content-type") == "text/html"
        self._ended(began, well=status < 500 and status not in TURNED_AWAY and not page)
        if response.extensions.get("own") and (status < 400 or status == 404):
            self._vendor.reached(request, response)
        return response

    def _ended(self, began: float, *, well: bool) -> None:
        clock = self._vendor.clock
        self._vendor.heard.append(Heard(self._process.number, clock.now(), clock.loop.time() - began, well))

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        vendor, write = self._vendor, request.method not in ("GET", "HEAD")
        await self._process.point(f"call {vendor.name} {request.method}", write=write)
        fault = vendor.weather.fault(vendor.name, write=write, now=vendor.clock.now())
        if fault is None:
            if write or vendor.rng.random() < 0.02:
                await asyncio.sleep(vendor.rng.uniform(0.01, 1.5))
            answer = vendor.answer(request)
        else:
            vendor.met[fault] = vendor.met.get(fault, 0) + 1
            answer = await self._befallen(fault, request)
        if write:
            await asyncio.sleep(vendor.rng.uniform(0.01, 1.5))
        await self._process.point(f"answered {vendor.name} {request.method}", write=write)
        return answer

    async def _befallen(self, fault: Fault, request: httpx.Request) -> httpx.Response:
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
                return httpx.Response(500)
            case Fault.LATE_EFFECT:
                vendor.later(rng.uniform(0, LATEST), request)
                if rng.random() < 0.5:
                    raise httpx.ReadError("cut")
                return httpx.Response(504)
            case Fault.TOO_SLOW:
                vendor.later(rng.uniform(0, PATIENCE + LATEST), request)
                await asyncio.sleep(PATIENCE)
                raise httpx.ReadTimeout("too slow")
            case Fault.TOKEN_REVOKED:
                vendor.revoke()
            case Fault.DUPLICATE if not (vendor.name == "lifecare" and request.method == "POST"):
                # The request arrives twice. For a note that would make two notes, and nobody could prevent it (LA4).
                vendor.handler(request)
        answer = vendor.answer(request)
        if fault is Fault.SLOW:
            await asyncio.sleep(rng.uniform(1, PATIENCE))
        return await self._spoilt(fault, answer)

    async def _spoilt(self, fault: Fault, answer: httpx.Response) -> httpx.Response:
        match fault:
            case Fault.CUT_AFTER:
                raise httpx.ReadError("cut")
            case Fault.ERROR_AFTER:
                return httpx.Response(500)
            case Fault.GATEWAY_AFTER:
                return httpx.Response(502, headers=PAGE, content="<html>Bad gateway</html>")
            case Fault.GARBAGE:
                return httpx.Response(200, headers=PAGE, content="<html>Please wait</html>")
            case Fault.WRONG_SCHEMA:
                return httpx.Response(200, json={"unexpected": [{"shape": True}, 42]})
            case Fault.EMPTY:
                return httpx.Response(200)
        return answer

    def _turned_away(self, status: int) -> httpx.Response:
        rng, seconds = self._vendor.rng, self._vendor.rng.choice((1, 20, 90))
        if rng.random() < 0.3:
            return httpx.Response(status)
        now = self._vendor.clock.now()
        until = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
        headers = {"Date": format_datetime(now, usegmt=True), "Retry-After": rng.choice((str(seconds), until))}
        return httpx.Response(status, headers=headers)
