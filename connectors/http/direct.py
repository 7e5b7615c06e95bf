"""A transport under the httpx API without httpx's client around it.

The client keeps cookies, follows redirects, adds authentication, runs hooks and logs each URL: nothing that a vendor
here asks for, and together a third of what a call costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx

_HEADERS = httpx.Headers(
    {
        "Accept": "application/json",  # ASP.NET has other formats for a client that takes anything
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "trygghetskamera-adapter",
    }
)


# The same few addresses are asked for again and again while a case is under way, and parsing one costs as much as the
# rest of a request.
_parsed = lru_cache(maxsize=512)(httpx.URL)


class Direct:
    """Requests and answers of one transport. Raises ``httpx.HTTPError`` and ``httpx.InvalidURL``."""

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout) -> None:
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
        whole = _HEADERS
        if headers:
            whole = httpx.Headers(_HEADERS)
            whole.update(headers)
        if method != "GET":
            return httpx.Request(method, _parsed(url), json=json, data=data, headers=whole, extensions=self._extensions)
        # Without a body there is nothing to be encoded; the transport names the host by itself.
        request = httpx.Request(
            method, _parsed(url), headers=whole, stream=httpx.ByteStream(b""), extensions=self._extensions
        )
        request.read()
        return request

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer's head; who asked reads its body and closes it."""
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()
