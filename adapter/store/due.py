"""When cases are reconciled, and by which process: marking them as due, claiming them, and giving them back.

A claim is a lease with an end. It can only be given back by its owner, with the version that the owner claimed: a
process that slept past the end of its lease can't overwrite what the next one stored (``Overtaken``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, case, func, literal, select, update

from adapter.domain.decision import Decision, Phase
from adapter.log_events import log, log_context
from adapter.store import codec, events, sealing
from adapter.store.cases import COLUMNS, Case, from_row
from adapter.store.errors import Overtaken
from adapter.store.sealing import Sealed, sealed
from adapter.store.sql import FREE
from adapter.store.tables import cases, facts
from adapter.store.types import Instant

LOOKED = "look"
"""The reason of a case that is due because of one of its looks."""
ORDER_NEWS = ("orders", "services", "order", "hook")
"""Reasons for which the person's orders must be read. A later reason doesn't replace them."""

_c = cases.c
_NOW = bindparam("now", type_=Instant())
_PLACE = func.coalesce(bindparam("place", type_=Instant()), _c.opened_at)
_OPEN = (
    select(_c.ref)
    .where(_c.tenant == bindparam("tenant"), _c.ref.in_(bindparam("refs", expanding=True)), _c.closed_at.is_(None))
    .order_by(_c.ref)
    .with_for_update()
)
_MARK = (
    update(cases)
    .where(_c.tenant == bindparam("of_tenant"), _c.ref.in_(bindparam("refs", expanding=True)), _c.closed_at.is_(None))
    .values(
        due_at=case((_c.due_at.is_(None) | (_c.due_at > _NOW), _NOW), else_=_c.due_at),
        ready_at=case(
            (_c.lease_owner.is_not(None), _c.ready_at),
            (_c.ready_at.is_(None) | (_c.ready_at > _PLACE), _PLACE),
            else_=_c.ready_at,
        ),
        due_reason=case((_c.due_reason.in_(ORDER_NEWS), _c.due_reason), else_=bindparam("reason")),
        due_seq=_c.due_seq + bindparam("news", type_=Integer()),
        read_again_at=case((bindparam("whole", type_=Integer()) == 1, _NOW), else_=_c.read_again_at),
    )
)
_READY = (
    select(*COLUMNS)
    .where(_c.tenant == bindparam("tenant"), _c.ready_at <= _NOW)
    .order_by(_c.ready_at, _c.ref)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(cases)
    .where(_c.tenant == bindparam("of_tenant"), _c.ref.in_(bindparam("refs", expanding=True)))
    # There is no reason until it is marked again.
    .values(version=_c.version + 1, due_reason=None)
)
_HELD = (
    select(_c.version, _c.lease_owner, _c.due_at, _c.due_reason, _c.due_seq, _c.read_again_at, _c.ready_at)
    .where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref"))
    .with_for_update()
)
_GIVE_BACK = update(cases).where(
    _c.tenant == bindparam("of_tenant"), _c.ref == bindparam("of_ref"), _c.version == bindparam("of_version")
)


FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
"""How long a case waits after an unexpected error. The delay is doubled each time, up to the longest."""


def mark_due(
    conn: Connection, tenant: str, refs: Iterable[str], now: datetime, reason: str, *, whole: bool = False
) -> int:
    """Mark open cases as due now; returns how many. A mark is never lost: if it is made while the case is being
    reconciled, the case is due again afterwards, and a case that would close stays open. ``whole``: all evidence is
    read again too, like once a day."""
    return _mark(conn, tenant, _hold_open(conn, tenant, refs), now, reason, news=1, place=now, whole=whole)


def mark_by_act(conn: Connection, tenant: str, ref: str, now: datetime, reason: str, *, wait: datetime | None) -> None:
    """Mark an open case, which is locked, as due because of the outcome of one of its acts. It is decided before cases
    that came after it. If other acts of it are going out too, it may be decided once for them all, at ``wait`` (UTC) at
    the latest. Nothing happens if the reference names no open case.

    If the case is being reconciled just now, this mark doesn't make it due once more: the decision is made with the
    case locked, and sees the act's outcome."""
    _mark(conn, tenant, [ref], now, reason, news=0, place=wait)


def mark_looked(conn: Connection, tenant: str, refs: Iterable[str], now: datetime) -> None:
    """Mark open cases as due now because of a look. Nothing has to be read from the case system for that."""
    _mark(conn, tenant, _hold_open(conn, tenant, refs), now, LOOKED, news=0, place=now)


def _hold_open(conn: Connection, tenant: str, refs: Iterable[str]) -> Sequence[str]:
    """Those of the cases that are open, locked in the order of their references: otherwise two processes that mark the
    same cases could block each other."""
    asked = sorted(set(refs))
    return conn.scalars(_OPEN, {"tenant": tenant, "refs": asked}).all() if asked else ()


