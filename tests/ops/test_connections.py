"""No connections take what the work needs: idle, slow, many, large, cut off."""

import asyncio
import socket
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from adapter.ops import app, connections
from adapter.settings.model import OpsSettings
from tests.conftest import Logs
from tests.ops.conftest import TOKEN, Site, served

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def asked(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(-1), 10)
    finally:
        writer.close()


async def test_five_hundred_idle_connections_leave_the_health_answered_and_are_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    async with served(site.app) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(500)]
        assert b" 200 OK" in (answer := await asked(port, HEALTH))
        assert b"uvicorn" not in answer, "what it is made of is nobody's business"
        idle[-1][1].write(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        ends = [asyncio.wait_for(reader.read(), 10) for reader, _ in idle]
        for end in await asyncio.gather(*ends, return_exceptions=True):
            assert end == b"" or isinstance(end, ConnectionError), "the slow one too"
        for _, writer in idle:
            writer.close()
    assert not [line for line in logs.lines() if line["level"] == "error"]


PIPELINED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNREAD = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000
UNFINISHED = b"POST /hooks/lifecare HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nx"


@pytest.mark.parametrize("sent", [UNREAD, UNFINISHED], ids=["unread", "unfinished"])
async def test_callers_who_read_no_answer_or_finish_no_body_leave_the_health_answered(
    site: Site, monkeypatch: pytest.MonkeyPatch, logs: Logs, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "MOST", 3)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3 if sent is UNREAD else 10.0)
    held: list[connections.Connection] = []

    class Held(connections.Connection):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its own
            super().connection_made(transport)
            held.append(self)

        @property
        def stuck(self) -> bool:
            answering = not getattr(self.cycle, "response_complete", True)  # None before the first request
            return answering and (self.flow.write_paused or self.cycle.more_body)

    async def until_stuck(count: int) -> None:
        for _ in range(2000):
            if sum(c.stuck for c in held if isinstance(c, Held)) == count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never were {count} of them stuck")

    monkeypatch.setattr(app, "Connection", Held)
    loop = asyncio.get_running_loop()
    async with served(site.app) as port:
        with ExitStack() as open_ones:
            callers = [open_ones.enter_context(socket.socket()) for _ in range(3)]
            for caller in callers:
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                caller.setblocking(False)
                await loop.sock_connect(caller, ("127.0.0.1", port))
            sending = [asyncio.create_task(loop.sock_sendall(caller, sent)) for caller in callers]
            await until_stuck(3)
            try:
                assert b" 200 OK" in await asked(port, HEALTH), "it takes the place of one of them"
                if sent is UNREAD:
                    await until_stuck(0)  # the others are closed when their time is over
            finally:
                for task in sending:
                    task.cancel()
                await asyncio.gather(*sending, return_exceptions=True)
    assert not [line for line in logs.lines() if line["level"] == "error"]


