"""What is known of a case: each resource as it was last read, and the steps that a person declared done in the re-sync
file, because they couldn't be noted anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from adapter.domain.facts import FactProblem, Facts, Note, Read, Signal
from adapter.store import cases, codec, events, sealing
from adapter.store.cases import Links
from adapter.store.errors import StoreError
from adapter.store.sealing import sealed
from adapter.store.sql import upsert
from adapter.store.tables import declarations, facts

_c = facts.c
_d = declarations.c
_OF_CASE = select(facts).where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref"))
_DECLARED = (
    select(declarations).where(_d.tenant == bindparam("tenant"), _d.ref == bindparam("ref")).order_by(_d.at, _d.signal)
)


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A resource as it was last read whole, at ``read_at`` (UTC). Both ``read_at`` and ``value`` are None if it never
    was. ``tried_at`` is when it was last asked for, whole or in part. ``stale``: that failed with ``error``. Then only
    the notes about consent can be as new as ``tried_at``."""

    resource: str
    value: Any
    read_at: datetime | None
    tried_at: datetime
    stale: bool
    error: str | None
    problems: tuple[FactProblem, ...]

    @classmethod
    def read(cls, resource: str, value: object, problems: Iterable[FactProblem], at: datetime) -> StoredFact:
        """A resource that was read whole; ``value`` as in ``Facts``."""
        return cls(resource, value, at, at, False, None, tuple(problems))

    @classmethod
    def unread(cls, resource: str, before: StoredFact | None, at: datetime, error: str) -> StoredFact:
        """A resource that couldn't be read keeps its last value and is stale."""
        known = before or cls(resource, None, None, at, True, error, ())
        return replace(known, tried_at=at, stale=True, error=error)


def save(
    conn: Connection, tenant: str, ref: str, before: Mapping[str, StoredFact], known: Mapping[str, StoredFact]
) -> None:
    """Store what is now known of a case; ``before`` is what is stored. If a resource was read again and is the same,
    only the time is written. Raises ``KeyError`` for a resource that isn't in ``codec.RESOURCES``."""
    same: dict[tuple[datetime | None, datetime], list[str]] = {}
    rows: list[dict[str, Any]] = []
    for name, fact in known.items():
        old = before.get(name)
        tried = {"tried_at": fact.tried_at, "stale": fact.stale, "error": fact.error}
        of = {"tenant": tenant, "ref": ref, "resource": name}
        if old is not None and fact.stale:
            mine = (_c.tenant == tenant, _c.ref == ref, _c.resource == name)
            part = {} if fact.value == old.value else {"value": codec.RESOURCES[name].dump(fact.value)}
            conn.execute(update(facts).where(*mine).values(sealed(conn, facts, {**part, **tried}, **of)))
        elif old is not None and old.read_at and (old.value, old.problems) == (fact.value, fact.problems):
            same.setdefault((fact.read_at, fact.tried_at), []).append(name)
        else:
            value = None if fact.value is None else codec.RESOURCES[name].dump(fact.value)
            problems = codec.PROBLEMS.dump(fact.problems)
            row = {**of, "value": value, "problems": problems, "read_at": fact.read_at, **tried}
            rows.append(sealed(conn, facts, row))
    for (read_at, tried_at), names in same.items():
        mine = (_c.tenant == tenant, _c.ref == ref, _c.resource.in_(names))
        fresh = update(facts).where(*mine).values(read_at=read_at, tried_at=tried_at, stale=False, error=None)
        conn.execute(fresh)
    upsert(conn, facts, *rows)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case: its resources by name (without those that were never asked for), what it is linked to,
    and the steps that were declared done."""

    resources: Mapping[str, StoredFact]
    links: Links
    declared: tuple[Note, ...] = ()

    def facts(self, chain: frozenset[str] | None = None) -> Facts | None:
        """As ``decide`` takes it, with the orders of ``chain`` or else of the case; None while a resource has never
        been read."""
        reads: dict[str, Read[Any]] = {}
        problems: list[FactProblem] = []
        for resource in codec.RESOURCES:
            fact = self.resources.get(resource)
            if fact is None or fact.read_at is None:
                if resource in codec.EXTRA:
                    continue
                return None
            value = (*fact.value, *self.declared) if resource == "notes" else fact.value
            reads[resource] = Read(value, fact.read_at, fact.stale)
            problems.extend(fact.problems)
        chained = self.links["order"] if chain is None else chain
        renumbered = len(self.links["number"])
        return Facts(chain=chained, problems=tuple(problems), renumbered=renumbered, **reads)


def load(conn: Connection, tenant: str, ref: str) -> Known:
    """What is stored of a case. A value that this version can't read counts as never read, and so is read again."""
    of = {"tenant": tenant, "ref": ref}
    resources = {row.resource: _loaded(conn, row) for row in conn.execute(_OF_CASE, of)}
    declared = tuple(_note(conn, row) for row in conn.execute(_DECLARED, of))
    return Known(resources, cases.links(conn, tenant, ref), declared)


def value(conn: Connection, tenant: str, ref: str, resource: str) -> Any:
    """What is stored of one resource; None where it was never read, or can't be by this version."""
    row = conn.execute(_OF_CASE.where(_c.resource == resource), {"tenant": tenant, "ref": ref}).one_or_none()
    return None if row is None else _loaded(conn, row).value


def _loaded(conn: Connection, row: Row[Any]) -> StoredFact:
    try:
        text = sealing.opened(conn, row, _c.value)
        value = None if text is None else codec.RESOURCES[row.resource].load(text)
        problems = codec.PROBLEMS.load(sealing.opened(conn, row, _c.problems))
    except StoreError as e:
        return StoredFact(row.resource, None, None, row.tried_at, True, str(e), ())
    error = sealing.readable(conn, row, _c.error)
    return StoredFact(row.resource, value, row.read_at, row.tried_at, row.stale, error, problems)


def declare(
    conn: Connection, tenant: str, ref: str, signal: Signal, *, at: datetime, who: str, why: str, now: datetime
) -> None:
    """Store that a person declared a step done at ``at``, and that it was declared ``now`` (UTC) in the audit; a later
    declaration of the same signal replaces it."""
    row = {"tenant": tenant, "ref": ref, "signal": signal, "at": at, "who": who, "why": why}
    upsert(conn, declarations, sealed(conn, declarations, row))
    events.record(conn, tenant, ref, "case.declared", {"signal": signal.value, "who": who, "why": why}, now=now)


def _note(conn: Connection, row: Row[Any]) -> Note:
    """A declaration as the signal that it stands for."""
    return Note(f"declared:{row.signal}", Signal(row.signal), row.at, by=sealing.readable(conn, row, _d.who))
