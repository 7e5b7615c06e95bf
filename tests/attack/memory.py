"""A vendor, or somebody in its place, that sends more than the memory holds."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from functools import cache
from urllib.parse import parse_qs, urlsplit

from tests.attack.attacked_daemon import UNIT_MEMORY, AttackedDaemon, Seen, attacked_daemon

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
GIBIBYTE = 1024**3
Answer = Callable[[str], AsyncIterator[bytes]]


@cache
def bomb() -> bytes:
    """A GiB of spaces as gzip, a thousandth of its size."""
    packer, piece = zlib.compressobj(9, zlib.DEFLATED, 31), b" " * 2**20
    return b"".join(packer.compress(piece) for _ in range(GIBIBYTE // len(piece))) + packer.flush()


async def zipped_twice(_: str) -> AsyncIterator[bytes]:
    twice = gzip.compress(bomb(), 9)
    yield OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(twice) + twice


async def zipped(_: str) -> AsyncIterator[bytes]:
    yield OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb()) + bomb()


async def a_long_body(_: str) -> AsyncIterator[bytes]:
    yield OK + b"Content-Length: %d\r\n\r\n[" % (2 * GIBIBYTE)
    for _n in range(2048):
        yield b" " * 2**20


async def many_rows(_: str) -> AsyncIterator[bytes]:
    yield OK + b"\r\n[" + b",".join(b'{"Id":%d}' % n for n in range(1_500_000)) + b"]"


async def brackets(_: str) -> AsyncIterator[bytes]:
    yield OK + b"\r\n[" + b"[]," * 1_300_000 + b"[]]"


def _page(target: str) -> tuple[int, int]:
    asked = parse_qs(urlsplit(target).query)
    return int(asked["limit"][0]), int(asked["offset"][0])


async def an_endless_list(target: str) -> AsyncIterator[bytes]:
    """Every page of it is full, for ever."""
    limit, offset = _page(target)
    filling = {f"Field{n}": n for n in range(20)}
    rows = [{"Id": offset + n, "PersonId": "19340101TF01", **filling} for n in range(limit)]
    yield OK + b"\r\n" + json.dumps(rows).encode()


async def long_pages_without_end(target: str) -> AsyncIterator[bytes]:
    limit, offset = _page(target)
    yield OK + b"\r\n" + json.dumps([{"Id": offset + n, "Text": "x" * 30_000} for n in range(limit)]).encode()


async def endless_pages(target: str) -> AsyncIterator[bytes]:
    """A list by cursor that always has another page."""
    n = int(parse_qs(urlsplit(target).query).get("cursor", ["0"])[0])
    row = {"id": "x", "status": "active", "externalReference": "other", "customerExternalId": "P"}
    rows = [{**row, "id": f"{n:08d}-{i}", "validFrom": "2026-01-01", "rules": []} for i in range(500)]
    yield OK + b"\r\n" + json.dumps({"items": rows, "nextCursor": str(n + 1)}).encode()


async def odd_dates(_: str) -> AsyncIterator[bytes]:
    yield (
        b"HTTP/1.1 503 Busy\r\nDate: Fri, 31 Dec 9999 23:59:59 -2359\r\n"
        b"Retry-After: Mon, 01 Jan 0001 00:00:00 +2359\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


async def at_lifecare(answer: Answer, *, everywhere: bool = False) -> Seen:
    """The list of changed executions, or every list, is answered so."""
    async with attacked_daemon() as it:
        return await _under(it, answer, everywhere)


async def _under(it: AttackedDaemon, answer: Answer, everywhere: bool) -> Seen:
    before = it.peak()
    it.begin_peak()
    hit = "/api/v1/" if everywhere else "/executions?"
    it.lifecare.evil = lambda target: answer(target) if hit in target and "limit=" in target else None
    seen = it.lifecare.evils
    asked = await it.until(lambda: seen.total() >= 3, 90)
    failed = await it.until(lambda: "feed_failed" in it.said(), 240)
    by_then = seen.total()
    again = await it.until(lambda: seen.total() > by_then + 1, 60)
    goes_on = await it.healthy() if everywhere else await it.goes_on(240)
    peak = it.peak()
    it.lifecare.evil = lambda _: None
    works = await it.works(50, 90)
    errors = it.events("feed_failed")
    told = errors[0]["error"].partition(": ")[2] if errors else "not told"
    held = asked and failed and again and goes_on and works and it.running and peak < UNIT_MEMORY
    return Seen(f"{before} -> {peak} MiB; {told[:70]}", held)


async def at_phoniro() -> Seen:
    """The daily comparison's list has no end."""
    async with attacked_daemon() as it:
        it.kill()
        (it.folder / "adapter.db").unlink()
        it.phoniro.evil = lambda target: endless_pages(target) if "/supervision-schedules?" in target else None
        it.start()
        failed = await it.until(lambda: "does not end" in it.said(), 240)
        peak = it.peak()
        it.phoniro.evil = lambda _: None
        works = await it.goes_on()
        return Seen(f"peak {peak} MiB after {it.phoniro.evils.total()} pages", failed and works and peak < UNIT_MEMORY)


ATTACKS = {
    "gzip in gzip, 10 kB for 1 GiB": lambda: at_lifecare(zipped_twice),
    "gzip, 1 MB for 1 GiB": lambda: at_lifecare(zipped),
    "a body of 2 GiB": lambda: at_lifecare(a_long_body),
    "1,500,000 rows in one page": lambda: at_lifecare(many_rows),
    "1,300,000 brackets in one page": lambda: at_lifecare(brackets),
    "an endless list": lambda: at_lifecare(an_endless_list),
    "an endless list of long rows": lambda: at_lifecare(long_pages_without_end),
    "every list endless": lambda: at_lifecare(an_endless_list, everywhere=True),
    "odd Date and Retry-After": lambda: at_lifecare(odd_dates),
    "an endless list of schedules": at_phoniro,
}
