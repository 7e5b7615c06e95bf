"""The HTTP base: what every kind of answer, or no answer, means for a read and for a write."""

import asyncio
import gzip
import json
import logging
import unicodedata
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from connectors.errors import (
    AmbiguousWrite,
    Conflict,
    ContractBroken,
    NotFound,
    NotSent,
    Refused,
    Transient,
    Unauthorised,
    VendorError,
)
from connectors.http.answer import Answer
from connectors.http.classify import retry_after
from connectors.http.client import WAITED, HttpSettings, VendorHttp, mute_library_loggers, path_segment, writing_while
from connectors.http.error_text import message_of
from tests.simulation.loop import VirtualLoop

HOST = "https://vendor.example"
SECRET = {"key": "aUeJ", "q": "PersonId='19900101TF03'"}
Answering = Callable[[httpx.Request], httpx.Response]


class Vendor:
    """A vendor that gives its answers in turn, the last one for ever. It counts requests and waits."""

    def __init__(self, *answers: httpx.Response | Exception, **settings: Any) -> None:
        self.answers = list(answers)
        self.requests = 0
        self.slept: list[float] = []
        self.told: list[tuple[str, str, int | None, str, float]] = []
        self.http = VendorHttp(
            "vendor",
            "https://vendor.example/base",
            settings=HttpSettings(per_second=1e6, **settings),
            transport=httpx.MockTransport(self._answer),
            on_call=lambda *told: self.told.append(told),
            sleep=self._sleep,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def fails(self, method: str = "GET", **more: Any) -> VendorError:
        async with self.http:
            with pytest.raises(VendorError) as caught:
                await self.http.send(method, "things", call=f"{method} things", params=SECRET, **more)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None, "an httpx error in the chain brings its URL into a traceback"
        return caught.value


def problem(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, json={"type": "x", "title": "No", "existingId": "e-1"})


@pytest.mark.parametrize(
    ("status", "of_read", "of_write"),
    [
        (302, ContractBroken, AmbiguousWrite),
        (400, Refused, Refused),
        (401, Unauthorised, Unauthorised),
        (403, Unauthorised, Unauthorised),
        (404, NotFound, NotFound),
        (408, Transient, AmbiguousWrite),
        (409, Conflict, Conflict),
        (412, Conflict, Conflict),
        (422, Refused, Refused),
        (428, Refused, Refused),
        (429, Transient, Transient),
        (500, Transient, AmbiguousWrite),
        (502, Transient, AmbiguousWrite),
        (503, Transient, Transient),
        (504, Transient, AmbiguousWrite),
    ],
)
async def test_what_a_status_means(status: int, of_read: type[VendorError], of_write: type[VendorError]) -> None:
    for method, expected in (("GET", of_read), ("POST", of_write), ("PATCH", of_write), ("PUT", of_write)):
        error = await Vendor(problem(status)).fails(method)
        assert type(error) is expected
        assert (error.vendor, error.call, error.status) == ("vendor", f"{method} things", status)


async def test_a_conflict_says_who_has_the_reference() -> None:
    error = await Vendor(problem(409)).fails("POST")
    assert isinstance(error, Conflict)
    assert error.existing_id == "e-1"


async def test_a_refusal_names_the_fields_at_fault() -> None:
    refused = httpx.Response(400, json={"Message": "No", "ModelState": {"note.HeadlineId": ["19900101TF03"]}})
    assert (await Vendor(refused).fails("POST")).fields == ("note.HeadlineId",)


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_what_was_never_sent_had_no_effect(failure: type[httpx.TransportError]) -> None:
    assert type(await Vendor(failure("https://vendor.example/?key=aUeJ")).fails("POST")) is Transient


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError])
async def test_a_lost_answer_is_unknown_for_a_write_and_only_late_for_a_read(
    failure: type[httpx.TransportError],
) -> None:
    lost = failure("https://vendor.example/?key=aUeJ")
    write, read = await Vendor(lost).fails("POST"), await Vendor(lost).fails("GET")
    assert (type(write), type(read)) == (AmbiguousWrite, Transient)
    assert "aUeJ" not in f"{write!s}{write!r}{read!s}{read!r}"


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("answer", [problem(503), problem(500), httpx.ConnectError("x")])
async def test_no_write_is_ever_repeated(method: str, answer: httpx.Response | Exception) -> None:
    vendor = Vendor(answer)
    await vendor.fails(method)
    assert (vendor.requests, vendor.slept) == (1, [])