def _mark(
    conn: Connection,
    tenant: str,
    refs: Sequence[str],
    now: datetime,
    reason: str,
    *,
    news: int,
    place: datetime | None,
    whole: bool = False,
) -> int:
    """``place`` says from when on they can be claimed, and in which order; None: since they were opened."""
    how = {"now": now, "place": place, "reason": reason, "news": news, "whole": int(whole)}
    return conn.execute(_MARK, {"of_tenant": tenant, "refs": refs, **how}).rowcount if refs else 0


def claim_due(
    conn: Connection, *, tenant: str, now: datetime, limit: int, owner: str, lease_until: datetime
) -> list[Case]:
    """Lease up to ``limit`` cases that are due, must be read again, or whose lease ran out; the longest waiting first.
    Cases that another process has leased, or is leasing at this moment, are left out. ``due_reason`` says why each was
    due."""
    rows = conn.execute(_READY, {"tenant": tenant, "now": now, "limit": limit}).all()
    if not rows:
        return []
    lease: dict[str, Any] = {"lease_owner": owner, "lease_until": lease_until, "ready_at": lease_until}
    conn.execute(_LEASE, {"of_tenant": tenant, "refs": [row.ref for row in rows], **lease})
    found = (_readable(conn, row) for row in rows)
    return [replace(one, **lease, version=one.version + 1) for one in found if one is not None]


def _readable(conn: Connection, row: Row[*tuple[Any, ...]]) -> Case | None:
    """None for a case that this version doesn't understand, as when a newer replica wrote it. It is left alone until
    the lease ends, and holds up no other case."""
    try:
        return from_row(conn, row)
    except ValueError as e:
        with log_context(tenant=row.tenant, case=row.ref):
            log("case_poisoned", error=e, retry_at=None)
        return None


def finish(
    conn: Connection,
    case: Case,
    decision: Decision,
    *,
    owner: str,
    now: datetime,
    read_again_at: datetime | None,
    look_again_at: datetime | None = None,
    facts_read_at: datetime | None = None,
    collected_at: datetime | None = None,
    correlation: str | None = None,
    locked: Case | None = None,
) -> Case:
    """Store what was decided for a claimed case and give it back. It is due at the decision's ``wake_at`` or at
    ``look_again_at``, whichever is first; if it was marked in the meantime, it is due now.

    If the decision closes the case, it is closed, unless it was marked in the meantime: then it stays open and due, and
    the next turn closes it. When it closes, the person's other open cases are marked. ``locked`` is what ``hold``
    returned, if it was called in this transaction. Returns the case as it now is. Raises ``Overtaken``.
    """
    row = locked or hold(conn, case, owner)
    marked = row.due_seq != case.due_seq
    closing = decision.phase is Phase.CLOSED and not marked
    phase = case.phase if decision.phase is Phase.CLOSED and marked else decision.phase
    due_at = row.due_at if marked else _first(decision.wake_at, look_again_at)
    again = _first(read_again_at, row.read_again_at) if marked else read_again_at
    again = None if closing else again
    after = _give_back(
        conn,
        row,
        phase=phase,
        closed_at=now if closing else None,
        due_at=None if closing else due_at,
        due_reason=row.due_reason if marked else "time",
        due_seq=row.due_seq - case.due_seq,
        read_again_at=again,
        ready_at=None if closing else _first(due_at, again),
        decision=codec.DECISION.dump(replace(decision, wanted=())),
        decided_at=now,
        facts_read_at=facts_read_at or row.facts_read_at,
        collected_at=row.collected_at or collected_at,
        failures=0,
        error=None,
        unit=decision.unit or row.unit,
        execution=decision.execution or row.execution,
    )
    if phase is not case.phase:
        change = {"from": case.phase.value, "to": phase.value}
        events.record(conn, case.tenant, case.ref, "case.phase", change, now=now, correlation=correlation)
    if closing:
        _mark_siblings(conn, case, now)
    return after


