"""A transport under the httpx API without httpx's client around it.

The client keeps cookies, follows redirects, adds authentication, runs hooks and logs each URL: nothing that a vendor
here asks for, and together a third of what a call costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx

_HEADERS = httpx.Headers(
    {
        "Accept": "application/json",  # ASP.NET has other formats for a client that takes anything
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "trygghetskamera-adapter",
    }
)


class Address(httpx.URL):
    """A whole address, written as httpx writes it. It is taken apart by whoever asks for a part of it (which raises
    ``httpx.InvalidURL`` where it is none): what goes to the network asks for none, and parsing costs as much as all the
    rest of a request."""

    def __init__(self, whole: str) -> None:
        self._whole = whole

    def __str__(self) -> str:
        return self._whole

    @cached_property
    def _uri_reference(self) -> Any:  # type: ignore[override]  # httpx sets it when a URL is made, and parses it there
        return httpx.URL(self._whole)._uri_reference


class Direct:
    """Requests and answers of one transport, to addresses that begin with ``base_url``. Raises ``httpx.HTTPError``."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout) -> None:
        self._base = Address(base_url)
        self._transport = transport
        self._extensions = {"timeout": timeout.as_dict()}

    def build_request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """``url`` is whole, its parameters included."""
        assert url.startswith(str(self._base)), "the base names the host"
        whole = _HEADERS
        if headers:
            whole = httpx.Headers(_HEADERS)
            whole.update(headers)
        if method == "GET":
            # Without a body there is nothing to be encoded; the transport names the host by itself.
            request = httpx.Request(
                method, self._base, headers=whole, stream=httpx.ByteStream(b""), extensions=self._extensions
            )
            request.read()
        else:
            request = httpx.Request(
                method, self._base, json=json, data=data, headers=whole, extensions=self._extensions
            )
        request.url = Address(url)
        return request

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer's head; who asked reads its body and closes it."""
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()
