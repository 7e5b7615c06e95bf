"""In place of the network and of httpx: what the connectors ask goes straight to a simulated vendor's handler.

It stands in for ``connectors.http.direct.Direct``, of which whoever simulates gives ``send``.
"""

from __future__ import annotations

import json as json_codec
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from connectors.mock.wire import Answer, Request


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
        heads = {name.lower(): value for name, value in (headers or {}).items()}
        body = b""
        if json is not None:
            body = json_codec.dumps(json).encode()
            heads.setdefault("content-type", "application/json")
        elif data is not None:
            body = urlencode(data).encode()
            heads["content-type"] = "application/x-www-form-urlencoded"
        asked = urlsplit(url)
        return Request(method, unquote(asked.path), tuple(parse_qsl(asked.query)), heads, body)

    async def aclose(self) -> None:
        return None
