"""What was last read of a case, resource by resource, with when and how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from adapter.domain.facts import FactProblem, Facts, Note, Read
from adapter.store import cases, codec, declarations, sealing
from adapter.store.cases import Links
from adapter.store.errors import StoreError
from adapter.store.sealing import sealed
from adapter.store.sql import upsert
from adapter.store.tables import facts

_c = facts.c
_OF_CASE = select(facts).where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref"))


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A resource as last read whole at ``read_at`` (UTC; None, with ``value`` None: never yet), and asked for, whole or
    in part, at ``tried_at``. ``stale``: that failed with ``error``; then only what notes say of the consent may be of
    ``tried_at``."""

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
        """A resource that couldn't be read: it keeps its last value and is stale."""
        known = before or cls(resource, None, None, at, True, error, ())
        return replace(known, tried_at=at, stale=True, error=error)


def save(
    conn: Connection, tenant: str, ref: str, before: Mapping[str, StoredFact], known: Mapping[str, StoredFact]
) -> None:
    """Store what is known of a case by now; ``before`` is what is stored. What was read again and is the same costs no
    more than noting when. Raises ``KeyError`` for a resource that isn't one of ``codec.RESOURCES``."""
    same: dict[tuple[datetime | None, datetime], list[str]] = {}
    rows: list[dict[str, Any]] = []
    for name, fact in known.items():
        old = before.get(name)
        tried = {"tried_at": fact.tried_at, "stale": fact.stale, "error": fact.error}
        of = {"tenant": tenant, "ref": ref, "resource": name}
        if old is not None and fact.stale:
            mine = (_c.tenant == tenant, _c.ref == ref, _c.resource == name)
            part = {} if fact.value == old.value else {"value": codec.dump_fact(name, fact.value)}
            conn.execute(update(facts).where(*mine).values(sealed(conn, facts, {**part, **tried}, **of)))
        elif old is not None and old.read_at and (old.value, old.problems) == (fact.value, fact.problems):
            same.setdefault((fact.read_at, fact.tried_at), []).append(name)
        else:
            value = None if fact.value is None else codec.dump_fact(name, fact.value)
            problems = codec.dump_problems(fact.problems)
            row = {**of, "value": value, "problems": problems, "read_at": fact.read_at, **tried}
            rows.append(sealed(conn, facts, row))
    for (read_at, tried_at), names in same.items():
        mine = (_c.tenant == tenant, _c.ref == ref, _c.resource.in_(names))
        fresh = update(facts).where(*mine).values(read_at=read_at, tried_at=tried_at, stale=False, error=None)
        conn.execute(fresh)
    upsert(conn, facts, *rows)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case: its resources by name (one that was never tried isn't there), what it is linked to, and
    what was declared of it by hand."""

    resources: Mapping[str, StoredFact]
    links: Links
    declared: tuple[Note, ...] = ()

    def facts(self, chain: frozenset[str] | None = None) -> Facts | None:
        """As ``decide`` takes it, with the orders of the case or those of ``chain``; None while a resource has never
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
    """A value that this version can't read counts as never read, and so is read afresh."""
    rows = conn.execute(_OF_CASE, {"tenant": tenant, "ref": ref})
    links, declared = cases.all_links(conn, tenant, [ref]), declarations.declared(conn, tenant, [ref])
    return Known({row.resource: _loaded(conn, row) for row in rows}, links[ref], declared[ref])


def _loaded(conn: Connection, row: Row[Any]) -> StoredFact:
    try:
        text = sealing.opened(conn, row, _c.value)
        value = None if text is None else codec.load_fact(row.resource, text)
        problems = codec.load_problems(sealing.opened(conn, row, _c.problems))
    except StoreError as e:
        return StoredFact(row.resource, None, None, row.tried_at, True, str(e), ())
    error = sealing.readable(conn, row, _c.error)
    return StoredFact(row.resource, value, row.read_at, row.tried_at, row.stale, error, problems)
