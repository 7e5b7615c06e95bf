"""Reads the files by which people ask the adapter for something (``config/resync.toml``, ``config/adopt.toml``).

An entry that can't be used is refused with its line, key and reason, and doesn't stop the others. Each entry begins
with its own ``[[...]]`` and is read by itself, so that a typing error in one leaves the others readable.
"""

import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from stat import S_IWGRP, S_IWOTH, filemode
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from adapter.domain.facts import Signal

Scope = Literal["everything", "tenant", "orders", "cases", "since", "open", "parked"]
Mode = Literal["plan", "apply"]

_NEEDS: Final = {"tenant": "tenant", "orders": "orders", "cases": "cases", "since": "since"}
"""The key that a scope needs."""

_HEADER = re.compile(r"^\s*\[\[\s*([A-Za-z0-9_-]+)\s*\]\]\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")
_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_NUMBER = re.compile(r"(?<!\d)(?:\d{2})?\d{6}[-+ ]?(?:\d{4}|[A-Z]{2}\d{2})(?!\d)")


def _nothing_personal(value: str) -> str:
    if _NUMBER.search(value):
        raise ValueError("looks like an identity number; name cases by their reference and persons by their role")
    return value


def _somebody(value: str) -> str:
    if len(value) > 80 or not value.isprintable() or sum(map(str.isalpha, value)) < 5:
        raise ValueError('must say who by role and unit, as "koordinator Norra": 5 letters to 80 signs, on one line')
    return value


def _reason(value: str) -> str:
    if len(value) < 15 or len(value.split()) < 3:
        raise ValueError("must say what was done and why it is declared here: at least three words and 15 signs")
    return value