def _first(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


def _mark_siblings(conn: Connection, case: Case, now: datetime) -> None:
    # The last of a person's cases empties the person at the platform, so each must see that the others have closed.
    theirs = (_c.tenant == case.tenant, _c.person == case.person, _c.closed_at.is_(None))
    others = conn.scalars(select(_c.ref).where(*theirs)).all()
    mark_due(conn, case.tenant, others, now, "sibling_closed")


def release(conn: Connection, case: Case, *, owner: str, due_at: datetime, error: str | None = None) -> None:
    """Give a claimed case back undecided, to be tried again at ``due_at`` (UTC). Raises ``Overtaken``."""
    row = hold(conn, case, owner)
    due_at = _at_its_mark(row, due_at)
    reason = row.due_reason or "undecided"
    _give_back(conn, row, due_at=due_at, ready_at=due_at, due_reason=reason, error=error)


def _at_its_mark(row: Case, due_at: datetime) -> datetime:
    """``due_at``, or sooner if the case was marked since the claim, also by an act, because no decision has seen it."""
    if row.due_reason is None or row.due_at is None:
        return due_at
    return min(due_at, row.due_at)


def fail(
    conn: Connection, case: Case, *, owner: str, now: datetime, error: str, correlation: str | None = None
) -> Case:
    """Give back a case whose reconciling raised something unexpected. It is tried again for ever: after a growing
    delay, or as soon as it is marked. Raises ``Overtaken``."""
    row = hold(conn, case, owner)
    failures = row.failures + 1
    due_at = _at_its_mark(row, now + min(FIRST_DELAY * 2 ** min(failures - 1, 10), LONGEST_DELAY))
    data: events.Data = {"failures": failures, "error": error}
    events.record(conn, case.tenant, case.ref, "case.failed", data, now=now, correlation=correlation)
    return _give_back(conn, row, due_at=due_at, ready_at=due_at, due_reason="failed", failures=failures, error=error)


def read_stale_again(conn: Connection, tenant: str, *, now: datetime, gap: timedelta) -> None:
    """The case system is back: cases of which something couldn't be read are read again, ``gap`` apart."""
    stale = select(facts.c.ref).where(facts.c.tenant == tenant, facts.c.stale).distinct()
    query = select(_c.ref).where(
        _c.tenant == tenant, _c.closed_at.is_(None), _c.lease_owner.is_(None), _c.ref.in_(stale)
    )
    refs = conn.scalars(query.where(_c.ready_at > now).order_by(_c.ready_at, _c.ref)).all()
    for place, ref in enumerate(refs):
        at = now + gap * place
        soonest = case((_c.ready_at > at, literal(at, Instant())), else_=_c.ready_at)
        conn.execute(update(cases).where(_c.tenant == tenant, _c.ref == ref).values(read_again_at=at, ready_at=soonest))


def bring_forward(conn: Connection, now: datetime, until: datetime) -> None:
    """The clock was set: open cases that wait for a time up to ``until`` (UTC) are due now."""
    waits = (_c.closed_at.is_(None), _c.lease_owner.is_(None), _c.ready_at > now, _c.ready_at <= until)
    conn.execute(update(cases).where(*waits).values(ready_at=now))


def release_all(conn: Connection, now: datetime, *, owner: str | None = None) -> None:
    """Give back the cases that a process holds (without ``owner``: that any process holds), due now. A process that
    still works on one is overtaken."""
    free = {**FREE, "ready_at": now, "version": _c.version + 1}
    leased = _c.lease_owner.is_not(None) if owner is None else _c.lease_owner == owner
    conn.execute(update(cases).where(leased).values(**free))


def hold(conn: Connection, case: Case, owner: str) -> Case:
    """A claimed case as it now is, locked until the transaction ends. Raises ``Overtaken`` if the claim no longer
    holds."""
    row = conn.execute(_HELD, {"tenant": case.tenant, "ref": case.ref}).one_or_none()
    if row is None:
        raise LookupError(f"there is no case {case.ref} of {case.tenant}")
    if row.version != case.version or row.lease_owner != owner:
        raise Overtaken(f"case {case.ref} of {case.tenant} is no longer this process's; its work was dropped")
    # While a case is claimed, only marks change it.
    marks = {name: getattr(row, name) for name in ("due_at", "due_reason", "due_seq", "read_again_at", "ready_at")}
    return replace(case, **marks)


def _give_back(conn: Connection, row: Case, **values: Any) -> Case:
    given_back = {**FREE, "version": row.version + 1, **values}
    stored = sealed(conn, cases, given_back, tenant=row.tenant, ref=row.ref)
    conn.execute(_GIVE_BACK, {"of_tenant": row.tenant, "of_ref": row.ref, "of_version": row.version, **stored})
    if "decision" in given_back:
        which = sealing.where(_c.decision, {"tenant": row.tenant, "ref": row.ref})
        given_back["decision"] = Sealed(stored["decision"], which, sealing.of(conn))
    return replace(row, **given_back)


def mark_closed(conn: Connection, tenant: str, refs: Iterable[str], now: datetime, reason: str) -> None:
    """Mark closed cases as due, because something that they are linked to has changed. ``due_at`` is when such a change
    was last seen."""
    asked = sorted(set(refs))
    if not asked:
        return
    theirs = (_c.tenant == tenant, _c.ref.in_(asked), _c.closed_at.is_not(None))
    found = conn.scalars(select(_c.ref).where(*theirs).order_by(_c.ref).with_for_update()).all()
    ready = case((_c.lease_owner.is_not(None), _c.ready_at), else_=literal(now, Instant()))
    marking = update(cases).where(_c.tenant == tenant, _c.ref.in_(found))
    values = {"due_at": now, "ready_at": ready, "due_reason": reason, "due_seq": _c.due_seq + 1}
    if found:
        conn.execute(marking.values(**values))


def give_back_closed(conn: Connection, row: Case, *, look_again_at: datetime | None) -> None:
    """Give back a claimed case that is closed; ``row`` is what ``hold`` returned. It isn't due any more, or is due at
    ``look_again_at`` (UTC), or now if it was marked since the claim."""
    marked = row.due_reason is not None
    due_at = row.due_at if marked or look_again_at else None
    _give_back(conn, row, due_at=due_at, ready_at=row.due_at if marked else look_again_at, failures=0, error=None)
