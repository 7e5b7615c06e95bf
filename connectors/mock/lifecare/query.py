"""Reads ``q`` (L5, L6, LA1), ``gt`` and ``lt`` (L7, L16) and pages, as strictly as the live gateway."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from connectors.mock.lifecare.rendering import Invalid
from connectors.mock.lifecare.resources import RESOURCES

_SECONDS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PERSON = re.compile(r"\d{8}[0-9A-Z]{4}")
_FIELD = re.compile(r"\s*([A-Za-z][A-Za-z.]*)\s*=\s*")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_AND = re.compile(r" and (?=\S)")


@dataclass(frozen=True, slots=True)
class Condition:
    """``Field='Value'``; ``value`` is as :func:`search_value` gives it, so that the two can be compared."""

    field: str
    kind: str
    value: Any


@lru_cache(4096)  # the same is asked again and again
def parse_q(q: str, resource: str) -> tuple[Condition, ...]:
    """The conditions of a ``q`` to a resource, all of which must hold (LA1). Raises Invalid (L5, L6)."""
    searchable = RESOURCES[resource].searchable
    conditions: list[Condition] = []
    at = 0
    while True:
        name = _FIELD.match(q, at)
        if name is None:
            raise Invalid("Invalid query format", observed=True)
        quoted = _QUOTED.match(q, name.end())
        if quoted is None:
            raise Invalid("Condition value must be surrounded by single quotes", observed=True)
        field = name[1]
        kind = searchable.get(field)
        if kind is None:
            raise Invalid(f"Invalid argument: q. The field '{field}' is not searchable.")
        conditions.append(Condition(field, kind, _typed(field, kind, quoted[1].replace("''", "'"))))
        at = quoted.end()
        if at == len(q):
            return tuple(conditions)
        joined = _AND.match(q, at)
        if joined is None:
            raise Invalid("Invalid query format", observed=True)
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
                return parse_instant(text)
            case "person" if _PERSON.fullmatch(text):
                return text
            case "text":
                return text
    except (ValueError, KeyError):
        pass
    raise Invalid(f"Invalid argument: q. The value of '{field}' has the wrong format.")


def parse_instant(text: str) -> datetime:
    """``yyyy-MM-ddTHH:mm:ss`` in UTC, and nothing else (L16). Raises ValueError."""
    if not _SECONDS.fullmatch(text):
        raise ValueError("the date must be given as yyyy-MM-ddTHH:mm:ss")
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class ListQuery(BaseModel):
    """The parameters of a list; an empty one counts as not given."""

    q: str = ""
    gt: Annotated[datetime | None, BeforeValidator(lambda text: parse_instant(text) if text else None)] = None
    lt: Annotated[datetime | None, BeforeValidator(lambda text: parse_instant(text) if text else None)] = None
    limit: int | None = Field(default=None, ge=1)
    offset: int = Field(default=0, ge=0)


def parse_list_query(query: Mapping[str, str]) -> ListQuery:
    """The parameters of a list. Raises Invalid with the first that is wrong."""
    try:
        return ListQuery.model_validate(query)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise Invalid(f"Invalid argument: {wrong['loc'][0]}. {wrong['msg']}.") from None


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