Told = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_nothing_personal)]
Reference = Annotated[str, Field(pattern=r"^TK-[0-9A-Z]{6}$")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
"""An id at a vendor: any UUID or number. It may look like an identity number, so that isn't checked."""

NEEDED = (Signal.TIMES_AGREED, Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED, Signal.READY_FOR_START)
"""What must have been done for a camera that is in use. Without it e-tillsyn would be paused on the first day."""


class Entry(BaseModel):
    """The common fields of all kinds: ``who`` asks (a role, not a name), and ``why``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)

    who: Told
    why: Told
    tenant: str | None = None

    @property
    def key(self) -> str:
        """Identifies the entry in its municipality. It is carried out once."""
        raise NotImplementedError


class Resync(Entry):
    """Read cases again. ``since`` is a local calendar date. Without ``tenant`` it is for every municipality; if it
    names cases or orders, there must be only one."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
    scope: Scope
    mode: Mode
    orders: tuple[Id, ...] = ()
    cases: tuple[Reference, ...] = ()
    since: date | None = None

    @property
    def key(self) -> str:
        return self.id

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
    """A signal declared by hand for a case, as of ``at``, because it couldn't be noted in the case system."""

    who: Annotated[Told, AfterValidator(_somebody)]
    why: Annotated[Told, AfterValidator(_reason)]
    case: Reference
    signal: Signal
    at: datetime

    @property
    def key(self) -> str:
        return f"done {self.case} {self.signal} {self.at.isoformat()}"

    @model_validator(mode="after")
    def _with_zone(self) -> Self:
        if self.at.tzinfo is None:
            raise ValueError("at needs its time zone, as in 2026-11-23T10:15:00+01:00")
        return self


class Adoption(Entry):
    """A case from before go-live that shall be taken over: the order's id in Lifecare, the schedule's id in Phoniro,
    and the signals that were done."""

    who: Annotated[Told, AfterValidator(_somebody)]
    why: Annotated[Told, AfterValidator(_reason)]
    order: Id
    schedule: Id
    done: tuple[Signal, ...]

    @property
    def key(self) -> str:
        return f"adopt {self.order}"

    @field_validator("done")
    @classmethod
    def _enough(cls, done: tuple[Signal, ...]) -> tuple[Signal, ...]:
        if missing := [signal.value for signal in NEEDED if signal not in done]:
            raise ValueError(f"lacks {', '.join(missing)}: e-tillsyn would be paused")
        return done


KINDS: Final[Mapping[str, type[Entry]]] = {"resync": Resync, "done": Declaration, "adopt": Adoption}
"""The kinds of request, by the header of their entries."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry isn't used: its line, the key (empty for the whole entry), and the reason."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}" + (f", {self.key}" if self.key else "") + f": {self.reason}"


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class RequestFile:
    """The content of a file. Each entry has the line on which it begins."""

    entries: tuple[tuple[int, Entry], ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def of(self, kind: type[E]) -> list[E]:
        """Its entries of one kind."""
        return [entry for _, entry in self.entries if isinstance(entry, kind)]


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


def read_request_file(path: Path, tenants: Collection[str]) -> RequestFile:
    """Read a file. A file that isn't there has no entries, and a file that others could have written is refused.
    ``tenants`` are the municipalities that are served."""
    try:
        if reason := _written_by_others(path):
            return RequestFile(refusals=(Refusal(0, "", reason),))
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return RequestFile()
    except OSError as error:
        return RequestFile(refusals=(Refusal(0, "", f"can't be read: {error.strerror or type(error).__name__}"),))
    except UnicodeDecodeError:
        return RequestFile(refusals=(Refusal(0, "", "is not UTF-8 text; save it again as UTF-8"),))
    return parse(text, tenants)


def _written_by_others(path: Path) -> str | None:
    """Why nothing in the file counts, or None. Its entries can start e-tillsyn, so only its owner may write it, and the
    owner must be the adapter's user, root, or the owner of its folder."""
    seen = path.stat()
    if seen.st_mode & (S_IWGRP | S_IWOTH):
        return (
            f"can be written by others than its owner ({filemode(seen.st_mode)}), so nothing in it counts; chmod go-w"
        )
    if seen.st_uid not in (0, os.geteuid(), path.parent.stat().st_uid):
        return f"is owned by another user (uid {seen.st_uid}), so nothing in it counts; chown it to the adapter's user"
    return None


def parse(text: str, tenants: Collection[str]) -> RequestFile:
    """The entries of a text. If two entries have the same key, the first counts and the other is refused."""
    found: dict[tuple[str | None, str], tuple[int, Entry]] = {}
    refusals: list[Refusal] = []
    for chunk in _chunks(text):
        entry, faults = _entry_of(chunk, tenants)
        if entry is not None:
            anywhere = isinstance(entry, Resync)  # its id is chosen, and for all municipalities
            first = found.setdefault((None if anywhere else entry.tenant, entry.key), (chunk.line, entry))
            if first[1] is not entry:
                key = "id" if anywhere else ""
                faults = [Refusal(chunk.line_of(key), key, f"{entry.key} is already on line {first[0]}")]
        refusals += faults
    return RequestFile(tuple(found.values()), tuple(refusals))


def _chunks(text: str) -> Iterator[Chunk]:
    """The entries of a text, split at their headers, so that one that isn't TOML doesn't break the others."""
    chunk = Chunk(1, "")
    for n, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            yield chunk
            chunk = Chunk(n, header[1])
        chunk.lines.append(line)
    yield chunk


def _entry_of(chunk: Chunk, tenants: Collection[str]) -> tuple[Entry | None, list[Refusal]]:
    """An entry, or why it can't be used."""
    try:
        document = tomllib.loads("\n".join(chunk.lines))
    except RecursionError:
        return None, [Refusal(chunk.line, "", "is nested too deeply")]
    except ValueError as error:  # TOMLDecodeError, or another one, for example for a number with thousands of digits
        at = _AT_LINE.search(str(error))
        line = chunk.line + int(at[1]) - 1 if at else chunk.line + len(chunk.lines) - 1
        return None, [Refusal(line, "", f"is not TOML: {_AT_LINE.sub('', str(error)).strip()}")]
    if not chunk.kind:
        known = ", ".join(f"[[{name}]]" for name in KINDS)
        return None, [
            Refusal(chunk.line_of(key), key, f"is in no entry; begin one with one of {known}") for key in document
        ]
    model = KINDS.get(chunk.kind)
    if model is None:
        return None, [Refusal(chunk.line, chunk.kind, f"is not a kind of entry{_nearest(chunk.kind, KINDS)}")]
    try:
        entry = model.model_validate(document[chunk.kind][0])
    except ValidationError as failure:
        return None, [_refusal(chunk, model, fault) for fault in failure.errors(include_url=False, include_input=False)]
    named = isinstance(entry, Adoption) or (isinstance(entry, Resync) and entry.scope in ("cases", "orders"))
    if entry.tenant is None and len(tenants) > 1 and named:
        reason = f"is missing: there are several municipalities ({', '.join(tenants)})"
        return None, [Refusal(chunk.line, "tenant", reason)]
    if entry.tenant is not None and entry.tenant not in tenants:
        reason = f"there is no municipality {entry.tenant}{_nearest(entry.tenant, tenants)}"
        return None, [Refusal(chunk.line_of("tenant"), "tenant", reason)]
    return entry, []


def _refusal(chunk: Chunk, model: type[BaseModel], fault: ErrorDetails) -> Refusal:
    key = str(fault["loc"][0]) if fault["loc"] else ""
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        message = "is missing"
    elif fault["type"] == "extra_forbidden":
        message = f"is unknown{_nearest(key, model.model_fields)}"
    elif fault["type"] == "string_pattern_mismatch":
        most = 64 if key == "id" else 100
        letters = f"letters, digits and . _ : -, at most {most}"
        what = "a reference such as TK-7F3K2M" if key in ("case", "cases") else letters
        message = f"must be {what}"
    return Refusal(chunk.line_of(key), key, f"{message[:1].lower()}{message[1:]}")


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
