"""From the outbox to the world: claiming acts, one at a time per case and lane, and storing what came of each.

Only the process that holds an act's lease can store what came of it (``Overtaken``), together with its line in the
audit. Acts about looks, thousands in a night, have no lines of their own: the audit has their number for each night.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, case, select

from adapter.domain.facts import Client
from adapter.domain.ledger import SCHEDULE_KINDS, VISIT_KINDS, Act, ActKind, ActState
from adapter.ports import Effect
from adapter.store import codec, due, events, persons, schedules, sealing
from adapter.store.cases import lock
from adapter.store.errors import StoreError
from adapter.store.outbox import STOPS, act_from_row, advance, change
from adapter.store.sealing import NOBODY, Sealed, sealed
from adapter.store.sql import FREE, change_leased
from adapter.store.tables import acts as table
from adapter.store.tables import cases, facts
from adapter.store.tables import persons as person_rows

_c, _k, _f, _p = table.c, cases.c, facts.c, person_rows.c

# What runs for every act is built once: building a statement costs four times as much as running it.
_READY = (
    select(table)
    # Only kinds that this version knows: other kinds are for a newer replica.
    .where(_c.tenant == bindparam("tenant"), _c.lane == bindparam("lane"), _c.kind.in_(list(ActKind)))
    .where(_c.ready_at <= bindparam("now"))
    .order_by(_c.ready_at, _c.ref)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)
# A statement of its own. If it were joined to the one that locks, PostgreSQL could return an act as it is now together
# with its case as it was before.
_THEIR_CASES = (
    select(_k.tenant, _k.ref, _k.person, _k.identity_number, _k.decided_at, _k.unit, _k.execution)
    .add_columns(_f.value, _f.resource, _p.external_id)
    .select_from(
        cases.outerjoin(facts, (_f.tenant == _k.tenant) & (_f.ref == _k.ref) & (_f.resource == "client")).outerjoin(
            person_rows, (_p.tenant == _k.tenant) & (_p.person == _k.person)
        )
    )
    .where(_k.tenant == bindparam("tenant"), _k.ref.in_(bindparam("refs", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class ClaimedAct:
    """An act and its lease. ``act.state`` says what to do. SENDING: perform it (``act.attempts`` counts this attempt).
    UNKNOWN: find out whether it had its effect (``looks``: how often that was tried in vain). ``facts_at`` (UTC) is
    when the oldest of the facts behind it was read; an act that ``opens`` supervision needs fresh facts (P1).

    The rest is what is known of its case: the person (never logged), when it was last decided (UTC), the client as
    last read if that can be read, the person's id at the platform once there is one, the unit and the execution, and,
    for an act on the platform, the case's schedules there (``CaseContext.schedule_ids``). If something else than a case
    wants the act, nothing of that is known, and ``person_id`` is empty. ``person`` is the key by which the store finds
    the person."""

    tenant: str
    ref: str
    act: Act
    lane: str
    why: str
    opens: bool
    looks: int
    facts_at: datetime | None
    correlation: str | None
    lease_owner: str
    lease_until: datetime
    schedule_ids: Mapping[int, tuple[str, str | None]]
    person: str = ""
    identity_number: Sealed = NOBODY
    decided_at: datetime | None = None
    client: Client | None = None
    external_id: str | None = None
    unit: int | None = None
    execution: int | None = None

    @property
    def n(self) -> int:
        return self.act.n

    @property
    def person_id(self) -> str:
        """Raises ``StoreError``."""
        return self.identity_number.open()


def claim_acts(
    conn: Connection, *, tenant: str, lane: str, limit: int, now: datetime, owner: str, lease_until: datetime
) -> list[ClaimedAct]:
    """Lease up to ``limit`` acts of a lane whose time has come, the longest waiting first. Acts that another process
    has leased, or is leasing at this moment, are left out.

    An act that was being sent when its lease ran out is claimed as UNKNOWN: its process may have died after sending.
    """
    rows = conn.execute(_READY, {"tenant": tenant, "lane": lane, "now": now, "limit": limit}).all()
    return _lease(conn, rows, now, owner, lease_until)


def claim_probe(
    conn: Connection,
    *,
    tenant: str,
    lane: str,
    now: datetime,
    owner: str,
    lease_until: datetime,
    stops_first: bool = True,
) -> ClaimedAct | None:
    """Lease one act with which to try a vendor that was down. With ``stops_first`` it is a pause or an end that waits
    to be tried again, if there is one, even if its delay isn't over. Otherwise it is the act that has waited
    longest."""
    untimed = _c.not_before.is_(None) | (_c.not_before <= now)
    stops = _c.kind.in_(STOPS) & (_c.state == ActState.PENDING) & _c.ready_at.is_not(None) & untimed
    query = select(table).where(_c.tenant == tenant, _c.lane == lane, (_c.ready_at <= now) | stops)
    first = [case((stops, 0), else_=1)] if stops_first else [case((_c.ready_at <= now, 0), else_=1)]
    query = query.order_by(*first, _c.ready_at, _c.ref).limit(1).with_for_update(skip_locked=True)
    rows = conn.execute(query).all()
    return next(iter(_lease(conn, rows, now, owner, lease_until)), None)


def retry_soon(conn: Connection, tenant: str, lane: str, *, now: datetime, settle: timedelta, gap: timedelta) -> None:
    """A vendor is back: its failed acts are tried again, ``gap`` apart, and don't wait until their delays are over. An
    act whose outcome is unknown still waits ``settle``; one that is held back until a certain time still waits for that
    time."""
    query = select(_c.tenant, _c.ref, _c.n, _c.kind, _c.created_at, _c.state, _c.retry_at).where(
        _c.tenant == tenant,
        _c.lane == lane,
        _c.state.in_((ActState.PENDING, ActState.UNKNOWN)),
        _c.lease_owner.is_(None),
        _c.ready_at > now,
        _c.error.is_not(None),
        _c.not_before.is_(None) | (_c.not_before <= now),
    )
    # Locked in the order in which a decision locks a case's acts.
    found = conn.execute(query.order_by(_c.ref, _c.n).with_for_update()).all()
    rows = sorted(found, key=lambda row: (row.kind not in STOPS, row.created_at, row.ref, row.n))
    for place, row in enumerate(rows):
        at = now + gap * place + (settle if row.state == ActState.UNKNOWN else timedelta(0))
        if at < row.retry_at:
            change(conn, row, {"retry_at": at, "ready_at": at})


def release_all(
    conn: Connection, *, now: datetime, settle: timedelta, at_once: Collection[ActKind], owner: str | None = None
) -> None:
    """Give back the acts that a process holds which is about to stop, or, without ``owner``, those of a process that is
    known to be dead. What was being sent is *unknown* from now on. The vendor may still do what it was asked to do, so
    the last look for it must not be sooner than ``settle`` from now. Kinds that are looked for twice may be looked for
    the first time ``at_once``."""
    leased = select(_c.tenant, _c.ref, _c.n, _c.key, _c.kind, _c.state, _c.looks, _c.correlation).where(
        _c.lease_owner.is_not(None) if owner is None else _c.lease_owner == owner
    )
    for row in conn.execute(leased).all():
        sending = row.state == ActState.SENDING
        at = now + settle if sending and row.kind not in at_once else now
        free = {"state": ActState.UNKNOWN, **FREE, "retry_at": at}
        change(conn, row, {**free, "looks": 0 if sending else row.looks})
        if sending:
            _record_lost(conn, row, now)
        advance(conn, row.tenant, row.ref)


def _record_lost(conn: Connection, row: Row[*tuple[Any, ...]], now: datetime) -> None:
    if row.kind in VISIT_KINDS:
        return
    data = {"key": row.key, "n": row.n}
    events.record(conn, row.tenant, row.ref, "act.lost", data, now=now, correlation=row.correlation)


def _lease(
    conn: Connection, rows: Sequence[Row[Any]], now: datetime, owner: str, lease_until: datetime
) -> list[ClaimedAct]:
    """Rows of one tenant's lane, locked."""
    if not rows:
        return []
    tenant, refs = rows[0].tenant, sorted({_case_of(row) for row in rows})
    claimed = []
    known = {row.ref: row for row in conn.execute(_THEIR_CASES, {"tenant": tenant, "refs": refs})}
    ids = schedules.remote_ids(conn, tenant, refs) if rows[0].lane == "platform" else {}
    for row in rows:
        act = _claimed(conn, row, known.get(_case_of(row)), ids.get(row.ref, {}), owner, lease_until)
        taken = {"state": act.act.state, "attempts": act.act.attempts, "looks": act.looks}
        lease = {"lease_owner": owner, "lease_until": lease_until, "ready_at": lease_until}
        change(conn, row, taken | lease)
        if row.state == ActState.SENDING:
            _record_lost(conn, row, now)
        claimed.append(act)
    return claimed