async def test_one_caller_s_busy_connections_give_way_to_others_and_never_others_to_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They send a new request before the answer, so the server never waits for them. When they are closed, they come
    again."""
    monkeypatch.setattr(connections, "MOST", 10)
    stop = asyncio.Event()

    async def pipelines(port: int) -> None:
        while not stop.is_set():
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
                with closing(writer.transport):
                    writer.write(PIPELINED * 20)
                    while not stop.is_set() and await reader.readuntil(b"\r\n\r\n"):
                        writer.write(PIPELINED)

    async with served(site.app) as port:
        crowd = [asyncio.create_task(pipelines(port)) for _ in range(30)]
        await asyncio.sleep(0)
        answers = [
            await asked(port, HEALTH.replace(b"healthz", path)) for path in (b"healthz", b"readyz", b"metrics") * 3
        ]
        stop.set()
        await asyncio.gather(*crowd)
    assert [answer.partition(b"\r\n")[0].split(b" ")[1] for answer in answers] == [b"200", b"503", b"200"] * 3


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (b"Content-Length: 9000000", b"x" * 100_000, b" 413 "),
        (b"Content-Length: 40", b"token=slow", b" 408 "),
        (b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9", b"--b\r\n", b" 415 "),
    ],
)
async def test_a_body_too_large_too_slow_or_with_files_is_refused_without_a_sign_in(
    site: Site, monkeypatch: pytest.MonkeyPatch, head: bytes, body: bytes, status: bytes
) -> None:
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.2)
    kind = b"" if b"multipart" in head else b"Content-Type: application/x-www-form-urlencoded\r\n"
    async with served(site.app) as port:
        request = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = await asked(port, request + kind + head + b"\r\n\r\n" + body)
    assert status in answer.partition(b"\r\n")[0]
    assert "Det gick inte att ta emot" in answer.decode(), "a page says so, and how to go on"


async def test_a_body_that_is_cut_off_is_no_error_of_ours(site: Site, logs: Logs) -> None:
    async with served(site.app) as port:
        for path in (b"/hooks/lifecare", b"/sign-in", b"/times"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
            writer.write(b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + kind + b"Content-Length: 50\r\n\r\nx=")
            await writer.drain()
            writer.transport.abort()
        assert b" 200 OK" in await asked(port, HEALTH)
        await asyncio.sleep(0)
    assert not [line for line in logs.lines() if line["level"] == "error"]


async def test_a_flood_of_wrong_tokens_is_a_few_lines_with_their_count(guarded: Site, logs: Logs) -> None:
    async with guarded.client() as client:
        for n in range(300):
            await client.post("/sign-in", data={"token": f"guess {n}"})
        guarded.world.clock.time += timedelta(minutes=2)
        await client.post("/sign-in", data={"token": "guess"})
    told = [line["count"] for line in logs.lines() if line["event"] == "sign_in_refused"]
    assert len(told) < 10
    assert sum(told) == 301


async def test_behind_a_proxy_one_stranger_locks_out_nobody_else(guarded: Site) -> None:
    settings = OpsSettings(enabled=True, token=SecretStr(TOKEN), proxy_addresses="127.0.0.0/8")
    site = Site(guarded.world, replace(guarded.ops, settings=settings))
    async with site.client("status.example") as client:
        for n in range(20):
            named = [("X-Forwarded-For", f"1.1.1.{n}"), ("X-Forwarded-For", "1.1.1.1, 203.0.113.9")]
            last = await client.post("/sign-in", data={"token": "x"}, headers=named)
            assert n < 10 or last.status_code == 429
        signed = await client.post("/sign-in", data={"token": TOKEN}, headers={"X-Forwarded-For": "203.0.113.10"})
    assert signed.status_code == 303


async def test_after_the_clock_was_set_back_a_feed_counts_as_old_and_never_as_fresh(site: Site) -> None:
    async with site.client() as client:
        await site.world.cycle()
        assert (await client.get("/readyz")).status_code == 200
        site.world.clock.time -= timedelta(hours=1)
        assert (await client.get("/readyz")).status_code == 503
        assert 'adapter_feed_age_seconds{feed="orders",tenant="exempel"} +Inf' in (await client.get("/metrics")).text
        await site.world.cycle()
        assert (await client.get("/readyz")).status_code == 200, "it is read again by the clock as it is now"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/", "/no-such-page", "/times"])
async def test_every_answer_tells_a_browser_to_guess_show_and_keep_nothing(site: Site, path: str) -> None:
    async with site.client() as client:
        plain = await client.get(path)
        by_tls = await client.get(path, headers={"X-Forwarded-Proto": "https"})
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    for rule in ("frame-ancestors 'none'", "default-src 'none'"):
        assert rule in plain.headers["Content-Security-Policy"]
    assert "<script" not in plain.text
    saved = 'attachment; filename="answer.json"' if "json" in plain.headers["Content-Type"] else None
    assert plain.headers.get("Content-Disposition") == saved, "JSON is kept, and never shown as if it were a page"
    assert (plain.headers["Referrer-Policy"], plain.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "Strict-Transport-Security" not in plain.headers
    assert by_tls.headers["Strict-Transport-Security"] == "max-age=31536000"
