"""One request in, one answer out, synchronously and without I/O: what every simulated vendor is made of.

It is not built on Starlette's own requests and responses, which are asynchronous: the deterministic simulation asks
thousands of times a second, also from a plain timer, and nothing may be awaited there. ``serve.py`` puts Starlette
around the same handler for real sockets, and ``transport.py`` puts httpx around it in process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.routing import compile_path

ModelT = TypeVar("ModelT", bound=BaseModel)
Clock = Callable[[], datetime]
"""Gives the present instant, aware, in UTC."""


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
        """A request with its query decoded as IIS does it: a raw ``+`` is a space (L2), empty values are kept."""
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        query = tuple(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else ()
        return cls(method.upper(), path, query, lower, body, raw_query)

    def param(self, name: str) -> str | None:
        """The first value of a query parameter; None when it is absent."""
        return next((value for key, value in self.query if key == name), None)

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of ``name``; None when it is absent."""
        return self.headers.get(name.lower())

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none."""
        return json.loads(self.body)

    def body_as(self, model: type[ModelT]) -> ModelT:
        """The body as that model. Raises Refusal: 415 by its type, 400 as no JSON, 422 with the wrong fields."""
        if self.media_type not in ("application/json", "application/merge-patch+json"):
            raise refuse(415, "Unsupported Media Type", "Send application/json.")
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                raise refuse(400, "Bad Request", "The body is not JSON.") from None
            raise refuse(422, "Unprocessable Content", wrong_fields(error)) from None

    def query_as(self, model: type[ModelT]) -> ModelT:
        """The query parameters as that model. Raises Refusal (400) with the wrong ones."""
        try:
            return model.model_validate(dict(self.query))
        except ValidationError as error:
            raise refuse(400, "Bad Request", wrong_fields(error)) from None


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


class Refusal(Exception):
    """A request is refused with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Handler = Callable[[Request], Answer]
"""Answers a request at once, without I/O. Raises :class:`Cut`."""


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON, UTF-8. ``headers`` can replace the content type."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"content-type": "application/json; charset=utf-8", **(headers or {})}, body)


def problem(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
) -> Answer:
    """A problem body of RFC 9457; ``members`` are its extension members (``existingId``)."""
    body = {"type": "about:blank", "title": title, "status": status, **({"detail": detail} if detail else {})}
    return json_answer({**body, **members}, status, {**(headers or {}), "content-type": "application/problem+json"})


def refuse(status: int, title: str, detail: str = "", **members: Any) -> Refusal:
    """A refusal with a problem body."""
    return Refusal(problem(status, title, detail, **members))


def wrong_fields(error: ValidationError) -> str:
    """Which fields are wrong, and how, without the values that were sent."""
    return "; ".join(f"{'.'.join(map(str, part['loc'])) or 'body'}: {part['msg']}" for part in error.errors())


class Router:
    """Answers by path and method. Paths are Starlette's (``/customers/{external_id}``); a parameter reaches the
    endpoint by its name, beside the request."""

    def __init__(self, paths: Mapping[str, Mapping[str, Callable[..., Answer]]]) -> None:
        self._routes = [(compile_path(path)[0], methods) for path, methods in paths.items()]

    def __call__(self, request: Request) -> Answer:
        """The endpoint's answer; 404 and 405 where there is none. Refusals become their answers."""
        for pattern, methods in self._routes:
            match = pattern.match(request.path)
            if match is None:
                continue
            endpoint = methods.get(request.method)
            if endpoint is None:
                return problem(405, "Method Not Allowed", headers={"allow": ", ".join(methods)})
            try:
                return endpoint(request, **match.groupdict())
            except Refusal as refusal:
                return refusal.answer
        return problem(404, "Not Found", f"There is no {request.path}.")