def _case_of(row: Row[Any]) -> str:
    """The case that an act is about. Acts about a look are stored under the look."""
    return str(row.what["case"]) if row.lane == "visit" else str(row.ref)


def _claimed(
    conn: Connection,
    row: Row[*tuple[Any, ...]],
    of: Row[*tuple[Any, ...]] | None,
    schedule_ids: Mapping[int, tuple[str, str | None]],
    owner: str,
    lease_until: datetime,
) -> ClaimedAct:
    first = row.state == ActState.PENDING
    state = ActState.SENDING if first else ActState.UNKNOWN
    known: dict[str, Any] = {}
    if of is not None:
        known = {name: getattr(of, name) for name in ("person", "decided_at", "external_id", "unit", "execution")}
        known |= {"identity_number": sealing.sealed_value(conn, of, _k.identity_number), "client": _client(conn, of)}
    return ClaimedAct(
        tenant=row.tenant,
        ref=row.ref,
        act=replace(act_from_row(conn, row), state=state, attempts=row.attempts + first),
        lane=row.lane,
        why=row.why,
        opens=row.opens,
        looks=0 if row.state == ActState.SENDING else row.looks,
        facts_at=row.facts_at,
        correlation=row.correlation,
        lease_owner=owner,
        lease_until=lease_until,
        schedule_ids=schedule_ids,
        **known,
    )


