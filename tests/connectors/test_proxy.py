"""The way out of a municipality's network (PA6): a real CONNECT proxy, a private CA, a certificate of our own, and the
errors."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trustme
from aiosmtpd.smtp import SMTP

from adapter.bootstrap import _http
from adapter.settings.model import LifecareSettings
from connectors.errors import Transient
from connectors.http.client import HttpSettings, VendorHttp
from connectors.http.proxy import proxy_for
from connectors.mail.client import MailClient, MailServer


class Proxy:
    """Opens connections for requests with the right login. ``asked`` holds the requests."""

    def __init__(self, login: str = "") -> None:
        self.expected = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None
        self.asked: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.splitlines()[0])
        headers = httpx.Headers(
            {name: value for name, _, value in (line.partition(": ") for line in head.splitlines())}
        )
        if self.expected and headers.get("Proxy-Authorization") != self.expected:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        port = int(head.split()[1].rpartition(":")[2])
        there_reader, there = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, there), _pump(there_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def listening(proxy: Proxy) -> AsyncIterator[str]:
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{proxy.port}"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
    await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def vendor(ca: trustme.CA) -> AsyncIterator[int]:
    """A vendor's port. Only the proxy can reach it by the name in its certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("lifecare.invalid", "127.0.0.1").configure_cert(tls)
    async with await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    ca.configure_trust(context)
    return context


async def read(url: str, **settings: object) -> object:
    async with VendorHttp("vendor", url, settings=HttpSettings(attempts=1, **settings)) as http:  # type: ignore[arg-type]
        return (await http.send("GET", "things", call="GET things")).json()


async def failure(url: str, **settings: object) -> str:
    with pytest.raises(Transient) as caught:
        await read(url, **settings)
    assert "nothing was sent" in str(caught.value)
    return str(caught.value)


async def test_a_vendor_is_reached_through_the_proxy_with_its_login(ca: trustme.CA, vendor: int) -> None:
    proxy = Proxy("ada:l0sen")
    async with listening(proxy) as url:
        with_login = url.replace("//", "//ada:l0sen@")
        assert await read(f"https://lifecare.invalid:{vendor}", proxy=with_login, trust=trusting(ca)) == []
        assert proxy.asked == [f"CONNECT lifecare.invalid:{vendor} HTTP/1.1"]
        told = await failure(f"https://lifecare.invalid:{vendor}", proxy=url, trust=trusting(ca))
    assert "the proxy refused the connection (it answered 407)" in told


async def test_the_environments_proxy_counts_where_none_is_set(
    ca: trustme.CA, vendor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    async with listening(proxy) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        assert await read(f"https://lifecare.invalid:{vendor}", trust=trusting(ca)) == []
        assert len(proxy.asked) == 1
        told = await failure(f"https://lifecare.invalid:{vendor}", proxy="none", trust=trusting(ca))
        assert "no such host" in told
        assert await read(f"https://127.0.0.1:{vendor}", trust=trusting(ca)) == []
        assert len(proxy.asked) == 1


def test_which_proxy_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example,.kommun.example")

    def by(url: str, wanted: str = "") -> str | None:
        return str(proxy.url) if (proxy := proxy_for(url, wanted)) else None

    assert by("https://lifecare.example") == "http://proxy.example:3128"
    assert by("https://lifecare.kommun.example") is None
    assert by("http://localhost:8101") is None
    assert by("https://lifecare.kommun.example", "http://other.example:8080") == "http://other.example:8080"
    assert by("https://lifecare.example", "none") is None


async def test_each_thing_in_the_way_is_told_in_words_of_its_own(ca: trustme.CA, vendor: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        free = unused.getsockname()[1]
    there = f"https://127.0.0.1:{vendor}"
    assert "certificate is not trusted" in await failure(there)
    assert "no such host" in await failure("https://lifecare.invalid")
    assert "the connection was refused" in await failure(f"https://127.0.0.1:{free}")
    told = await failure(there, proxy=f"http://127.0.0.1:{free}", trust=trusting(ca))
    assert "the proxy can't be reached (the connection was refused" in told
    assert "no such host: proxy.invalid" in await failure(there, proxy="http://proxy.invalid:1", trust=trusting(ca))


async def test_mail_goes_through_the_proxy_and_says_what_is_in_the_way(ca: trustme.CA, tmp_path: Path) -> None:
    tls, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("mx.invalid").configure_cert(tls)
    ca.configure_trust(ours)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: SMTP(object(), tls_context=tls, require_starttls=True), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]

    def client(proxy: str, host: str = "mx.invalid", port: int = port) -> MailClient:
        return MailClient(MailServer(host, "a@kommun.example", port, tls_context=ours, timeout=5, proxy=proxy))

    proxy, guarded = Proxy(), Proxy("ada:l0sen")
    async with listener, listening(proxy) as url, listening(guarded) as guarded_url:
        await client(url).check()
        assert proxy.asked == [f"CONNECT mx.invalid:{port} HTTP/1.1"]
        await client(guarded_url.replace("//", "//ada:l0sen@")).check()
        with pytest.raises(Transient, match="the proxy answered 407"):
            await client(guarded_url).check()
        with pytest.raises(Transient, match="no such host"):
            await client("").check()
    with pytest.raises(Transient, match="it was refused"):
        await client("", "127.0.0.1").check()
    with pytest.raises(Transient, match="through the proxy"):
        await client(url).check()


@pytest.fixture
async def demanding(ca: trustme.CA) -> AsyncIterator[str]:
    """A vendor that demands a client certificate."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        shown = dict(writer.get_extra_info("peercert")["subjectAltName"])
        body = f'"{shown["DNS"]}"'.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.verify_mode = ssl.CERT_REQUIRED
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    ca.configure_trust(tls)
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def files(tmp_path: Path, ca: trustme.CA) -> dict[str, Path]:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    mine = ca.issue_cert("adapter.example")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "mine.pem")
    return {"ca_file": tmp_path / "ca.pem", "cert_file": tmp_path / "mine.pem"}


def client(demanding: str, **files: Path) -> VendorHttp:
    settings = LifecareSettings.model_validate({"base_url": demanding, "domain": "d", "key": "k", **files})
    return VendorHttp("lifecare", demanding, settings=_http(settings, True))


async def test_the_certificate_of_the_settings_is_shown(demanding: str, files: dict[str, Path]) -> None:
    async with client(demanding, **files) as http:
        assert (await http.send("GET", "things", call="x")).json() == "adapter.example"


async def test_without_one_nothing_is_answered(demanding: str, files: dict[str, Path]) -> None:
    async with client(demanding, ca_file=files["ca_file"]) as http:
        with pytest.raises(Transient, match="no whole answer"):
            await http.send("GET", "things", call="x")
