"""How the live gateway says things: errors in four shapes (L9), dates in many (L14, L15), texts in RTF."""

import html
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import httpx
from pydantic import BaseModel, ValidationError

from connectors.mock.routing import json_answer, json_bytes

OPEN_ENDS: Final = frozenset({"EndDate", "ToDate", "ExecutionEndDate"})
_NO_END: Final = (None, ..., "0001-01-01T00:00:00", "9999-12-31T00:00:00")
"""What stands in an open end (L15); ``...`` leaves the field out."""


class Invalid(Exception):
    """A request is refused with 400. ``observed``: these are the live gateway's own words (L5), so the error always has
    ASP.NET's shape. ``fields`` are its ``ModelState``, if fields are malformed."""

    def __init__(self, message: str, *, observed: bool = False, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.message, self.observed, self.fields = message, observed, fields


B = TypeVar("B", bound=BaseModel)


def read_body(model: type[B], body: bytes, name: str) -> B:
    """The body of a write. Raises Invalid with the malformed fields, which are called after ``name``."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = {".".join([name, *map(str, part["loc"][:1])]): [part["msg"]] for part in error.errors()}
        raise Invalid("The request is invalid.", fields=wrong) from None


def message_error(status: int, message: str, **more: Any) -> httpx.Response:
    """An error in ASP.NET's own shape."""
    return json_answer({"Message": message, **more}, status)


def shaped_error(status: int, message: str, url: str, turn: int) -> httpx.Response:
    """An error in one of the four shapes, by ``turn`` (L9). Only the page shows the ``url``."""
    match turn % 4:
        case 0:
            return message_error(status, message)
        case 1:
            return json_answer(message, status)
        case 2:
            return httpx.Response(status)
    return html_error(status, message, url)


def html_error(status: int, message: str, url: str) -> httpx.Response:
    """The page of the gateway in front. As IIS's own pages do, it shows the requested URL: with the key, and with
    personal numbers as they came, percent-encoded (L3, L13)."""
    page = (
        f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h2>{html.escape(message)}</h2>"
        f"<table><tr><th>Requested URL</th><td>{html.escape(url, quote=False)}</td></tr></table></body></html>"
    )
    return httpx.Response(status, html=page)


def calendar_shapes(day: date) -> tuple[str, ...]:
    """The ways in which one calendar date is sent: only its first ten characters mean anything (L14)."""
    return (
        f"{day}T00:00:00Z",
        f"{day}T00:00:00",
        f"{day}T00:00:00+01:00",
        f"{day}T22:45:00+02:00",
        f"{day}T23:59:59Z",
        f"{day}T07:15:30.5000000Z",
    )


def instant_shapes(instant: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """The ways in which one instant is sent: all of them aware, and all the same instant (L14)."""
    text = instant.isoformat()
    return (
        text.replace("+00:00", "Z"),
        text,
        instant.astimezone(zone).isoformat(),
        f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06d}0Z",
    )


class Renderer:
    """Turns a row into JSON. The shape of each date follows from the row, its revision and the field: a row
    looks the same until it changes; then even a date that was not touched may change its shape. With ``plain`` there
    is one shape."""

    def __init__(self, zone: ZoneInfo, seed: int) -> None:
        self._zone = zone
        self._seed = seed

    def render(self, data: Mapping[str, Any], where: str, *, plain: bool) -> bytes:
        """The row in JSON, UTF-8. ``where`` names the row and its revision."""
        return json_bytes(self._value(data, where, plain))

    def _value(self, value: Any, where: str, plain: bool) -> Any:
        if isinstance(value, dict):
            shown = {name: self._field(name, item, f"{where}.{name}", plain) for name, item in value.items()}
            return {name: item for name, item in shown.items() if item is not ...}
        if isinstance(value, list):
            return [self._value(item, f"{where}.{at}", plain) for at, item in enumerate(value)]
        return value

    def _field(self, name: str, value: Any, where: str, plain: bool) -> Any:
        if isinstance(value, datetime):
            shapes: tuple[Any, ...] = instant_shapes(value, self._zone)
        elif isinstance(value, date):
            shapes = calendar_shapes(value)
        elif value is None:
            shapes = _NO_END if name in OPEN_ENDS else _NO_END[:2]
        else:
            return self._value(value, where, plain)
        return shapes[0 if plain else zlib.crc32(f"{self._seed}/{where}".encode()) // 97 % len(shapes)]


def rtf(text: str) -> str:
    """The text as a minimal RTF document: ``Documentation.Text`` is RTF or plain."""
    escaped = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}").replace("\n", "\\par ")
    return "{\\rtf1\\ansi " + "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in escaped) + "}"
