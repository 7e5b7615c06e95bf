"""Cases: opening them, finding them, and what belongs to them. When they are due stands in ``due``."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from adapter.domain.decision import Decision, Phase
from adapter.store import codec, events, sealing
from adapter.store.errors import OrderTaken
from adapter.store.sealing import Sealed, sealed
from adapter.store.sql import insert_missing
from adapter.store.tables import case_links, cases, persons

LinkKind = Literal["order", "execution", "decision", "absence", "client", "number"]

Links = Mapping[LinkKind, frozenset[str]]
"""What a case is linked to, by kind; no kind is missing."""

_REFERENCE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Case:
    """A row as it was read. ``person_id`` is the vendor's key of the person and is never logged; ``person`` is by what
    the store looks the person up, and empty where they were forgotten.

    Notes count from ``evidence_after``, a local calendar date. ``due_at`` is when it is next to be reconciled (None:
    nothing calls for it) and ``due_reason`` what made it so (None while it is claimed and nothing did since),
    ``due_seq`` how often it was marked for news that it hasn't been reconciled with yet, ``read_again_at`` when its
    evidence must be read again at the latest, ``ready_at`` when it can next be claimed. ``failures`` counts
    reconciliations in a row that ended in an unexpected error; ``unit`` and ``execution`` are those that last had
    it.
    """

    tenant: str
    ref: str
    person: str
    identity_number: Sealed
    evidence_after: date
    phase: Phase
    opened_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    due_reason: str | None
    due_seq: int
    read_again_at: datetime | None
    ready_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    version: int
    decision: Sealed | None
    decided_at: datetime | None
    facts_read_at: datetime | None
    failures: int
    error: str | None
    adopted: bool
    adopted_orders: frozenset[str]
    collected_at: datetime | None
    purged_at: datetime | None
    unit: int | None
    execution: int | None

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def person_id(self) -> str:
        """Empty where the person was forgotten. Raises ``StoreError``."""
        return self.identity_number.open()

    @property
    def last_decision(self) -> Decision | None:
        """The last decision without what it wanted (that is in the outbox). Raises ``StoreError``."""
        return codec.DECISION.load(self.decision.open()) if self.decision else None


COLUMNS = [cases.c[f.name] for f in fields(Case)]

_c, _l = cases.c, case_links.c
_LOCK = select(_c.ref).where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref")).with_for_update()
_LINKS = select(_l.kind, _l.external_id).where(_l.tenant == bindparam("tenant"), _l.ref == bindparam("ref"))
_LINKED = cases.join(case_links, (_l.tenant == _c.tenant) & (_l.ref == _c.ref))


def from_row(conn: Connection, row: Row[*tuple[Any, ...]]) -> Case:
    """A row of ``COLUMNS`` as a ``Case``."""
    values = dict(row._mapping)
    values["identity_number"] = sealing.sealed_value(conn, row, _c.identity_number)
    values["decision"] = sealing.sealed_value(conn, row, _c.decision) if row.decision else None
    values["error"] = sealing.readable(conn, row, _c.error)
    values["phase"] = Phase(values["phase"])
    values["adopted_orders"] = frozenset(values["adopted_orders"])
    return Case(**values)


def new_reference(rng: random.Random) -> str:
    """``TK-`` and six characters that can't be taken for one another. In service ``rng`` is a ``random.SystemRandom``;
    a simulation gives a seeded one."""
    return "TK-" + "".join(rng.choice(_REFERENCE) for _ in range(6))


def open_case(
    conn: Connection,
    *,
    tenant: str,
    person_id: str,
    evidence_after: date,
    order_ids: Iterable[str],
    now: datetime,
    rng: random.Random,
    adopted: bool = False,
    adopted_orders: Iterable[str] = (),
) -> Case:
    """Open a case with its orders, due at once. Raises ``OrderTaken``, with nothing stored, if one of the orders has a
    case, open or closed."""
    orders = list(dict.fromkeys(order_ids))
    row: dict[str, Any] = {
        "tenant": tenant,
        "person": sealing.of(conn).person(tenant, person_id),
        "identity_number": person_id,
        "evidence_after": evidence_after,
        "phase": Phase.PREPARING,
        "opened_at": now,
        "due_at": now,
        "due_reason": "opened",
        "due_seq": 1,
        "ready_at": now,
        "version": 1,
        "failures": 0,
        "adopted": adopted,
        "adopted_orders": sorted(adopted_orders),
    }
    while not insert_missing(conn, cases, sealed(conn, cases, {**row, "ref": (ref := new_reference(rng))})):
        pass  # taken: another one is drawn
    opened = the_case(conn, tenant, ref)
    try:
        link(conn, opened, {"order": orders})
    except OrderTaken:
        for table in (case_links, cases):
            conn.execute(delete(table).where(table.c.tenant == tenant, table.c.ref == ref))
        raise
    events.record(conn, tenant, ref, "case.opened", {"orders": ", ".join(orders), "adopted": adopted}, now=now)
    return opened


def case(conn: Connection, tenant: str, ref: str) -> Case | None:
    row = conn.execute(select(*COLUMNS).where(_c.tenant == tenant, _c.ref == ref)).one_or_none()
    return from_row(conn, row) if row is not None else None


def the_case(conn: Connection, tenant: str, ref: str) -> Case:
    """A case that must be there; ``LookupError`` if it isn't."""
    found = case(conn, tenant, ref)
    if found is None:
        raise LookupError(f"there is no case {ref} of {tenant}")
    return found


