"""What was last read of a case, resource by resource, with when and how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from adapter.domain.facts import FactProblem, Facts, Read
from adapter.store import codec
from adapter.store.errors import StoreError
from adapter.store.sql import upsert
from adapter.store.tables import facts


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


def save_fact(
    conn: Connection,
    tenant: str,
    ref: str,
    resource: str,
    value: object,
    problems: Iterable[FactProblem],
    read_at: datetime,
) -> None:
    """Store a resource that was read whole. ``resource`` is one of ``codec.RESOURCES``, ``value`` as in ``Facts``."""
    row = {
        "tenant": tenant,
        "ref": ref,
        "resource": resource,
        "value": codec.dump_fact(resource, value),
        "read_at": read_at,
        "tried_at": read_at,
        "stale": False,
        "error": None,
        "problems": codec.dump_problems(problems),
    }
    upsert(conn, facts, [row])


def mark_unread(conn: Connection, tenant: str, ref: str, resource: str, tried_at: datetime, error: str) -> None:
    """Note that a resource couldn't be read: it keeps its last value and is stale."""
    if resource not in codec.RESOURCES:
        raise KeyError(resource)
    c = facts.c
    tried = {"tried_at": tried_at, "stale": True, "error": error}
    key = (c.tenant == tenant, c.ref == ref, c.resource == resource)
    if not conn.execute(update(facts).where(*key).values(**tried)).rowcount:
        conn.execute(insert(facts).values(tenant=tenant, ref=ref, resource=resource, **tried))


def load_facts(conn: Connection, tenant: str, ref: str) -> dict[str, StoredFact]:
    """All resources of a case by name; one that was never tried isn't there. A value that this version can't read
    counts as never read, and so is read afresh."""
    c = facts.c
    query = select(c.resource, c.value, c.read_at, c.tried_at, c.stale, c.error, c.problems)
    found = {}
    for row in conn.execute(query.where(c.tenant == tenant, c.ref == ref)):
        try:
            value = None if row.value is None else codec.load_fact(row.resource, row.value)
            found[row.resource] = StoredFact(
                row.resource, value, row.read_at, row.tried_at, row.stale, row.error, codec.load_problems(row.problems)
            )
        except StoreError as e:
            found[row.resource] = StoredFact(row.resource, None, None, row.tried_at, True, str(e), ())
    return found


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
