"""How the live gateway says things: errors in four shapes (L9), dates in many (L14, L15), texts in RTF."""

from __future__ import annotations

import html
import json
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from connectors.mock.lifecare.catalogue import HEADINGS, OTHER_HEADING
from connectors.mock.wire import Answer, json_answer

JSON: Final = "application/json; charset=utf-8"
OPEN_ENDS: Final = frozenset({"EndDate", "ToDate", "ExecutionEndDate", "DecisionEndDate", "ExecutedDecisionEndDate"})
ErrorShape = Literal["message", "string", "empty", "html"]
_SHAPES: Final[tuple[ErrorShape, ...]] = ("message", "string", "empty", "html")


@dataclass(slots=True)
class Settings:
    """What can be set while the simulator runs.

    ``page_cap``: the most rows that one page holds, whatever ``limit`` asks for (L8). ``skew_seconds``: how far the
    server's clock is ahead. ``unlicensed``: names of resources that the key has no licence for (L12), also
    ``provider_notes``. ``empty_list``: what a list without matches answers (L10). ``error_shape`` (L9) and ``dates``
    (L14, L15): ``mixed`` goes through all there are; ``dates`` counts for rows that are changed, or read for the first
    time, afterwards. ``read_back``: the heading that a note written under a provider heading is read back under; a
    heading without an entry can't be read back (LA3, LA4).
    """

    page_cap: int = 100
    skew_seconds: float = 0.0
    unlicensed: set[str] = field(default_factory=set)
    empty_list: Literal["mixed", "404", "[]"] = "mixed"
    error_shape: Literal["mixed", "message", "string", "empty", "html"] = "mixed"
    dates: Literal["mixed", "plain"] = "mixed"
    read_back: dict[int, str] = field(
        default_factory=lambda: {
            heading.provider_headline_id: heading.headline_id for heading in (*HEADINGS.values(), OTHER_HEADING)
        }
    )


def message_error(status: int, message: str, **more: Any) -> Answer:
    """An error in ASP.NET's own shape."""
    return json_answer({"Message": message, **more}, status)


def shaped_error(status: int, message: str, url: str, setting: str, turn: int) -> Answer:
    """An error in the shape that is set, or in the one whose ``turn`` it is (L9). Only the page shows the ``url``."""
    match _SHAPES[turn % len(_SHAPES)] if setting == "mixed" else setting:
        case "string":
            return json_answer(message, status)
        case "empty":
            return Answer(status, {"content-length": "0"}, b"")
        case "html":
            return html_error(status, message, url)
    return message_error(status, message)


def html_error(status: int, message: str, url: str) -> Answer:
    """The page of the gateway in front. As IIS's own pages do, it shows the requested URL: with the key, and with
    personal numbers as they came, percent-encoded (L3, L13)."""
    page = (
        f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h2>{html.escape(message)}</h2>"
        f"<table><tr><th>Requested URL</th><td>{html.escape(url, quote=False)}</td></tr></table></body></html>"
    )
    return Answer(status, {"content-type": "text/html; charset=utf-8"}, page.encode())


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


_NO_END: Final = (None, ..., "0001-01-01T00:00:00", "9999-12-31T00:00:00")


class Renderer:
    """Turns a row into JSON. The shape of each date follows from the row, its revision and the field: the same row
    reads alike until it changes, and then an untouched date may come in another shape."""

    def __init__(self, settings: Settings, zone: ZoneInfo, seed: int) -> None:
        self._settings = settings
        self._zone = zone
        self._seed = seed

    def render(self, data: dict[str, Any], where: str) -> bytes:
        """The row in JSON, UTF-8. ``where`` names the row and its revision."""
        return json.dumps(self._value(data, where), ensure_ascii=False, separators=(",", ":")).encode()

    def _value(self, value: Any, where: str) -> Any:
        if isinstance(value, dict):
            return {
                name: shown
                for name, item in value.items()
                if (shown := self._field(name, item, f"{where}.{name}")) is not ...
            }
        if isinstance(value, list):
            return [self._value(item, f"{where}.{at}") for at, item in enumerate(value)]
        return value

    def _field(self, name: str, value: Any, where: str) -> Any:
        if isinstance(value, datetime):
            return self._pick(instant_shapes(value, self._zone), where)
        if isinstance(value, date):
            return self._pick(calendar_shapes(value), where)
        if value is None:
            return self._pick(_NO_END if name in OPEN_ENDS else _NO_END[:2], where)
        return self._value(value, where)

    def _pick(self, shapes: tuple[Any, ...], where: str) -> Any:
        if self._settings.dates == "plain":
            return shapes[0]
        return shapes[zlib.crc32(f"{self._seed}/{where}".encode()) // 97 % len(shapes)]


def rtf(text: str) -> str:
    """The text as a minimal RTF document: ``Documentation.Text`` is RTF or plain."""
    escaped = "".join(_rtf_character(character) for character in text)
    return "{\\rtf1\\ansi " + escaped + "}"


def _rtf_character(character: str) -> str:
    if character in "\\{}":
        return "\\" + character
    if character == "\n":
        return "\\par "
    return character if character.isascii() else f"\\u{ord(character)}?"


def seconds(amount: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=amount)
