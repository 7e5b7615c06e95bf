"""A vendor that lets in only who shows a certificate: a real TLS server that demands one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from adapter.bootstrap import _http
from adapter.settings import LifecareSettings
from connectors.errors import Transient
from connectors.http import VendorHttp


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def vendor(ca: trustme.CA) -> AsyncIterator[str]:
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


def client(vendor: str, **files: Path) -> VendorHttp:
    settings = LifecareSettings.model_validate({"base_url": vendor, "domain": "d", "key": "k", **files})
    return VendorHttp("lifecare", vendor, settings=_http(settings, True))


async def test_the_certificate_of_the_settings_is_shown(vendor: str, files: dict[str, Path]) -> None:
    async with client(vendor, **files) as http:
        assert (await http.send("GET", "things", call="x")).json() == "adapter.example"


async def test_without_one_nothing_is_answered(vendor: str, files: dict[str, Path]) -> None:
    async with client(vendor, ca_file=files["ca_file"]) as http:
        with pytest.raises(Transient, match="no whole answer"):
            await http.send("GET", "things", call="x")
