"""When cases are reconciled, and by whom: marks, claims, and giving back what was claimed.

A claim is a lease with an end, and every way of giving it back is guarded by its owner and the row's version, so that
a process that slept through its lease can't write over what its successor found (``Overtaken``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, case, literal, select, update

from adapter.domain.decision import Decision, Phase
from adapter.log_events import log, log_context
from adapter.store import codec, events, sealing
from adapter.store.cases import COLUMNS, Case, from_row, lock
from adapter.store.errors import Overtaken
from adapter.store.sealing import Sealed, sealed
from adapter.store.tables import cases, facts
from adapter.store.types import Instant

_c = cases.c
_NOW = bindparam("now", type_=Instant())
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
            (_c.ready_at.is_(None) | (_c.ready_at > _NOW), _NOW),
            else_=_c.ready_at,
        ),
        due_reason=bindparam("reason"),
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
    # No reason stands there until it is marked anew.
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

LOOKED = "look"
"""Why a case is due of which there is something to tell of a look."""

FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
"""How long a case that can't be reconciled for an unexpected error waits: doubled each time, up to the longest."""


def mark_due(
    conn: Connection, tenant: str, refs: Iterable[str], now: datetime, reason: str, *, whole: bool = False
) -> int:
    """Have open cases reconciled now; returns how many. A mark is never lost: one that is made while the case is being
    reconciled makes it due again afterwards, and a closing case stays open for it. ``whole``: its evidence is read
    again too, as it is once a day."""
    return _mark(conn, tenant, _hold_open(conn, tenant, refs), now, reason, news=1, whole=whole)


def lock_and_mark(conn: Connection, tenant: str, ref: str, now: datetime, reason: str | None) -> None:
    """Hold a case until the transaction ends, and mark it for what came of one of its acts, unless ``reason`` is None.
    A reference that names no case is passed over.

    Whoever is reconciling it reads of the act when it decides, as it holds the case then: for such a mark it isn't
    reconciled once more."""
    if reason is None or not _mark(conn, tenant, [ref], now, reason, news=0):
        lock(conn, tenant, ref)  # one that is closed can't be marked


def mark_looked(conn: Connection, tenant: str, refs: Iterable[str], now: datetime) -> None:
    """Have open cases reconciled now because of what came of a look. Nothing of the case system need be read for it."""
    _mark(conn, tenant, _hold_open(conn, tenant, refs), now, LOOKED, news=0)


def _hold_open(conn: Connection, tenant: str, refs: Iterable[str]) -> Sequence[str]:
    """Those of the cases that are open, locked in the order that everybody keeps to: two who mark the same cases would
    block each other otherwise."""
    asked = sorted(set(refs))
    return conn.scalars(_OPEN, {"tenant": tenant, "refs": asked}).all() if asked else ()


def _mark(
    conn: Connection, tenant: str, refs: Sequence[str], now: datetime, reason: str, *, news: int, whole: bool = False
) -> int:
    how = {"now": now, "reason": reason, "news": news, "whole": int(whole)}
    return conn.execute(_MARK, {"of_tenant": tenant, "refs": refs, **how}).rowcount if refs else 0


def claim_due(
    conn: Connection, *, tenant: str, now: datetime, limit: int, owner: str, lease_until: datetime
) -> list[Case]:
    """Lease up to ``limit`` cases that are due, are to be read again, or whose lease ran out; the longest waiting
    first. What another process has leased, or is leasing at this moment, is passed over. Each says by ``due_reason``
    why it was due."""
    rows = conn.execute(_READY, {"tenant": tenant, "now": now, "limit": limit}).all()
    if not rows:
        return []
    lease: dict[str, Any] = {"lease_owner": owner, "lease_until": lease_until, "ready_at": lease_until}
    conn.execute(_LEASE, {"of_tenant": tenant, "refs": [row.ref for row in rows], **lease})
    found = (_readable(conn, row) for row in rows)
    return [replace(one, **lease, version=one.version + 1) for one in found if one is not None]


def _readable(conn: Connection, row: Row[*tuple[Any, ...]]) -> Case | None:
    """None for a case that this version doesn't understand: a newer replica may be there. It is left alone until the
    lease ends, and stops no other."""
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
    held: Case | None = None,
) -> Case:
    """Store what was decided for a claimed case and give it back, due at the decision's ``wake_at`` or at
    ``look_again_at``, whichever is first, or, if it was marked in the meantime, still due.

    A decision that closes the case closes it, unless it was marked: then it stays open and due, and the next turn
    closes it. Other open cases of the person are marked when it closes. ``held`` is what ``hold`` returned in this
    transaction, if it was asked. Returns the case as it now is. Raises ``Overtaken``.
    """
    row = held or hold(conn, case, owner)
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
    # The last of a person's cases empties the person at the platform, so each must see that the others closed.
    theirs = (_c.tenant == case.tenant, _c.person == case.person, _c.closed_at.is_(None))
    others = conn.scalars(select(_c.ref).where(*theirs)).all()
    mark_due(conn, case.tenant, others, now, "sibling_closed")


def release(conn: Connection, case: Case, *, owner: str, due_at: datetime, error: str | None = None) -> Case:
    """Give a claimed case back undecided, to be tried again at ``due_at`` (UTC). Raises ``Overtaken``."""
    row = hold(conn, case, owner)
    due_at = _at_its_mark(row, due_at)
    reason = row.due_reason or "undecided"
    return _give_back(conn, row, due_at=due_at, ready_at=due_at, due_reason=reason, error=error)


