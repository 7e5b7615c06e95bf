"""The audit as a chain: each event carries the hash of the event before it in its case, and once a day a head is made
over all events of a municipality. ``Audit`` goes through them and says what was changed, removed or added.

The hash is made from an event's content and not from how it is stored, so a new encryption key changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapter.store.types import instant_text

if TYPE_CHECKING:
    from adapter.store.events import Event

HEAD = "audit.head"
"""The event that holds a head: its last event, the number of events, and their hash."""
BEGAN = "audit.began"
"""The event that an upgrade wrote where the chain begins."""


def start_of(tenant: str, ref: str | None) -> str:
    """What the first event of a case carries instead of the hash of an earlier event."""
    return _hash(["start", tenant, ref])


def hash_of(
    previous: str | None,
    tenant: str,
    ref: str | None,
    at: datetime,
    name: str,
    data: Mapping[str, Any],
    correlation: str | None,
) -> str:
    """SHA-256 of an event's content and of the hash that it carries, in letters (``_letters``)."""
    return _hash([previous, tenant, ref, instant_text(at), name, data, correlation])


def _hash(value: Sequence[Any]) -> str:
    return _letters(json.dumps(value, sort_keys=True, separators=(",", ":")))


def _letters(text: str) -> str:
    """A hash as 64 letters, a to p for 0 to f. With digits, the log would sometimes take a part for an identity
    number."""
    return hashlib.sha256(text.encode()).hexdigest().translate(_AS_LETTERS)


_AS_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def _hash_now(event: Event) -> str:
    content = (event.tenant, event.ref, event.at, event.name, event.data, event.correlation)
    return hash_of(event.previous, *content)


@dataclass(frozen=True, slots=True)
class Head:
    """``head`` is a hash over the first ``events`` events of a municipality, up to the one with the id ``up_to``."""

    up_to: int = 0
    events: int = 0
    head: str = ""

    def plus(self, events: Iterable[Event]) -> Head:
        """The head after these further events, in the order of their ids."""
        head, up_to, count = self.head, self.up_to, self.events
        for event in events:
            head = _letters(head + (event.hash or _hash_now(event)))
            up_to, count = event.id, count + 1
        return Head(up_to, count, head)


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` is ``changed``, ``removed`` (before this event), ``added`` or ``head``; ``id`` is the event's."""

    what: str
    id: int
    ref: str | None = None
    name: str = ""


@dataclass
class Audit:
    """Goes through all events of one municipality in the order of their ids. ``heads`` are all known heads, from the
    database and elsewhere. Events without a hash up to the id ``began`` are from before the chain."""

    tenant: str
    heads: Iterable[Head]
    began: int = 0
    findings: list[Finding] = field(default_factory=list)
    agreed: int = 0
    unchained: int = 0
    head: Head = field(default_factory=Head)
    _last: dict[str | None, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._left = sorted(set(self.heads), key=lambda head: head.up_to, reverse=True)

    def take(self, event: Event) -> None:
        """Judge the next event."""
        self._judge_heads(event.id)
        self.head = self.head.plus([event])
        if event.hash is None or event.previous is None:
            self.unchained += event.id <= self.began
            if event.id > self.began or event.ref in self._last:
                self._find("added", event)
            return
        expected = self._last.get(event.ref) or start_of(self.tenant, event.ref)
        if _hash_now(event) != event.hash:
            self._find("changed", event)
        if event.previous != expected:
            self._find("removed", event)
        self._last[event.ref] = event.hash

    def finish(self) -> None:
        """Judge the heads that are left. Called after the last event."""
        self._judge_heads(None)

    @property
    def chains(self) -> int:
        return len(self._last)

    def _judge_heads(self, next_id: int | None) -> None:
        while self._left and (next_id is None or self._left[-1].up_to < next_id):
            kept = self._left.pop()
            if kept == self.head:
                self.agreed += 1
            else:
                self.findings.append(Finding("head", kept.up_to))

    def _find(self, what: str, event: Event) -> None:
        self.findings.append(Finding(what, event.id, event.ref, event.name))
