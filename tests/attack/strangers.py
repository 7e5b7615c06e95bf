"""Attacks by callers who can reach the HTTP side and have no token."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress

from tests.attack.attacked_daemon import TOKEN, AttackedDaemon, Seen, attacked_daemon

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
BEHIND = {"proxy_addresses": "127.0.0.0/8"}
PIPELINED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
Step = Callable[[AttackedDaemon], Coroutine[None, None, tuple[str, bool]]]


async def _seen(step: Step, **ops: object) -> Seen:
    """The step's result, and whether the work, the health checks and the log survive it."""
    async with attacked_daemon(ops=ops) as it:
        before = it.log.stat().st_size
        it.begin_peak()
        told, held = await step(it)
        grown, errors = it.log.stat().st_size - before, it.errors()
        held = held and await it.goes_on() and not errors and grown < 20_000
        crying = f", {errors} ERROR lines" if errors else ""
        return Seen(f"{told}; log +{grown / 1000:.1f} kB{crying}, peak {it.peak()} MiB", held)


async def idle(it: AttackedDaemon) -> tuple[str, bool]:
    """A thousand connections that send nothing, and a thousand that send half a head."""
    open_ones = []
    for n in range(2000):
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            if n % 2:
                writer.write(b"GET / HTTP/1.1\r\nX: ")
            open_ones.append((reader, writer))
    began, before = time.monotonic(), it.lifecare.passed.total()
    answered = [await it.healthy() for _ in range(20)]
    slowest = (time.monotonic() - began) / 20
    works = await it.works(50)
    closed = await it.until(lambda: all(reader.at_eof() or writer.is_closing() for reader, writer in open_ones), 40)
    calls = it.lifecare.passed.total() - before
    for _, writer in open_ones:
        writer.transport.abort()
    told = f"{len(open_ones)} opened; /healthz {sum(answered)}/20 in {slowest * 1000:.0f} ms, {calls} vendor calls"
    return told + (", all closed" if closed else ", not all closed"), all(answered) and works and closed


async def wrong_tokens(it: AttackedDaemon) -> tuple[str, bool]:
    statuses = [await _try(it, f"guess-{n}", "") for n in range(3000)]
    lines = it.events("sign_in_refused")
    return f"3,000 tries: {len(lines)} lines, {statuses.count(429)} times 429", len(lines) < 20 and 303 not in statuses


async def behind_a_proxy(it: AttackedDaemon) -> tuple[str, bool]:
    """One stranger guesses from one address. All callers come through the same reverse proxy."""
    strangers = [await _try(it, "guess", "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n") for _ in range(300)]
    staff = await _try(it, TOKEN, "X-Forwarded-For: 10.0.0.7\r\n")
    return f"stranger {strangers.count(429)} times 429, staff {staff}", strangers[-1] == 429 and staff == 303


async def _try(it: AttackedDaemon, token: str, head: str) -> int:
    return (await it.get("/sign-in", FORM + head, method="POST", body=f"token={token}".encode()))[0]


async def cut_bodies(it: AttackedDaemon) -> tuple[str, bool]:
    for n in range(300):
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
        path = ("/sign-in", "/hooks/lifecare", "/times")[n % 3]
        writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{FORM}Content-Length: 50\r\n\r\nx=".encode())
        await writer.drain()
        writer.transport.abort()
    return "300 bodies cut off", "Traceback" not in it.said()


async def multipart(it: AttackedDaemon) -> tuple[str, bool]:
    """Files of 20 MB, which a form parser would write to the disk."""
    head = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 20000000\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"x" * 20_000_000
    statuses = set()
    for _ in range(10):
        statuses.add(await _flood(it, "/sign-in", head, part))
    return f"answers {statuses}, peak {it.peak()} MiB", statuses <= {415, 0} and it.peak() < 300


async def _flood(it: AttackedDaemon, path: str, head: str, body: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    answer = b""
    with suppress(OSError):
        for at in range(0, len(body), 100_000):
            writer.write(body[at : at + 100_000])
            await asyncio.wait_for(writer.drain(), 1)
    with suppress(OSError, TimeoutError):
        answer = await asyncio.wait_for(reader.read(20), 10)
    writer.transport.abort()
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/") else 0


async def metrics(it: AttackedDaemon) -> tuple[str, bool]:
    """Forty clients read the metrics without pause for ten seconds."""
    end, read = time.monotonic() + 10, 0

    async def reads() -> None:
        nonlocal read
        while time.monotonic() < end:
            read += (await it.get("/metrics"))[0] == 200

    before = it.lifecare.passed["executions"]
    readers = asyncio.gather(*(reads() for _ in range(40)))
    works = await it.works(50)
    await readers
    polls = it.lifecare.passed["executions"] - before
    return f"{read} readings, {polls} feed calls meanwhile", works and polls >= 3


async def pipelines(it: AttackedDaemon) -> tuple[str, bool]:
    """For ten seconds two hundred connections from one address send new requests before the answers, and come again."""
    end = time.monotonic() + 10

    async def asks() -> None:
        while time.monotonic() < end:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", it.port, local_addr=("127.0.0.2", 0))
                with closing(writer.transport):
                    writer.write(PIPELINED * 20)
                    while time.monotonic() < end and await reader.readuntil(b"\r\n\r\n"):
                        writer.write(PIPELINED)

    before = it.lifecare.passed.total()
    tasks = [asyncio.create_task(asks()) for _ in range(200)]
    statuses: list[int] = []
    slowest = 0.0
    while time.monotonic() < end:
        for path in ("/healthz", "/readyz", "/metrics"):
            began = time.monotonic()
            statuses.append((await it.get(path))[0])
            slowest = max(slowest, time.monotonic() - began)
    await asyncio.gather(*tasks)
    calls = it.lifecare.passed.total() - before
    well = statuses.count(200)
    told = f"health, readiness, metrics {well}/{len(statuses)}, the slowest in {slowest:.1f} s; {calls} vendor calls"
    return told, well == len(statuses) and calls > 0 and await it.works(50)


async def wrong_hooks(it: AttackedDaemon) -> tuple[str, bool]:
    statuses = [(await it.get("/hooks/lifecare", method="POST", body=b"{}"))[0] for _ in range(3000)]
    lines = it.events("hook_refused")
    return f"3,000 unsigned: {len(lines)} lines, answers {sorted(set(statuses))}", len(lines) < 200


ATTACKS = {
    "2,000 idle and slow connections": lambda: _seen(idle),
    "3,000 wrong tokens": lambda: _seen(wrong_tokens),
    "a stranger behind the same proxy": lambda: _seen(behind_a_proxy, **BEHIND),
    "300 bodies cut off": lambda: _seen(cut_bodies),
    "files of 20 MB without a sign-in": lambda: _seen(multipart),
    "40 readers of the metrics": lambda: _seen(metrics),
    "200 callers who pipeline": lambda: _seen(pipelines),
    "3,000 unsigned webhooks": lambda: _seen(wrong_hooks),
}