def lock(conn: Connection, tenant: str, ref: str) -> bool:
    """Hold a case until the transaction ends: whoever changes it or its acts goes one at a time. False where there is
    no such case, as for acts that something else than a case wants."""
    return conn.scalar(_LOCK, {"tenant": tenant, "ref": ref}) is not None


def all_cases(
    conn: Connection,
    tenant: str,
    *,
    open_only: bool = True,
    phase: Phase | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Case]:
    """Cases by reference, from the one after ``after`` on, so that many can be read in pages."""
    query = select(*COLUMNS).where(_c.tenant == tenant, _c.ref > after).order_by(_c.ref).limit(limit)
    if open_only:
        query = query.where(_c.closed_at.is_(None))
    if phase is not None:
        query = query.where(_c.phase == phase)
    return [from_row(conn, row) for row in conn.execute(query)]


def open_cases_of_person(conn: Connection, tenant: str, person_id: str) -> list[Case]:
    """The person's open cases, oldest first."""
    person = sealing.of(conn).person(tenant, person_id)
    theirs = select(*COLUMNS).where(_c.tenant == tenant, _c.person == person, _c.closed_at.is_(None))
    return [from_row(conn, row) for row in conn.execute(theirs.order_by(_c.opened_at, _c.ref))]


def case_of_order(conn: Connection, tenant: str, order_id: str) -> Case | None:
    """The case that an order belongs to, open or closed."""
    which = (_l.tenant == tenant, _l.kind == "order", _l.external_id == order_id)
    row = conn.execute(select(*COLUMNS).select_from(_LINKED).where(*which)).one_or_none()
    return from_row(conn, row) if row is not None else None


def orders_taken(conn: Connection, tenant: str, order_ids: Iterable[str]) -> frozenset[str]:
    """Those of the orders that belong to a case, open or closed."""
    asked = sorted(set(order_ids))
    which = (_l.tenant == tenant, _l.kind == "order", _l.external_id.in_(asked))
    return frozenset(conn.scalars(select(_l.external_id).where(*which))) if asked else frozenset()


