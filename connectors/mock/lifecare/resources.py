"""The lists of the API, as ``resources.toml`` describes them: what can be searched (L6), which have a feed (L7)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Resource:
    """One list of the API. The head of ``resources.toml`` says what each field is."""

    name: str
    definition: str
    searchable: Mapping[str, str]
    key: str | None = None
    by_id: bool = False
    feed: bool = False
    indexed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    new: Mapping[str, Any] = field(default_factory=dict)

    def row(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A new row with these fields, in the vendor's names."""
        return {**dict.fromkeys(self.optional), **self.new, **fields}


def _load() -> dict[str, Resource]:
    described = tomllib.loads(files(__package__).joinpath("resources.toml").read_text(encoding="utf-8"))
    return {
        name: Resource(name=name, **{**about, "searchable": dict(w.split(":") for w in about["searchable"].split())})
        for name, about in described.items()
    }


RESOURCES: Final[Mapping[str, Resource]] = MappingProxyType(_load())