async def test_a_read_is_repeated_a_few_times_with_growing_waits_of_seconds() -> None:
    vendor = Vendor(problem(500), attempts=3)
    await vendor.fails("GET")
    assert vendor.requests == 3
    assert len(vendor.slept) == 2
    assert all(0 <= wait <= 4 for wait in vendor.slept)
    assert [told[:4] for told in vendor.told] == [("vendor", "GET things", 500, "Transient")] * 3


async def test_a_read_that_comes_right_is_right() -> None:
    vendor = Vendor(httpx.ReadTimeout("x"), httpx.Response(200, json=[1]))
    async with vendor.http:
        assert (await vendor.http.send("GET", "things", call="GET things")).json() == [1]
    assert [told[2:4] for told in vendor.told] == [(None, "Transient"), (200, "ok")]


async def test_a_token_is_fetched_again_although_it_is_a_post() -> None:
    vendor = Vendor(problem(500), httpx.Response(200, json={}))
    async with vendor.http:
        await vendor.http.send("POST", "token", call="POST token", form={"a": "b"}, repeatable=True)
    assert vendor.requests == 2


@pytest.mark.parametrize("refusal", [400, 401, 404, 409])
async def test_a_refused_read_is_not_repeated(refusal: int) -> None:
    vendor = Vendor(problem(refusal))
    await vendor.fails("GET")
    assert vendor.requests == 1


SERVER_NOW = "Sat, 31 Jan 2026 12:01:00 GMT"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sat, 31 Jan 2026 12:01:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("86400", 86400.0),
    ],
)
async def test_retry_after_is_seconds_or_a_date_by_the_servers_own_clock(asked: str, seconds: float) -> None:
    error = await Vendor(problem(429, **{"Retry-After": asked, "Date": SERVER_NOW})).fails("POST")
    assert isinstance(error, Transient)
    assert error.retry_after == seconds
    assert "Retry-After" not in str(error)


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}])
async def test_without_the_servers_clock_a_date_is_measured_by_ours(date: dict[str, str]) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    error = await Vendor(problem(429, **{"Retry-After": until, **date})).fails("POST")
    assert isinstance(error, Transient)
    assert error.retry_after == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    "asked",
    [
        "soon",
        "-5",
        "1.5",
        "3600000",
        "1769860860",
        "9" * 5000,
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sun, 06 Nov 1894 08:49:37 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Sat, 31 Jan 2026 12:01:30 +999999",
    ],
)
async def test_a_wait_that_can_not_be_meant_is_ignored_and_said_in_the_error(asked: str) -> None:
    """PA2: milliseconds, an epoch, a negative number, another century, garbage."""
    vendor = Vendor(problem(503, **{"Retry-After": asked, "Date": SERVER_NOW}), attempts=2)
    error = await vendor.fails("GET")
    assert isinstance(error, Transient)
    assert error.retry_after is None
    assert "is not believable" in str(error)
    assert len(str(error)) < 300
    assert (vendor.requests, len(vendor.slept)) == (2, 1), "as if it had not asked"


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_no_retry_after_whatever_is_an_error_of_ours(asked: str) -> None:
    wait = retry_after(httpx.Headers([(b"Retry-After", asked.encode("latin-1"))]))
    assert wait is None or 0 <= wait <= 86400


async def test_a_short_retry_after_is_waited_for_and_a_long_one_handed_on() -> None:
    short = Vendor(problem(503, **{"Retry-After": "5"}), attempts=2)
    await short.fails("GET")
    assert short.slept == [5.0]
    long = Vendor(problem(503, **{"Retry-After": "6"}))
    error = await long.fails("GET")
    assert (long.requests, long.slept) == (1, [])
    assert isinstance(error, Transient)
    assert error.retry_after == 6


class Thing(BaseModel):
    id: int


