"""The result of reading a list: the rows that can be used, and those that can't."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from connectors.json_values import word
from connectors.lifecare.query import Resource
from connectors.lifecare.values import person_number
from connectors.rows import BrokenRow, read_row

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

ANOTHER_PERSON: Final = "belongs to another person"


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """A whole list. ``server_time`` (aware UTC) is the server's clock when the reading began. The next reading of
    changes can start from it, because rows that change during the reading change after it. ``silent``: the answer was
    404, so either nothing matches (L10) or the resource doesn't exist."""

    items: tuple[T, ...]
    broken: tuple[BrokenRow, ...] = ()
    server_time: datetime | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows were asked for: those with these ``values``, by model field. Other rows aren't passed on (L11)."""

    values: Mapping[str, object]
    reason: str

    def holds(self, row: BaseModel | BrokenRow) -> bool:
        """Whether the row was asked for. A broken row counts as such unless it names another person."""
        if isinstance(row, BrokenRow):
            asked = self.values.get("person_id")
            return asked is None or person_of(row) in (None, asked)
        return all(getattr(row, name) == value for name, value in self.values.items())


def of_person(person_id: str) -> Scope:
    return Scope({"person_id": person_number(person_id)}, ANOTHER_PERSON)


def person_of(row: BrokenRow) -> str | None:
    """The person of a broken row, if it can be read."""
    number = row.says("PersonId")
    try:
        return None if number is None else person_number(number)
    except ValueError:
        return None


def key_of(resource: Resource[Any], raw: Any) -> Hashable:
    """Identifies a row in its list: its id, or a digest of its content if it has none."""
    id = word(raw.get(resource.key)) if resource.key is not None and isinstance(raw, dict) else None
    return id if id is not None else blake2b(json.dumps(raw, sort_keys=True).encode(), digest_size=16).digest()


def read_within(resource: Resource[M], raw: Any, scope: Scope | None) -> M | BrokenRow:
    """The row. If it is outside ``scope``, it becomes a broken row that shows only its id."""
    row = read_row(resource.model, raw, id="Id")
    if scope is None or scope.holds(row):
        return row
    return BrokenRow(word(raw.get("Id")), ((", ".join(scope.values), scope.reason),))
