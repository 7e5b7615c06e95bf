"""Reads the query string, as strictly as the live gateway: ``q`` (L5, L6, LA1), ``gt`` and ``lt`` (L7, L16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

_SECONDS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PERSON = re.compile(r"\d{8}[0-9A-Z]{4}")
_FIELD = re.compile(r"\s*([A-Za-z][A-Za-z.]*)\s*=\s*")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_AND = re.compile(r" and (?=\S)")


class BadQuery(Exception):
    """The gateway refuses the query with 400. ``observed`` marks the two messages known word for word (L5)."""

    def __init__(self, message: str, *, observed: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.observed = observed


@dataclass(frozen=True, slots=True)
class Condition:
    """``Field='Value'``; ``value`` is as :func:`search_value` gives it, so that the two can be compared."""

    field: str
    kind: str
    value: Any


def parse_q(q: str, searchable: Mapping[str, str]) -> tuple[Condition, ...]:
    """The conditions of a ``q``, all of which must hold (LA1). Raises BadQuery (L5, L6)."""
    conditions: list[Condition] = []
    at = 0
    while True:
        name = _FIELD.match(q, at)
        if name is None:
            raise BadQuery("Invalid query format", observed=True)
        quoted = _QUOTED.match(q, name.end())
        if quoted is None:
            raise BadQuery("Condition value must be surrounded by single quotes", observed=True)
        field = name[1]
        kind = searchable.get(field)
        if kind is None:
            raise BadQuery(f"Invalid argument: q. The field '{field}' is not searchable.")
        conditions.append(Condition(field, kind, _typed(field, kind, quoted[1].replace("''", "'"))))
        at = quoted.end()
        if at == len(q):
            return tuple(conditions)
        joined = _AND.match(q, at)
        if joined is None:
            raise BadQuery("Invalid query format", observed=True)
        at = joined.end()


def _typed(field: str, kind: str, text: str) -> Any:
    try:
        match kind:
            case "int":
                return int(text)
            case "number":
                return float(text)
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "date" if _DAY.fullmatch(text):
                return date.fromisoformat(text)
            case "instant":
                return parse_instant(field, text)
            case "person" if _PERSON.fullmatch(text):
                return text
            case "text":
                return text
    except (ValueError, KeyError):
        pass
    raise BadQuery(f"Invalid argument: q. The value of '{field}' has the wrong format.")


def parse_instant(name: str, text: str) -> datetime:
    """``yyyy-MM-ddTHH:mm:ss`` in UTC, and nothing else (L16). Raises BadQuery."""
    if _SECONDS.fullmatch(text):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise BadQuery(f"Invalid argument: {name}. The date must be given as yyyy-MM-ddTHH:mm:ss.")


def parse_count(name: str, text: str | None, default: int, *, least: int) -> int:
    """``limit`` or ``offset``. Raises BadQuery where it is no number, or below ``least``."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise BadQuery(f"Invalid argument: {name}.")
    return int(text)


def search_value(row: Mapping[str, Any], field: str, kind: str, server_zone: ZoneInfo) -> Any:
    """What a row has in a searchable field, in the form in which it is compared.

    Instants that are searchable by date only are dates in the server's own zone (L6, LA2).
    """
    value: Any = row
    for part in field.split("."):
        if value is None:
            return None
        value = value.get(part)
    if kind == "date" and isinstance(value, datetime):
        return value.astimezone(server_zone).date()
    if kind == "instant" and value is not None:
        if isinstance(value, datetime):
            return value.replace(microsecond=0)
        return datetime.combine(value, time(), UTC)
    return value
