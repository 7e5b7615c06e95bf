"""What the paths of the simulated Phoniro have in common: routes, bodies, refusals, paging and ETags."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from connectors.mock.phoniro.schemas import Body, parse_instant
from connectors.mock.wire import Answer, Request, json_answer, problem, wrong_fields

BodyT = TypeVar("BodyT", bound=Body)
DEFAULT_LIMIT, MAX_LIMIT = 100, 500


class Refusal(Exception):
    """A request is refused with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refuse(status: int, title: str, detail: str = "", **members: Any) -> Refusal:
    """A refusal with a problem body."""
    return Refusal(problem(status, title, detail, **members))


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the API; its groups are the arguments of the method that answers it."""

    pattern: re.Pattern[str]
    methods: dict[str, Callable[..., Answer]]


def routes(paths: dict[str, dict[str, Callable[..., Answer]]]) -> list[Route]:
    """Routes from regular expressions of whole paths and their methods."""
    return [Route(re.compile(path), methods) for path, methods in paths.items()]


def dispatch(routes: list[Route], request: Request) -> Answer:
    """Answer by the first route whose path fits; 404 and 405 where none does. Refusals become their answers."""
    for route in routes:
        match = route.pattern.fullmatch(request.path)
        if match is None:
            continue
        method = route.methods.get(request.method)
        if method is None:
            return problem(405, "Method Not Allowed", headers={"allow": ", ".join(route.methods)})
        try:
            return method(request, *match.groups())
        except Refusal as refusal:
            return refusal.answer
    return problem(404, "Not Found", "There is no such path.")


def body_of(request: Request, model: type[BodyT]) -> BodyT:
    """The body as that model. Raises Refusal: 415 by its type, 400 as no JSON, 422 with the fields that are wrong."""
    content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if content_type not in ("application/json", "application/merge-patch+json"):
        raise refuse(415, "Unsupported Media Type", "Send application/json.")
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise refuse(400, "Bad Request", "The body is not JSON.") from None
        raise refuse(422, "Unprocessable Content", wrong_fields(error)) from None


def limit_of(request: Request) -> int:
    """The page size asked for. Raises Refusal (400)."""
    text = request.param("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise refuse(400, "Bad Request", f"limit must be 1 to {MAX_LIMIT}.")
    return int(text)


def instant_of(request: Request, name: str) -> datetime | None:
    """A query parameter as an instant in UTC; None when absent. Raises Refusal (400)."""
    text = request.param(name)
    if text is None:
        return None
    try:
        value: datetime = parse_instant(text)
    except ValueError as error:
        raise refuse(400, "Bad Request", f"{name}: {error}") from None
    return value


def required_instant(request: Request, name: str) -> datetime:
    """As :func:`instant_of`, and refused when absent."""
    value = instant_of(request, name)
    if value is None:
        raise refuse(400, "Bad Request", f"{name} is required.")
    return value


def to_cursor(position: Any) -> str:
    """A place in a list, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def cursor_of(request: Request) -> Any:
    """The place that a cursor means; None without a cursor. Raises Refusal (400)."""
    text = request.param("cursor")
    if text is None:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(text))
    except ValueError:
        raise bad_cursor() from None


def bad_cursor() -> Refusal:
    """The refusal of a cursor that this list never gave."""
    return refuse(400, "Bad Request", "This cursor was not given by this list.")


def place_of(request: Request) -> int:
    """The number at which a page begins to look; -1 without a cursor. Raises Refusal (400)."""
    place = cursor_of(request)
    if place is None:
        return -1
    if not isinstance(place, int):
        raise bad_cursor()
    return place


def page_answer(items: list[Any], following: Any) -> Answer:
    """A page; ``following`` is the place of the next, None at the end."""
    return json_answer({"items": items, "nextCursor": None if following is None else to_cursor(following)})


def check_match(request: Request, etag: str) -> None:
    """Raises Refusal where If-Match is missing (428) or names another version (412)."""
    wanted = request.header("if-match")
    if wanted is None:
        raise refuse(428, "Precondition Required", "Send If-Match with the ETag that you have read.")
    if wanted.strip() != "*" and etag not in (tag.strip() for tag in wanted.split(",")):
        raise refuse(412, "Precondition Failed", "The schedule has been changed since.")
