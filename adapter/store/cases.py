"""Cases: opening them, finding them, and what they are linked to. When a case is due stands in ``due``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from adapter.domain.decision import Decision, Phase
from adapter.store import codec, events, sealing
from adapter.store.errors import OrderTaken
from adapter.store.sealing import Sealed, sealed
from adapter.store.sql import chunks, insert_missing
from adapter.store.tables import case_links, cases, persons

LinkKind = Literal["order", "execution", "decision", "absence", "client", "number"]

Links = Mapping[LinkKind, frozenset[str]]
"""The ids that a case is linked to, by kind; every kind is there."""


@dataclass(frozen=True, slots=True)
class Case:
    """A row as it was read; all instants are UTC. ``person_id`` is the vendor's key of the person and is never logged;
    ``person`` is the key by which the store finds the person. Both are empty once the person's data was purged.

    Notes count from ``evidence_after``, a local calendar date. ``due_at`` is when it is to be reconciled next (None:
    nothing calls for it), and ``due_reason`` why (None: it is claimed, and nothing has marked it since). ``due_seq``
    counts the marks for news with which it hasn't been reconciled yet. ``read_again_at`` is when its evidence must be
    read again at the latest, ``ready_at`` when it can be claimed next. ``failures`` counts reconciliations in a row
    that ended in an unexpected error. ``unit`` and ``execution`` are those that last had it.
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
    collected_at: datetime | None
    purged_at: datetime | None
    unit: int | None
    execution: int | None

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def person_id(self) -> str:
        """Empty once the person's data was purged. Raises ``StoreError``."""
        return self.identity_number.open()

    @property
    def last_decision(self) -> Decision | None:
        """The last decision, without the acts that it wanted (those are in the outbox). Raises ``StoreError``."""
        return codec.DECISION.load(self.decision.open()) if self.decision else None


COLUMNS = [cases.c[f.name] for f in fields(Case)]

_c, _l = cases.c, case_links.c
_LOCK = select(_c.ref).where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref")).with_for_update()
_LINKS = select(_l.kind, _l.external_id).where(_l.tenant == bindparam("tenant"), _l.ref == bindparam("ref"))
_LINKED = cases.join(case_links, (_l.tenant == _c.tenant) & (_l.ref == _c.ref))
# What runs for every feed at every poll is built once.
_LINKED_TO = (
    select(_l.external_id, _c.ref)
    .select_from(_LINKED)
    .where(_l.tenant == bindparam("tenant"), _l.kind == bindparam("kind"))
    .where(_l.external_id.in_(bindparam("ids", expanding=True)))
)
_OPEN_LINKED_TO = _LINKED_TO.where(_c.closed_at.is_(None))
_CLOSED_LINKED_TO = _LINKED_TO.where(_c.closed_at.is_not(None))
_OPEN_OF_PERSONS = select(_c.person, _c.ref).where(
    _c.tenant == bindparam("tenant"),
    _c.person.in_(bindparam("persons", expanding=True)),
    _c.closed_at.is_(None),
)


def from_row(conn: Connection, row: Row[*tuple[Any, ...]]) -> Case:
    """A row of ``COLUMNS`` as a ``Case``."""
    values = dict(row._mapping)
    values["identity_number"] = sealing.sealed_value(conn, row, _c.identity_number)
    values["decision"] = sealing.sealed_value(conn, row, _c.decision) if row.decision else None
    values["error"] = sealing.readable(conn, row, _c.error)
    values["phase"] = Phase(values["phase"])
    return Case(**values)


def open_case(
    conn: Connection,
    *,
    tenant: str,
    person_id: str,
    evidence_after: date,
    order_ids: Iterable[str],
    now: datetime,
    adopted: bool = False,
) -> Case:
    """Open a case with its orders, due at once. Raises ``OrderTaken``, with nothing stored, if one of the orders has a
    case, open or closed.

    Its reference is ``TK-`` and a code of six characters, made from the first order. If a case is missing in a backup
    that was put back, its order gets the same reference again, and so finds its schedule.
    """
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
        "adopted_orders": orders if adopted else [],  # read by the version before
    }
    code = sealing.of(conn).code
    ref = "TK-" + code(f"case:{tenant}:{orders[0]}", 6)
    tried = 0
    while not insert_missing(conn, cases, sealed(conn, cases, {**row, "ref": ref})):
        tried += 1  # it is another's, or of a case that let this order go
        ref = "TK-" + code(f"case:{tenant}:{orders[0]}:{tried}", 6)
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
    """Lock a case until the transaction ends, so that only one process at a time changes it or its acts. False if there
    is no such case, as for acts that something else than a case wants."""
    return conn.scalar(_LOCK, {"tenant": tenant, "ref": ref}) is not None


