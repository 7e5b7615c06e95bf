"""In place of the network and of httpx: what the connectors ask goes straight to a simulated vendor's handler.

It stands in for ``connectors.http.direct.Direct``, of which whoever simulates gives ``send``.
"""

from __future__ import annotations

import json as json_codec
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import unquote, urlencode, urlsplit

import httpx

from connectors.http import HttpSettings
from connectors.mock.routing import Answer, Cut, Handler, Request

READ_TIMEOUT = HttpSettings().read_timeout


class Heads(dict[str, str]):
    """Headers in lower case, asked for in any."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Said:
    """What the connector hears."""

    status_code: int
    headers: Heads
    content: bytes

    @classmethod
    def of(cls, answer: Answer) -> Said:
        return cls(answer.status, Heads({name.lower(): value for name, value in answer.headers.items()}), answer.body)

    is_stream_consumed: ClassVar[bool] = True

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        yield self.content

    async def aclose(self) -> None:
        return None


@lru_cache(4096)
def _plain(method: str, url: str) -> Request:
    """The same things are asked again and again."""
    asked = urlsplit(url)
    return Request.of(method, unquote(asked.path), raw_query=asked.query)


class Spared:
    """The half that is the same everywhere."""

    def build_request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        if json is None and data is None and not headers:
            return _plain(method, url)
        heads = {name.lower(): value for name, value in (headers or {}).items()}
        body = b""
        if json is not None:
            body = json_codec.dumps(json).encode()
            heads.setdefault("content-type", "application/json")
        elif data is not None:
            body = urlencode(data).encode()
            heads["content-type"] = "application/x-www-form-urlencoded"
        return replace(_plain(method, url), headers=heads, body=body)

    async def aclose(self) -> None:
        return None


class InProcess(Spared):
    """The other half where the vendor's handler is asked at once, as ``InProcessTransport`` does behind httpx."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def send(self, request: Request) -> Said:
        """Raises httpx.ReadError and httpx.ReadTimeout."""
        try:
            answer = self._handler(request)
        except Cut as cut:
            self._wait(cut.delay)
            raise httpx.ReadError(str(cut)) from None
        self._wait(answer.delay)
        return Said.of(answer)

    def _wait(self, seconds: float) -> None:
        if seconds > READ_TIMEOUT:
            raise httpx.ReadTimeout("the answer did not come in time")