def _client(conn: Connection, of: Row[Any]) -> Client | None:
    try:
        value = sealing.opened(conn, of, _f.value)
        client = None if value is None else codec.RESOURCES["client"].load(value)
    except StoreError:
        return None
    return client if isinstance(client, Client) else None


# If ``reason`` is given, the case is marked as due too. ``error`` is shown while the act waits; ``audit`` is more data
# for the act's line in the audit.


def done(conn: Connection, claimed: ClaimedAct, effect: Effect, *, now: datetime, reason: str) -> None:
    """The act had its effect. Store that, and what is now known of the schedule and the person. Raises
    ``Overtaken``."""
    values = {"done_at": now, "result": dict(effect.result), "retry_at": None, "ready_at": None, "error": None}
    _move(conn, claimed, ActState.DONE, values, "done", effect.result, now, reason)
    if effect.schedule is not None:
        schedules.save(
            conn, claimed.tenant, claimed.ref, effect.schedule, remote_id=effect.schedule_id, etag=effect.etag
        )
    if claimed.act.kind is ActKind.EMPTY_PERSON:
        persons.note_told(conn, claimed.tenant, claimed.person, None, emptied=True)
    elif claimed.act.kind is ActKind.PUT_PERSON:
        persons.note_told(conn, claimed.tenant, claimed.person, effect.person)


def failed(
    conn: Connection,
    claimed: ClaimedAct,
    state: ActState,
    *,
    error: str,
    now: datetime,
    retry_at: datetime | None = None,
    looks: int = 0,
    reason: str | None = None,
    audit: events.Data = MappingProxyType({}),
) -> None:
    """The act isn't known to have had its effect. PENDING: it surely had none, and is sent again from ``retry_at``
    (UTC) on. UNKNOWN: it may have had one, and is looked for from then on; ``looks`` were in vain so far. PARKED: it
    had none, and a person must do something first. Raises ``Overtaken``."""
    values: dict[str, Any] = {"retry_at": retry_at, "looks": looks, "error": error}
    if state is ActState.PARKED:
        values["ready_at"] = None
    if state is ActState.UNKNOWN:
        audit = {"looks": looks, **audit}
    _move(conn, claimed, state, values, _FAILED[state], audit, now, reason)


_FAILED = {ActState.PENDING: "retry", ActState.UNKNOWN: "unknown", ActState.PARKED: "parked"}
"""The audit's names for these states."""


def give_back(
    conn: Connection,
    claimed: ClaimedAct,
    *,
    now: datetime,
    retry_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    """Nothing was tried: the act is as it was before the claim, and can be claimed again from ``retry_at`` (UTC) on. If
    it was to be sent, it waits for fresh facts, and goes out at once when the next ``settle_wanted`` still calls for
    it. Raises ``Overtaken``."""
    state = ActState.UNKNOWN
    values: dict[str, Any] = {"retry_at": retry_at or now}
    if claimed.act.state is ActState.SENDING:
        state = ActState.PENDING
        values |= {"attempts": claimed.act.attempts - 1, "facts_at": None}
    _move(conn, claimed, state, values, "given_back", {}, now, reason)


def _move(
    conn: Connection,
    claimed: ClaimedAct,
    state: ActState,
    values: Mapping[str, Any],
    name: str,
    data: events.Data,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Give a claimed act back in another state. Raises ``Overtaken``."""
    act, tenant, ref = claimed.act, claimed.tenant, claimed.ref
    lock(conn, tenant, ref)
    values = sealed(conn, table, values, tenant=tenant, ref=ref, n=act.n)
    change_leased(conn, table, claimed, f"act {act.key} of case {ref}", **{"state": state, **FREE, **values})
    others = advance(conn, tenant, ref)
    if reason is not None:
        # After an act on the schedule the next may be a pause or an end, which mustn't wait for a note or a mail (P2).
        may_wait = state is ActState.DONE and act.kind not in SCHEDULE_KINDS
        going_out = any(row.lease_owner or (row.retry_at and row.retry_at <= now) for row in others)
        wait = claimed.lease_until if going_out and may_wait else None
        due.mark_by_act(conn, tenant, ref, now, reason, wait=wait)
    if claimed.lane == "visit":
        return
    line = {"key": act.key, "n": act.n, "kind": act.kind.value, **data}
    events.record(conn, tenant, ref, f"act.{name}", line, now=now, correlation=claimed.correlation)
