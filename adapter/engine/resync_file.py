"""``config/resync.toml``: what people ask of the adapter outside the routine, read entry by entry.

An entry that can't be used is refused with its line, key and reason, and holds up no other: each begins at its own
``[[...]]`` and is read by itself, so that even a slip of the pen in one leaves the rest readable.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from adapter.domain.facts import Signal

Scope = Literal["everything", "tenant", "orders", "cases", "since", "open", "parked"]
Mode = Literal["plan", "apply"]

_NEEDS: Final = {"tenant": "tenant", "orders": "orders", "cases": "cases", "since": "since"}
"""The key without which a scope says nothing."""

_HEADER = re.compile(r"^\s*\[\[\s*([A-Za-z0-9_-]+)\s*\]\]\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")
_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_NUMBER = re.compile(r"(?<!\d)(?:\d{2})?\d{6}[-+ ]?(?:\d{4}|[A-Z]{2}\d{2})(?!\d)")


def _nothing_personal(value: str) -> str:
    if _NUMBER.search(value):
        raise ValueError("looks like an identity number; name cases by their reference and persons by their role")
    return value


Told = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_nothing_personal)]
Reference = Annotated[str, Field(pattern=r"^TK-[0-9A-Z]{6}$")]
OrderId = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_nothing_personal)]


class Entry(BaseModel):
    """What both kinds have in common: ``who`` asked (a role rather than a name), and ``why``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)

    who: Told
    why: Told
    tenant: str | None = None


class Request(Entry):
    """A re-sync. ``since`` is a local calendar date. Without ``tenant`` it is for every municipality,
    and for the only one where it names cases or orders."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
    scope: Scope
    mode: Mode
    orders: tuple[OrderId, ...] = ()
    cases: tuple[Reference, ...] = ()
    since: date | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = _NEEDS.get(self.scope)
        if needed and not getattr(self, needed):
            raise ValueError(f"scope = {self.scope!r} needs the key {needed}")
        for key in ("orders", "cases", "since"):
            if getattr(self, key) and key != needed:
                raise ValueError(f"{key} does not go with scope = {self.scope!r}")
        if self.scope == "everything" and self.tenant:
            raise ValueError("scope = 'everything' is for every municipality; for one of them it is scope = 'tenant'")
        return self


class Declaration(Entry):
    """A signal declared by hand for a case, as of ``at``, because there was nowhere to note it in the case system."""

    case: Reference
    signal: Signal
    at: datetime

    @model_validator(mode="after")
    def _with_zone(self) -> Self:
        if self.at.tzinfo is None:
            raise ValueError("at needs its time zone, as in 2026-11-23T10:15:00+01:00")
        return self


E = TypeVar("E", bound=Entry)

_KINDS: Final[dict[str, type[Request | Declaration]]] = {"resync": Request, "done": Declaration}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry isn't used: where it stands, the key (empty for the whole entry), and the reason."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}" + (f", {self.key}" if self.key else "") + f": {self.reason}"


@dataclass(frozen=True, slots=True)
class ResyncFile:
    """What stands in the file, each entry with the line that it begins on."""

    requests: tuple[tuple[int, Request], ...] = ()
    declarations: tuple[tuple[int, Declaration], ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class Chunk:
    """The lines of one entry."""

    line: int
    kind: str
    lines: list[str] = field(default_factory=list)

    def line_of(self, key: str) -> int:
        for n, text in enumerate(self.lines):
            if (found := _KEY.match(text)) and found[1] == key:
                return self.line + n
        return self.line


def read_resync_file(path: Path, tenants: Collection[str]) -> ResyncFile:
    """Read the file; one that isn't there asks for nothing. ``tenants`` are the municipalities that are served."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ResyncFile()
    except OSError as error:
        return ResyncFile(refusals=(Refusal(0, "", f"can't be read: {error.strerror or type(error).__name__}"),))
    except UnicodeDecodeError:
        return ResyncFile(refusals=(Refusal(0, "", "is not UTF-8 text; save it again as UTF-8"),))
    return parse(text, tenants)


def parse(text: str, tenants: Collection[str]) -> ResyncFile:
    """The entries of a text. Of two requests with the same id the first counts, and the other is refused."""
    requests: dict[str, tuple[int, Request]] = {}
    declarations: list[tuple[int, Declaration]] = []
    refusals: list[Refusal] = []
    for chunk in chunks(text):
        entry, faults = entry_of(chunk, tenants, _KINDS)
        if isinstance(entry, Request) and (first := requests.get(entry.id)):
            faults = [Refusal(chunk.line_of("id"), "id", f"{entry.id} stands on line {first[0]} already; take another")]
        refusals += faults
        if faults or entry is None:
            continue
        if isinstance(entry, Request):
            requests[entry.id] = (chunk.line, entry)
        else:
            declarations.append((chunk.line, entry))
    return ResyncFile(tuple(requests.values()), tuple(declarations), tuple(refusals))


def chunks(text: str) -> Iterator[Chunk]:
    """The entries of a text by their headers, so that one that is no TOML costs no other."""
    chunk = Chunk(1, "")
    for n, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            yield chunk
            chunk = Chunk(n, header[1])
        chunk.lines.append(line)
    yield chunk


def entry_of(chunk: Chunk, tenants: Collection[str], kinds: Mapping[str, type[E]]) -> tuple[E | None, list[Refusal]]:
    """An entry as one of ``kinds``, or why it can't be used."""
    try:
        document = tomllib.loads("\n".join(chunk.lines))
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = chunk.line + int(at[1]) - 1 if at else chunk.line + len(chunk.lines) - 1
        return None, [Refusal(line, "", f"is not TOML: {_AT_LINE.sub('', str(error)).strip()}")]
    if not chunk.kind:
        known = " or ".join(f"[[{name}]]" for name in kinds)
        return None, [
            Refusal(chunk.line_of(key), key, f"stands in no entry; begin one with {known}") for key in document
        ]
    model = kinds.get(chunk.kind)
    if model is None:
        return None, [Refusal(chunk.line, chunk.kind, f"is no kind of entry{_nearest(chunk.kind, kinds)}")]
    try:
        entry = model.model_validate(document[chunk.kind][0])
    except ValidationError as failure:
        return None, [_refusal(chunk, model, fault) for fault in failure.errors(include_url=False, include_input=False)]
    if entry.tenant is None and len(tenants) > 1 and getattr(entry, "scope", None) in ("cases", "orders"):
        told = f"is missing: there are several municipalities ({', '.join(tenants)})"
        return None, [Refusal(chunk.line, "tenant", told)]
    if entry.tenant is not None and entry.tenant not in tenants:
        told = f"there is no municipality {entry.tenant}{_nearest(entry.tenant, tenants)}"
        return None, [Refusal(chunk.line_of("tenant"), "tenant", told)]
    return entry, []


def _refusal(chunk: Chunk, model: type[BaseModel], fault: ErrorDetails) -> Refusal:
    key = str(fault["loc"][0]) if fault["loc"] else ""
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        message = "is missing"
    elif fault["type"] == "extra_forbidden":
        message = f"is unknown{_nearest(key, model.model_fields)}"
    elif fault["type"] == "string_pattern_mismatch":
        what = "a reference as TK-7F3K2M" if key in ("case", "cases") else "letters, digits and . _ : -, at most 64"
        message = f"must be {what}"
    return Refusal(chunk.line_of(key), key, f"{message[:1].lower()}{message[1:]}")


def _nearest(name: str, known: Collection[str] | dict[str, Any]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
