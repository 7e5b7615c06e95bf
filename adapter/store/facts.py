"""What was last read of a case, resource by resource, with when and how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from adapter.domain.facts import FactProblem, Facts, Read
from adapter.store import codec
from adapter.store.errors import StoreError
from adapter.store.sql import by_ref, upsert
from adapter.store.tables import facts

_c = facts.c
_OF_CASES = select(facts).where(_c.tenant == bindparam("tenant"), _c.ref.in_(bindparam("refs", expanding=True)))


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A resource as last read whole at ``read_at`` (UTC; None, with ``value`` None: never yet). ``stale``: the last
    attempt, at ``tried_at``, failed with ``error``."""

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
    same: dict[datetime | None, list[str]] = {}
    rows: list[dict[str, Any]] = []
    for name, fact in known.items():
        old = before.get(name)
        tried = {"tried_at": fact.tried_at, "stale": fact.stale, "error": fact.error}
        of = {"tenant": tenant, "ref": ref, "resource": name}
        if old is not None and fact.stale:
            mine = (_c.tenant == tenant, _c.ref == ref, _c.resource == name)
            conn.execute(update(facts).where(*mine).values(tried))
        elif old is not None and old.read_at and (old.value, old.problems) == (fact.value, fact.problems):
            same.setdefault(fact.read_at, []).append(name)
        else:
            value = None if fact.value is None else codec.dump_fact(name, fact.value)
            problems = codec.dump_problems(fact.problems)
            rows.append({**of, "value": value, "problems": problems, "read_at": fact.read_at, **tried})
    for at, names in same.items():
        mine = (_c.tenant == tenant, _c.ref == ref, _c.resource.in_(names))
        conn.execute(update(facts).where(*mine).values(read_at=at, tried_at=at, stale=False, error=None))
    upsert(conn, facts, *rows)


def load_facts(conn: Connection, tenant: str, ref: str) -> dict[str, StoredFact]:
    """All resources of a case by name; one that was never tried isn't there. A value that this version can't read
    counts as never read, and so is read afresh."""
    return load_all(conn, tenant, [ref])[ref]


def load_all(conn: Connection, tenant: str, refs: Sequence[str]) -> dict[str, dict[str, StoredFact]]:
    """The same of several cases at once, by reference."""
    rows = by_ref(refs, conn.execute(_OF_CASES, {"tenant": tenant, "refs": refs}))
    return {ref: {row.resource: _loaded(row) for row in some} for ref, some in rows.items()}


def _loaded(row: Row[Any]) -> StoredFact:
    try:
        value = None if row.value is None else codec.load_fact(row.resource, row.value)
        problems = codec.load_problems(row.problems)
    except StoreError as e:
        return StoredFact(row.resource, None, None, row.tried_at, True, str(e), ())
    return StoredFact(row.resource, value, row.read_at, row.tried_at, row.stale, row.error, problems)


def assemble(stored: Mapping[str, StoredFact], chain: frozenset[str]) -> Facts | None:
    """The facts of a case as ``decide`` takes them; None while a resource has never been read."""
    reads: dict[str, Read[Any]] = {}
    problems: list[FactProblem] = []
    for resource in codec.RESOURCES:
        fact = stored.get(resource)
        if fact is None or fact.read_at is None:
            return None
        reads[resource] = Read(fact.value, fact.read_at, fact.stale)
        problems.extend(fact.problems)
    return Facts(**reads, chain=chain, problems=tuple(problems))
