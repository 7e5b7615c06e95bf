"""What a simulated vendor takes and gives: one request in, one answer out, synchronously and without I/O.

The same handler runs over real sockets (``asgi.py``) and in process (``transport.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

Clock = Callable[[], datetime]
"""Gives the present instant, aware, in UTC."""


def parse_query(raw_query: str) -> tuple[tuple[str, str], ...]:
    """Decode a query string as IIS does: a raw ``+`` is a space (L2), ``%2b`` is a plus, empty values are kept."""
    return tuple(parse_qsl(raw_query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``path`` is percent-decoded and without the query; header names are in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw_query: str = ""

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        *,
        raw_query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Request:
        """A request whose ``query`` is decoded from ``raw_query`` and whose header names are put in lower case."""
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        return cls(method.upper(), path, parse_query(raw_query) if raw_query else (), lower, body, raw_query)

    def param(self, name: str) -> str | None:
        """The first value of a query parameter; None when it is absent."""
        return next((value for key, value in self.query if key == name), None)

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of ``name``; None when it is absent."""
        return self.headers.get(name.lower())

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``delay`` (seconds) never goes over the wire: the ASGI application waits so long before it
    answers, a simulation ignores it or moves its clock."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none."""
        return json.loads(self.body)

    def delayed(self, seconds: float) -> Answer:
        """The same answer, given ``seconds`` later."""
        return replace(self, delay=self.delay + seconds)


class Cut(Exception):
    """The connection is cut without an answer. ``delay`` (seconds) as in :class:`Answer`."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__("the connection is cut without an answer")
        self.delay = delay


Handler = Callable[[Request], Answer]
"""Answers a request at once, without I/O. Raises :class:`Cut`."""


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON, UTF-8."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"content-type": "application/json; charset=utf-8", **(headers or {})}, body)


def problem(
    status: int,
    title: str,
    detail: str = "",
    *,
    kind: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Answer:
    """A problem body of RFC 9457; ``members`` are its extension members (``existingId``)."""
    body: dict[str, Any] = {"type": kind, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    answer = json_answer({**body, **members}, status, headers)
    return replace(answer, headers={**answer.headers, "content-type": "application/problem+json"})


def wrong_fields(error: ValidationError) -> str:
    """Which fields are wrong, and how, without the values that were sent."""
    return "; ".join(f"{'.'.join(map(str, part['loc'])) or 'body'}: {part['msg']}" for part in error.errors())
