"""What every simulated vendor is made of: one request in, one answer out, synchronously and without I/O.

Requests and answers are httpx's own. Starlette's are asynchronous, and the deterministic simulation asks thousands of
times a second, also from a plain timer, where nothing may be awaited. ``serve.py`` puts Starlette around a handler for
real sockets, ``transport.py`` hands it what an httpx client asks in the same process.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from starlette.routing import compile_path

ModelT = TypeVar("ModelT", bound=BaseModel)
Clock = Callable[[], datetime]
"""Gives the present instant, aware, in UTC."""
Handler = Callable[[httpx.Request], httpx.Response]
"""Answers at once a request whose body has been read. Raises :class:`Cut`. ``delay`` (seconds) among the answer's
extensions never goes over the wire: the ASGI application waits so long before it answers."""


class Cut(httpx.ReadError):
    """The connection is cut without an answer, after ``delay`` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__("the connection is cut without an answer")
        self.delay = delay


class Refusal(Exception):
    """A request is refused with this answer."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Received:
    """A request that reached a vendor's API, when (UTC), and the status that it answered."""

    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    status: int

    @property
    def resource(self) -> str:
        """The resource's name in the path: ``orders``; empty where there is none."""
        return self.path.partition("/api/v")[2].partition("/")[2].partition("/")[0]


def media_type(request: httpx.Request) -> str:
    """The content type without its parameters, in lower case."""
    return str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()


def body_as(request: httpx.Request, model: type[ModelT]) -> ModelT:
    """The body as that model. Raises Refusal: 415 by its type, 400 as no JSON, 422 with the wrong fields."""
    if media_type(request) not in ("application/json", "application/merge-patch+json"):
        raise refuse(415, "Unsupported Media Type", "Send application/json.")
    try:
        return model.model_validate_json(request.content)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise refuse(400, "Bad Request", "The body is not JSON.") from None
        raise refuse(422, "Unprocessable Content", _wrong_fields(error)) from None


def query_as(request: httpx.Request, model: type[ModelT]) -> ModelT:
    """The query parameters as that model. Raises Refusal (400) with the wrong ones."""
    try:
        return model.model_validate(dict(request.url.params))
    except ValidationError as error:
        raise refuse(400, "Bad Request", _wrong_fields(error)) from None


def json_bytes(value: Any) -> bytes:
    """JSON as the vendors send it, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An answer in JSON: a value, or bytes of JSON as they are. ``headers`` can replace the content type."""
    body = value if isinstance(value, bytes) else json_bytes(value)
    kind = {"content-type": "application/json; charset=utf-8"}
    return httpx.Response(status, headers={**kind, **(headers or {})}, content=body)


def problem(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
) -> httpx.Response:
    """A problem body of RFC 9457; ``members`` are its extension members (``existingId``)."""
    body = {"type": "about:blank", "title": title, "status": status, **({"detail": detail} if detail else {})}
    return json_answer({**body, **members}, status, {**(headers or {}), "content-type": "application/problem+json"})


def refuse(status: int, title: str, detail: str = "", **members: Any) -> Refusal:
    """A refusal with a problem body."""
    return Refusal(problem(status, title, detail, **members))


def _wrong_fields(error: ValidationError) -> str:
    """Which fields are wrong, and how, without the values that were sent."""
    return "; ".join(f"{'.'.join(map(str, part['loc'])) or 'body'}: {part['msg']}" for part in error.errors())


class Router:
    """Answers by path and method. Paths are Starlette's (``/customers/{external_id}``); a parameter reaches the
    endpoint by its name, beside the request."""

    def __init__(self, paths: Mapping[str, Mapping[str, Callable[..., httpx.Response]]]) -> None:
        self._routes = [(compile_path(path)[0], methods) for path, methods in paths.items()]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The endpoint's answer; 404 and 405 where there is none. Refusals become their answers."""
        path = request.url.path
        for pattern, methods in self._routes:
            match = pattern.match(path)
            if match is None:
                continue
            endpoint = methods.get(request.method)
            if endpoint is None:
                return problem(405, "Method Not Allowed", headers={"allow": ", ".join(methods)})
            try:
                return endpoint(request, **match.groupdict())
            except Refusal as refusal:
                return refusal.answer
        return problem(404, "Not Found", f"There is no {path}.")