def _at_its_mark(row: Case, due_at: datetime) -> datetime:
    """``due_at``, or when it is due by a mark that was made since the claim: of an act's ending as well, for nothing
    was decided with it."""
    if row.due_reason is None or row.due_at is None:
        return due_at
    return min(due_at, row.due_at)


def fail(
    conn: Connection, case: Case, *, owner: str, now: datetime, error: str, correlation: str | None = None
) -> Case:
    """Give back a case whose reconciling raised something unexpected. It is tried again for ever, after a delay that
    grows, or as soon as it is marked. Raises ``Overtaken``."""
    row = hold(conn, case, owner)
    failures = row.failures + 1
    due_at = _at_its_mark(row, now + min(FIRST_DELAY * 2 ** min(failures - 1, 10), LONGEST_DELAY))
    data: events.Data = {"failures": failures, "error": error}
    events.record(conn, case.tenant, case.ref, "case.failed", data, now=now, correlation=correlation)
    return _give_back(conn, row, due_at=due_at, ready_at=due_at, due_reason="failed", failures=failures, error=error)


def let_go_stale(conn: Connection, tenant: str, *, now: datetime, gap: timedelta) -> int:
    """The case system is back: cases of which something couldn't be read are read again, ``gap`` apart; how many."""
    stale = select(facts.c.ref).where(facts.c.tenant == tenant, facts.c.stale).distinct()
    query = select(_c.ref).where(
        _c.tenant == tenant, _c.closed_at.is_(None), _c.lease_owner.is_(None), _c.ref.in_(stale)
    )
    refs = conn.scalars(query.where(_c.ready_at > now).order_by(_c.ready_at, _c.ref)).all()
    for place, ref in enumerate(refs):
        at = now + gap * place
        soonest = case((_c.ready_at > at, literal(at, Instant())), else_=_c.ready_at)
        conn.execute(update(cases).where(_c.tenant == tenant, _c.ref == ref).values(read_again_at=at, ready_at=soonest))
    return len(refs)


def pull_in(conn: Connection, now: datetime, until: datetime) -> int:
    """Have the open cases that wait for a time up to ``until`` looked at now; how many. For a clock that was set."""
    waits = (_c.closed_at.is_(None), _c.lease_owner.is_(None), _c.ready_at > now, _c.ready_at <= until)
    return conn.execute(update(cases).where(*waits).values(ready_at=now)).rowcount


def release_all(conn: Connection, now: datetime, *, owner: str | None = None) -> int:
    """Give back the cases that a process held (of all processes, where it is the only one), due now; how many. Whoever
    still works on one finds itself overtaken."""
    free = {"lease_owner": None, "lease_until": None, "ready_at": now, "version": _c.version + 1}
    held = _c.lease_owner.is_not(None) if owner is None else _c.lease_owner == owner
    return conn.execute(update(cases).where(held).values(**free)).rowcount


def hold(conn: Connection, case: Case, owner: str) -> Case:
    """A claimed case as it now is, locked until the transaction ends. Raises ``Overtaken`` if the claim no longer
    stands."""
    # Nothing but marks changes a case that is claimed.
    row = conn.execute(_HELD, {"tenant": case.tenant, "ref": case.ref}).one_or_none()
    if row is None:
        raise LookupError(f"there is no case {case.ref} of {case.tenant}")
    if row.version != case.version or row.lease_owner != owner:
        raise Overtaken(f"case {case.ref} of {case.tenant} is no longer this process's; its work was dropped")
    # Nothing but marks changes a case that is claimed.
    marks = {name: getattr(row, name) for name in ("due_at", "due_reason", "due_seq", "read_again_at", "ready_at")}
    return replace(case, **marks)


def _give_back(conn: Connection, row: Case, **values: Any) -> Case:
    given_back = {"lease_owner": None, "lease_until": None, "version": row.version + 1, **values}
    stored = sealed(conn, cases, given_back, tenant=row.tenant, ref=row.ref)
    conn.execute(_GIVE_BACK, {"of_tenant": row.tenant, "of_ref": row.ref, "of_version": row.version, **stored})
    if "decision" in given_back:
        which = sealing.where(_c.decision, {"tenant": row.tenant, "ref": row.ref})
        given_back["decision"] = Sealed(stored["decision"], which, sealing.of(conn))
    return replace(row, **given_back)


def mark_closed(conn: Connection, tenant: str, refs: Iterable[str], now: datetime, reason: str) -> int:
    """Have closed cases reconciled too, as something that they know has changed; how many. ``due_at`` is when that was
    seen last."""
    asked = sorted(set(refs))
    if not asked:
        return 0
    theirs = (_c.tenant == tenant, _c.ref.in_(asked), _c.closed_at.is_not(None))
    held = conn.scalars(select(_c.ref).where(*theirs).order_by(_c.ref).with_for_update()).all()
    ready = case((_c.lease_owner.is_not(None), _c.ready_at), else_=literal(now, Instant()))
    marking = update(cases).where(_c.tenant == tenant, _c.ref.in_(held))
    values = {"due_at": now, "ready_at": ready, "due_reason": reason, "due_seq": _c.due_seq + 1}
    return conn.execute(marking.values(**values)).rowcount if held else 0


def rest(conn: Connection, row: Case, *, look_again_at: datetime | None) -> None:
    """Give a claimed closed case back (``hold``): nothing calls for it any more, or it is looked at again then (UTC),
    or at once if it was marked since its claim."""
    marked = row.due_reason is not None
    due_at = row.due_at if marked or look_again_at else None
    _give_back(conn, row, due_at=due_at, ready_at=row.due_at if marked else look_again_at, failures=0, error=None)