def all_cases(conn: Connection, tenant: str, *, open_only: bool = True, phase: Phase | None = None) -> list[Case]:
    """A municipality's cases in the order of their references."""
    query = select(*COLUMNS).where(_c.tenant == tenant).order_by(_c.ref)
    if open_only:
        query = query.where(_c.closed_at.is_(None))
    if phase is not None:
        query = query.where(_c.phase == phase)
    return [from_row(conn, row) for row in conn.execute(query)]


def open_versions(conn: Connection, tenant: str) -> dict[str, int]:
    """The version of each open case of a municipality, by reference, in the order of the references."""
    rows = conn.execute(select(_c.ref, _c.version).where(_c.tenant == tenant, _c.closed_at.is_(None)).order_by(_c.ref))
    return {row.ref: row.version for row in rows}


def of_refs(conn: Connection, tenant: str, refs: Iterable[str]) -> list[Case]:
    """The cases with these references, those that there are."""
    found: list[Case] = []
    for some in chunks(refs):
        rows = conn.execute(select(*COLUMNS).where(_c.tenant == tenant, _c.ref.in_(some)))
        found += (from_row(conn, row) for row in rows)
    return found


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


def failing(conn: Connection, tenant: str, refs: Iterable[str]) -> set[str]:
    """Those of the cases whose last reconciling failed."""
    found: set[str] = set()
    for some in chunks(sorted(refs)):
        found |= set(conn.scalars(select(_c.ref).where(_c.tenant == tenant, _c.ref.in_(some), _c.failures > 0)))
    return found


def units_of(conn: Connection, tenant: str, refs: Iterable[str]) -> dict[str, tuple[int | None, int | None]]:
    """The unit and the execution that last had each of these cases."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for some in chunks(sorted(set(refs))):
        rows = conn.execute(select(_c.ref, _c.unit, _c.execution).where(_c.tenant == tenant, _c.ref.in_(some)))
        found |= {row.ref: (row.unit, row.execution) for row in rows}
    return found


def open_refs_of_persons(conn: Connection, tenant: str, person_ids: Iterable[str]) -> dict[str, list[str]]:
    """References of these persons' open cases, by person."""
    keys = sealing.of(conn)
    persons = {keys.person(tenant, person_id): person_id for person_id in person_ids}
    theirs = {"tenant": tenant, "persons": sorted(persons)}
    found = _listed(conn.execute(_OPEN_OF_PERSONS, theirs)) if persons else {}
    return {persons[person]: refs for person, refs in found.items()}


def refs_of_links(
    conn: Connection, tenant: str, kind: LinkKind, external_ids: Iterable[str], *, closed: bool = False
) -> dict[str, list[str]]:
    """References of the open cases (or the ``closed`` ones) that are linked to these ids, by id."""
    asked = sorted(set(external_ids))
    query = _CLOSED_LINKED_TO if closed else _OPEN_LINKED_TO
    return _listed(conn.execute(query, {"tenant": tenant, "kind": kind, "ids": asked})) if asked else {}


def _listed(rows: Iterable[Row[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for of, ref in rows:
        found.setdefault(of, []).append(ref)
    return found


def link(conn: Connection, case: Case, found: Mapping[LinkKind, Iterable[int | str]]) -> None:
    """Link orders, executions and the like to a case, by their ids. An order belongs to one case only: raises
    ``OrderTaken`` for an order of another case; the rest is linked."""
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
    """The person has got another number in the case system (LA10): everything under the old number goes on under the
    new one. The case's links of the kind ``number`` count how often that happened."""
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
    """Unlink orders that belong to a later case."""
    mine = (_l.tenant == case.tenant, _l.ref == case.ref, _l.kind == "order")
    conn.execute(delete(case_links).where(*mine, _l.external_id.in_(list(order_ids))))