@pytest.mark.parametrize("body", [b"", b"<html>Welcome</html>", b'{"id": "19900101TF03"}', b"[" * 100_000])
@pytest.mark.parametrize(("method", "expected"), [("GET", ContractBroken), ("POST", AmbiguousWrite)])
async def test_a_200_that_says_nothing_breaks_the_contract_and_leaves_a_write_unknown(
    body: bytes, method: str, expected: type[VendorError]
) -> None:
    vendor = Vendor(httpx.Response(200, content=body))
    async with vendor.http:
        with pytest.raises(expected) as caught:
            (await vendor.http.send(method, "things", call="x")).parse(Thing)
    assert type(caught.value) is expected
    assert "TF03" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_a_page_in_place_of_data_is_told_as_a_call_that_failed() -> None:
    """A sign-in page or "please wait" has status 200. A vendor that sends only that is down."""
    vendor = Vendor(httpx.Response(200, content=b" <!DOCTYPE html>"))
    assert isinstance(await vendor.fails(), ContractBroken)
    assert [outcome for _, _, _, outcome, _ in vendor.told] == ["ContractBroken"]


@pytest.mark.parametrize(("waited", "told"), [(0.0, [("GET 0", "GivenUp")]), (WAITED, [])], ids=["long", "not"])
async def test_a_call_that_its_caller_gives_up_is_told_once_and_only_if_it_was_sent_and_waited_for(
    waited: float, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a case's reading is cut off. When the database is away, all calls are given up at once, and no vendor was
    down."""
    monkeypatch.setattr("connectors.http.client.WAITED", waited)
    vendor = Vendor(httpx.Response(200), max_concurrent=1)

    async def hanging(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    vendor.http._client._transport = httpx.MockTransport(hanging)
    calls = [asyncio.ensure_future(vendor.http.send("GET", "things", call=f"GET {n}")) for n in range(2)]
    for _ in range(20):
        await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert [(call, outcome) for _, call, _, outcome, _ in vendor.told] == told


@pytest.mark.parametrize(("method", "expected"), [("GET", ContractBroken), ("POST", AmbiguousWrite)])
async def test_an_answer_without_end_is_cut_off(method: str, expected: type[VendorError]) -> None:
    vendor = Vendor(httpx.Response(200, content=b"x" * 1001), longest_body=1000)
    async with vendor.http:
        with pytest.raises(expected, match="longer than 1000 bytes"):
            await vendor.http.send(method, "things", call="x")


async def _sent(coding: str, body: bytes) -> Answer:
    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 16_384):
            yield body[at : at + 16_384]

    answer = httpx.Response(200, headers={"Content-Encoding": coding}, content=parts())
    vendor = Vendor(answer, longest_body=1_000_000)
    async with vendor.http:
        return await vendor.http.send("GET", "things", call="x")


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", " GZIP", "identity", ""])
async def test_one_content_coding_is_decoded(coding: str) -> None:
    body = json.dumps(list(range(100_000))).encode()
    answer = await _sent(coding, gzip.compress(body) if "zip" in coding.lower() else body)
    assert answer.json() == list(range(100_000))


@pytest.mark.parametrize(
    ("coding", "body", "told"),
    [
        ("gzip, gzip", gzip.compress(gzip.compress(b"[]")), "not asked for"),
        ("br", b"[]", "not asked for"),
        ("deflate", zlib.compress(b"[]"), "not asked for"),
        ("gzip", gzip.compress(b" " * 1_000_001), "longer than 1000000 bytes"),
        ("gzip", gzip.compress(b"[]") + b"\0" * 1_000_000, "longer than 1000000 bytes"),
        ("gzip", gzip.compress(b" " * 1000)[:-9], "cut off"),
        ("gzip", b"[]", "isn't"),
    ],
    ids=["twice", "another", "not offered", "unfolds", "goes on", "cut", "plain"],  # gzip writes the second it was made
)
async def test_any_other_coding_a_second_one_and_what_unfolds_without_end_are_no_answer(
    coding: str, body: bytes, told: str
) -> None:
    with pytest.raises(ContractBroken, match=told) as caught:
        await _sent(coding, body)
    assert caught.value.__context__ is None


async def test_a_refusal_in_a_coding_that_can_not_be_read_is_a_refusal_all_the_same() -> None:
    error = await Vendor(httpx.Response(503, headers={"Content-Encoding": "br"}, content=b"x")).fails("POST")
    assert type(error) is Transient


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"Message": "Invalid argument: key."}', "Invalid argument: key."),
        (b'\xef\xbb\xbf{"Message": "With a mark"}', "With a mark"),
        (b'{"Message": "The request is invalid.", "ModelState": {"note.HeadlineId": ["\'x\' is not valid"]}}',
         "The request is invalid. fields: note.HeadlineId"),
        (b'"A bare string"', "A bare string"),
        (b"", "no message"),
        (b"  \r\n ", "no message"),
        (b"<html><head><style>p{}</style><title>502</title></head><body><p>Bad &amp; gone</p></body></html>",
         "… Bad & gone"),
        (b'{"type": "x", "title": "Conflict", "status": 409, "detail": "Taken"}', "Conflict Taken"),
        (b'{"error": "invalid_client", "error_description": "No"}', "invalid_client No"),
        (b'{"name": "Somebody"}', "an error body of unknown shape"),
        (b"[1]", "an error body of unknown shape"),
        ("två\nrader\toch\x00mer".encode(), "… och …"),
        (b"\xff\xfe", "…"),
        (b'{"Message": "PersonId=\'19900101-TF03\' and key=aUeJ%2b"}', "PersonId='[redacted]' and key=[redacted]"),
    ],
)  # fmt: skip
def test_an_error_body_of_any_shape_becomes_one_redacted_line(body: bytes, message: str) -> None:
    """L9, L13"""
    assert message_of(body) == message


def test_a_message_is_capped_after_it_is_redacted() -> None:
    """A number that is cut in two must not stay in the text."""
    message = message_of(("value " * 32 + " 19900101TF03 " + "value " * 90).encode())
    assert len(message) == 200
    assert "1990" not in message


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="relative"):
        path_segment(id)
    assert path_segment("a/../b?c#d") == "a%2F..%2Fb%3Fc%23d"


async def test_no_more_calls_run_at_once_than_are_allowed() -> None:
    running, most = 0, 0
    full, gate = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await gate.wait()
        running -= 1
        return httpx.Response(200)

    settings = HttpSettings(max_concurrent=3, per_second=1e6)
    async with VendorHttp("v", "https://v.example", settings=settings, transport=httpx.MockTransport(answer)) as http:
        calls = [asyncio.create_task(http.send("GET", "x", call="x")) for _ in range(10)]
        await full.wait()
        gate.set()
        await asyncio.gather(*calls)
    assert most == 3


def test_requests_keep_the_pace_after_a_burst_of_one_second() -> None:
    async def ask(times: int, per_second: float) -> float:
        transport = httpx.MockTransport(lambda _: httpx.Response(200))
        async with VendorHttp("v", HOST, settings=HttpSettings(per_second=per_second), transport=transport) as http:
            for _ in range(times):
                await http.send("GET", "x", call="x")
        return asyncio.get_running_loop().time()

    for times, per_second, seconds in ((4, 4, 0), (12, 4, 2), (3, 0.5, 4)):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            assert runner.run(ask(times, per_second)) == pytest.approx(seconds)


def test_the_libraries_log_nothing_at_all(caplog: pytest.LogCaptureFixture) -> None:
    """L3"""
    mute_library_loggers()
    for name in ("httpx", "httpcore.http11", "aiohttp.client", "aiohttp.access"):
        assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)


Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(serve: Raw) -> AsyncIterator[str]:
    """A server on a real socket. It calls ``serve`` when the request's head and body have come."""

    serving: list[asyncio.Task[None]] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
            writer.close()
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.create_task(serve_one(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
        await asyncio.gather(*serving)


async def _cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write_eof()


async def _not_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GOOD MORNING\r\n\r\n")


async def _half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")


async def _silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("serve", [_cut, _close, _not_http, _half, _silence])
async def test_on_a_real_socket_a_write_whose_answer_is_lost_is_unknown(serve: Raw) -> None:
    """If a connection is cut after sending, the transport itself calls that a failure to connect."""
    settings = HttpSettings(read_timeout=0.05, attempts=1)
    async with raw_server(serve) as url, VendorHttp("v", url, settings=settings) as http:
        with pytest.raises(AmbiguousWrite) as caught:
            await http.send("POST", "things", call="POST things", params=SECRET, json={})
        assert caught.value.__context__ is None
        assert "aUeJ" not in str(caught.value)
        with pytest.raises(Transient):
            await http.send("GET", "things", call="GET things", params=SECRET)


async def test_on_a_real_socket_a_refused_connection_sent_nothing() -> None:
    async with raw_server(_cut) as url:
        pass
    async with VendorHttp("v", url) as http:
        with pytest.raises(Transient, match="nothing was sent"):
            await http.send("POST", "things", call="POST things", json={})


async def test_on_a_real_socket_a_body_that_only_trickles_comes_to_an_end() -> None:
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    settings = HttpSettings(read_timeout=5, total_timeout=0.1, attempts=1)
    async with raw_server(trickle) as url, VendorHttp("v", url, settings=settings) as http:
        with pytest.raises(AmbiguousWrite):
            await http.send("POST", "things", call="POST things", json={})


@pytest.mark.parametrize(("method", "sent"), [("GET", True), ("POST", False), ("PUT", False), ("PATCH", False)])
async def test_who_may_not_write_any_more_still_reads_and_sends_nothing_else(method: str, sent: bool) -> None:
    vendor = Vendor(httpx.Response(200, json={}))
    with writing_while(lambda: False):
        if sent:
            await vendor.http.send(method, "things", call=f"{method} things")
        else:
            assert type(await vendor.fails(method, repeatable=False)) is NotSent
    assert vendor.requests == sent


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Client Anna Provdotter on Testgatan 3 not found", "Client … on … not found"),
        ("The field ExecutionId is invalid: Svensson", "The field ExecutionId is invalid: …"),
        ("call 070-123 45 67 or +46 70 123 45 67", "call … or …"),
        ("ANNA-LENA is missing", "… is missing"),
        ("Invalid JSON format", "Invalid JSON format"),
        ("Oj, felaktig autentisering", "Oj, felaktig autentisering"),
        ("Šárka Đukić och Łucja Ørsted saknas", "… och … saknas"),
        ("client анна петрова not found", "client … not found"),
        ("client anna svensson not found", "client … not found"),
        (unicodedata.normalize("NFD", "client Åsa Öberg not found"), "client … not found"),
        ("person 340101 1234 is unknown, 3401011234", "person … is unknown, [redacted]"),
        ("mail to asa.oberg@example.org", "mail to …"),
        ("key code 4711#, portkod 9137", "key code …"),
        ("invalid AnnaSvenssonId and note.HeadlineId", "invalid … and note.HeadlineId"),
    ],
)
def test_what_could_be_a_name_or_a_number_to_call_is_left_out_of_a_vendors_words(said: str, kept: str) -> None:
    assert message_of(said.encode()) == kept


@pytest.mark.parametrize("base", ["https://vendor.example:8443/base", "https://vendor.example/b å/"])
@given(
    segment=st.text(min_size=1).filter(lambda text: text not in (".", "..")),
    params=st.dictionaries(st.from_regex(r"p_[a-z]{1,9}", fullmatch=True), st.text()),
)
def test_ids_and_parameters_arrive_as_they_were_given(base: str, segment: str, params: dict[str, str]) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    async def ask() -> None:
        async with VendorHttp("vendor", base, params=SECRET, transport=httpx.MockTransport(answer)) as http:
            await http.send("GET", f"things/{path_segment(segment)}", call="things", params=params)

    asyncio.run(ask())
    address, begins = seen[0].url, httpx.URL(base)
    assert (address.host, address.port, dict(address.params)) == (begins.host, begins.port, params | SECRET)
    assert address.path == f"{begins.path.rstrip('/')}/things/{segment}"


def test_a_base_that_can_not_be_read_is_refused_when_the_client_is_made() -> None:
    with pytest.raises(httpx.InvalidURL):
        VendorHttp("vendor", "https://vendor.example:84x43")
