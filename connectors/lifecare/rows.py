"""What a list read gives: the rows that can be used, and those that can't, each on its own."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from connectors.lifecare.query import Resource
from connectors.lifecare.values import person_number
from connectors.plain import word
from connectors.rows import BrokenRow, read_row

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

ANOTHER_PERSON: Final = "belongs to another person"


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """A whole list. ``server_time`` (aware UTC) is the server's clock when the reading began, and so safe as the start
    of the next one: what changes while pages are read is changed after it. ``silent``: the list answered 404, which
    says that nothing matches (L10), or that the resource is not there at all."""

    items: tuple[T, ...]
    broken: tuple[BrokenRow, ...] = ()
    server_time: datetime | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose, or what's, rows were asked for; ``values`` by model field. Nothing else is passed on (L11)."""

    values: Mapping[str, object]
    reason: str

    def holds(self, row: BaseModel | BrokenRow) -> bool:
        """Whether the row is what was asked for. A broken one may be, unless it names another person."""
        if isinstance(row, BrokenRow):
            asked = self.values.get("person_id")
            return asked is None or person_of(row) in (None, asked)
        return all(getattr(row, name) == value for name, value in self.values.items())


def of_person(person_id: str) -> Scope:
    return Scope({"person_id": person_number(person_id)}, ANOTHER_PERSON)


def person_of(row: BrokenRow) -> str | None:
    """Whose a broken row is, if it says so."""
    said = row.says("PersonId")
    try:
        return None if said is None else person_number(said)
    except ValueError:
        return None


def key_of(resource: Resource[Any], raw: Any) -> Hashable:
    """What names a row among the others of its list: its id, else its whole content."""
    named = word(raw.get(resource.key)) if resource.key is not None and isinstance(raw, dict) else None
    return named if named is not None else blake2b(json.dumps(raw, sort_keys=True).encode(), digest_size=16).digest()


def read_within(resource: Resource[M], raw: Any, scope: Scope | None) -> M | BrokenRow:
    """The row; one outside the scope is a broken row of which nothing but its id is told."""
    row = read_row(resource.model, raw, id="Id")
    if scope is None or scope.holds(row):
        return row
    return BrokenRow(word(raw.get("Id")), ((", ".join(scope.values), scope.reason),))