def open_refs_of_persons(conn: Connection, tenant: str, person_ids: Iterable[str]) -> dict[str, list[str]]:
    """References of the persons' open cases, by person; many are looked up at once."""
    keys = sealing.of(conn)
    persons = {keys.person(tenant, person_id): person_id for person_id in person_ids}
    theirs = (_c.tenant == tenant, _c.person.in_(sorted(persons)), _c.closed_at.is_(None))
    found = _listed(conn.execute(select(_c.person, _c.ref).where(*theirs))) if persons else {}
    return {persons[person]: refs for person, refs in found.items()}


def refs_of_links(
    conn: Connection, tenant: str, kind: LinkKind, external_ids: Iterable[str], *, closed: bool = False
) -> dict[str, list[str]]:
    """References of the open cases (or of the ``closed`` ones) that are linked to these, by external id; many are
    looked up at once."""
    asked = sorted(set(external_ids))
    are = _c.closed_at.is_not(None) if closed else _c.closed_at.is_(None)
    which = (_l.tenant == tenant, _l.kind == kind, _l.external_id.in_(asked), are)
    return _listed(conn.execute(select(_l.external_id, _c.ref).select_from(_LINKED).where(*which))) if asked else {}


def _listed(rows: Iterable[Row[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for of, ref in rows:
        found.setdefault(of, []).append(ref)
    return found


def link(conn: Connection, case: Case, found: Mapping[LinkKind, Iterable[int | str]]) -> None:
    """Link orders, executions and the like to a case, by their ids. An order belongs to one case only: raises
    ``OrderTaken`` for one that is another's; the rest is linked."""
    of = {"tenant": case.tenant, "ref": case.ref}
    rows = [{**of, "kind": kind, "external_id": i} for kind, ids in found.items() for i in sorted(set(map(str, ids)))]
    if insert_missing(conn, case_links, *rows) == len(rows):
        return
    for order_id in (row["external_id"] for row in rows if row["kind"] == "order"):
        other = case_of_order(conn, case.tenant, order_id)
        if other is not None and other.ref != case.ref:
            raise OrderTaken(case.tenant, order_id, other.ref)


def links(conn: Connection, tenant: str, ref: str) -> Links:
    """Everything that a case is linked to."""
    found: dict[LinkKind, set[str]] = {kind: set() for kind in get_args(LinkKind)}
    for kind, external_id in conn.execute(_LINKS, {"tenant": tenant, "ref": ref}):
        found.setdefault(kind, set()).add(external_id)
    return {kind: frozenset(ids) for kind, ids in found.items()}


def chain(conn: Connection, case: Case) -> frozenset[str]:
    """The orders of a case."""
    return links(conn, case.tenant, case.ref)["order"]


def renumber(conn: Connection, case: Case, person_id: str, now: datetime) -> None:
    """The person has another number in the case system (LA10): all that is known under the old one goes on under the
    new. The case notes under ``number`` how often."""
    c, p = cases.c, persons.c
    person = sealing.of(conn).person(case.tenant, person_id)
    theirs = select(c.ref).where(c.tenant == case.tenant, c.person == case.person)
    for ref in conn.scalars(theirs).all():
        new = sealed(conn, cases, {"person": person, "identity_number": person_id}, tenant=case.tenant, ref=ref)
        conn.execute(update(cases).where(c.tenant == case.tenant, c.ref == ref).values(new))
    if conn.scalar(select(p.person).where(p.tenant == case.tenant, p.person == person)) is None:
        old = update(persons).where(p.tenant == case.tenant, p.person == case.person)
        conn.execute(old.values(person=person))
    link(conn, case, {"number": [len(links(conn, case.tenant, case.ref)["number"]) + 1]})
    events.record(conn, case.tenant, case.ref, "case.renumbered", {}, now=now)


def unlink_orders(conn: Connection, case: Case, order_ids: Iterable[str]) -> None:
    """Let go of orders that belong to a later case."""
    mine = (_l.tenant == case.tenant, _l.ref == case.ref, _l.kind == "order")
    conn.execute(delete(case_links).where(*mine, _l.external_id.in_(list(order_ids))))
