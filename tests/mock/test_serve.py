"""A simulated vendor for a real client, over sockets and in process, and how both vendors are run."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.simulator import BASE
from connectors.mock.routing import json_answer
from connectors.mock.serve import BODY_LIMIT, RunningSimulators, listening, running_simulators, serve
from connectors.mock.transport import InProcessTransport
from connectors.mock.vendor import SimulatedVendor

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


class Echo(SimulatedVendor):
    """Tells the client what arrived."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        told = {"path": url.path, "query": url.params.multi_items(), "raw": url.query.decode()}
        told |= {"header": request.headers.get("X-Test"), "body": request.content.decode()}
        return json_answer({"method": request.method, **told})


@pytest.fixture
def echo() -> Echo:
    return Echo(lambda: NOW)


@pytest.fixture(params=["httpx", "aiohttp", "in process"])
async def client(request: pytest.FixtureRequest, echo: Echo) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        url, transport = "http://vendor.test", httpx.AsyncBaseTransport()
        if request.param == "in process":
            transport = InProcessTransport(echo.handle)
        else:
            url = await stack.enter_async_context(listening(echo.handle))
            transport = AiohttpTransport() if request.param == "aiohttp" else httpx.AsyncHTTPTransport()
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=url, transport=transport, timeout=5))


async def test_the_whole_request_reaches_the_handler(client: httpx.AsyncClient) -> None:
    """A raw plus in the query arrives as a space (L2)."""
    answer = await client.put("/a%20b?x=1+2%2B3&empty=", content="säng".encode(), headers={"X-Test": "yes"})
    assert answer.json() == {
        "method": "PUT",
        "path": "/a b",
        "query": [["x", "1 2+3"], ["empty", ""]],
        "raw": "x=1+2%2B3&empty=",
        "header": "yes",
        "body": "säng",
    }
    assert (await client.get("/things")).json()["raw"] == ""


@pytest.mark.parametrize("kind", [Kind.CUT_BEFORE, Kind.CUT_AFTER])
async def test_a_cut_is_a_broken_connection_to_the_client_and_the_next_call_works(
    client: httpx.AsyncClient, echo: Echo, kind: Kind
) -> None:
    echo.faults.add(Rule(kind=kind, delay=0.01))
    with pytest.raises(httpx.TransportError) as broken:
        await client.post("/things")
    # httpx-aiohttp makes a cut connection a ConnectTimeout. Only the cause shows the difference.
    cause = broken.value.__cause__ if isinstance(broken.value, httpx.ConnectTimeout) else broken.value
    assert isinstance(cause, httpx.RemoteProtocolError | httpx.ReadError | aiohttp.ServerDisconnectedError)
    assert (await client.post("/things")).status_code == 200


async def test_an_answer_delayed_beyond_the_clients_patience_times_out(client: httpx.AsyncClient, echo: Echo) -> None:
    echo.faults.add(Rule(kind=Kind.DELAY, delay=3600))
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/things", timeout=httpx.Timeout(5, read=0.05))
    assert (await client.get("/things")).status_code == 200


async def test_a_short_delay_is_waited_out_over_a_socket_and_never_slept_in_process(
    client: httpx.AsyncClient, echo: Echo
) -> None:
    echo.faults.add(Rule(kind=Kind.DELAY, delay=0.03))
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    assert (await client.get("/things")).status_code == 200
    assert loop.time() - asked_at >= 0.03 or client.base_url.host == "vendor.test"


async def test_an_empty_or_bodiless_answer_arrives_as_it_is(client: httpx.AsyncClient, echo: Echo) -> None:
    echo.faults.add(Rule(kind=Kind.EMPTY))
    echo.faults.add(Rule(kind=Kind.STATUS_BEFORE, status=204))
    empty, none = await client.get("/things"), await client.get("/things")
    assert (empty.status_code, empty.content, none.status_code, none.content) == (200, b"", 204, b"")


async def test_a_body_over_the_limit_is_refused(echo: Echo) -> None:
    async with listening(echo.handle) as url, httpx.AsyncClient() as client:
        assert (await client.post(url, content=b"x" * (BODY_LIMIT + 1))).status_code == 413


@pytest.mark.parametrize(
    ("target", "status"),
    [("*", 400), ("/a#b", 400), ("admin/acts", 400), ("http://vendor.test/admin/acts?a=b", 200), ("http://a", 200)],
)
async def test_a_target_is_a_path_with_its_origin_or_without(echo: Echo, target: str, status: int) -> None:
    async with listening(echo.handle) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).split()[1] == str(status).encode()
        writer.close()


async def test_a_request_that_is_cut_off_is_no_error(echo: Echo, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(echo.handle) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert not echo.received()
    assert "ClientDisconnect" not in caplog.text


async def test_both_vendors_run_with_their_state_and_faults_at_hand() -> None:
    async with running_simulators() as simulators, httpx.AsyncClient() as client:
        simulators.phoniro.faults.add(Rule(kind=Kind.STATUS_BEFORE, status=503))
        assert (await client.get(f"{simulators.phoniro_url}/api/v1/organisations")).status_code == 503
        assert (await client.get(f"{simulators.phoniro_url}/api/v1/organisations")).status_code == 401
        assert [one.status for one in simulators.phoniro.received()] == [401]
        answer = await client.get(f"{simulators.lifecare_url}{BASE}/api/orders")
        assert len(answer.headers.get_list("date")) == 1, "the simulator's own, beside none of the server's"
        assert len(simulators.lifecare.received()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_served_vendors_announce_where_they_are_and_end_on_a_signal(number: signal.Signals) -> None:
    announced: list[RunningSimulators] = []

    def ready(running: RunningSimulators) -> None:
        announced.append(running)
        signal.raise_signal(number)

    await asyncio.wait_for(serve(ready=ready), 60)
    (running,) = announced
    assert {urlsplit(url).hostname for url in (running.lifecare_url, running.phoniro_url)} == {"127.0.0.1"}
