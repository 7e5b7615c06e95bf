"""What a list read gives: the rows that can be used, and those that can't, each on its own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from connectors.lifecare.query import Resource
from connectors.lifecare.values import person_number
from connectors.plain import word

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that can't be used.

    ``reason`` never holds the value; ``person_id`` is what the row says. ``raw`` is the row as it came, so that two
    states of it can be told apart. Neither stands in a ``repr``, and both are None for another person's row (L11).
    """

    id: str | None
    person_id: str | None = field(repr=False)
    field: str
    reason: str
    raw: Any = dataclasses.field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Rows(Generic[M]):
    """A whole list. ``server_time`` (aware UTC) is the server's clock when the reading began, and so safe as the start
    of the next one: what changes while pages are read is changed after it. ``silent``: the list answered 404, which
    says that nothing matches (L10), or that the resource is not there at all."""

    items: tuple[M, ...]
    broken: tuple[BrokenRow, ...] = ()
    server_time: datetime | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose, or what's, rows were asked for; ``values`` by model field. Nothing else is passed on (L11)."""

    values: Mapping[str, object]
    reason: str

    def holds(self, row: BaseModel) -> bool:
        return all(getattr(row, name) == value for name, value in self.values.items())


def of_person(person_id: str) -> Scope:
    return Scope({"person_id": person_number(person_id)}, "belongs to another person")


def key_of(resource: Resource[Any], row: Any) -> Hashable:
    """What names a row among the others of its list: its id, else its whole content."""
    named = word(row.get(resource.key)) if resource.key is not None and isinstance(row, dict) else None
    return named if named is not None else blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=16).digest()


def parsed(resource: Resource[M], raw: list[Any], scope: Scope | None, server_time: datetime | None) -> Rows[M]:
    """A fault breaks its own row and no other."""
    items: list[M] = []
    broken: list[BrokenRow] = []
    for row in raw:
        try:
            item = resource.model.model_validate(row)
        except Exception as failure:  # noqa: BLE001  # P6: whatever one row raises stops at that row
            broken.append(_broken(row, failure, scope))
            continue
        if scope is None or scope.holds(item):
            items.append(item)
        else:
            field_name = ", ".join(scope.values)
            broken.append(BrokenRow(_text(row, "Id"), None, field_name, scope.reason))
    return Rows(tuple(items), tuple(broken), server_time)


def _broken(row: Any, failure: Exception, scope: Scope | None) -> BrokenRow:
    where, reason = "row", type(failure).__name__
    if isinstance(failure, ValidationError):
        fault = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        where, reason = ".".join(map(str, fault["loc"])) or where, fault["msg"]
    asked = scope.values.get("person_id") if scope else None
    person_id = _person(_text(row, "PersonId"))
    if asked is not None and person_id not in (None, asked):
        return BrokenRow(_text(row, "Id"), None, "person_id", "belongs to another person")
    return BrokenRow(_text(row, "Id"), person_id, where, reason, row)


def _person(value: str | None) -> str | None:
    try:
        return None if value is None else person_number(value)
    except ValueError:
        return None


def _text(row: Any, name: str) -> str | None:
    return word(row.get(name)) if isinstance(row, dict) else None
