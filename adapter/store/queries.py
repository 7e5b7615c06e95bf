"""Queries over the whole database, for the status page, the metrics and lists: the state of the work, the result of the
last comparison with the camera platform, and the decisions that aren't executed or are interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, case, func, select, tuple_

from adapter.domain.ledger import ActState
from adapter.domain.unfulfilled import Listed, Unfulfilled, listed
from adapter.store import sealing
from adapter.store.cases import Case, all_cases
from adapter.store.errors import StoreError
from adapter.store.feeds import Feed, all_feeds
from adapter.store.order_inbox import WaitingOrder, unusable_orders
from adapter.store.tables import acts, cases, events, schedules

WAITING = (ActState.PENDING, ActState.SENDING, ActState.UNKNOWN, ActState.PARKED)


@dataclass(frozen=True, slots=True)
class ActCount:
    """``oldest`` (UTC) is when the oldest of them was decided."""

    lane: str
    state: ActState
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """How the work of one tenant stands. ``phases`` counts all cases, closed ones too; ``acts`` counts those that
    aren't done or dropped. ``ready`` cases could be claimed now, the first of them since ``ready_since`` (UTC).
    ``failing`` cases raised an unexpected error. ``unusable`` are orders that can't be used and have no case."""

    phases: dict[str, int]
    acts: tuple[ActCount, ...]
    feeds: tuple[Feed, ...]
    ready: int
    ready_since: datetime | None
    failing: int
    unusable: tuple[WaitingOrder, ...] = ()


def unattended(conn: Connection, tenants: Sequence[str]) -> dict[str, int]:
    """How many open cases there are of tenants other than these."""
    c = cases.c
    query = select(c.tenant, func.count()).where(c.closed_at.is_(None), c.tenant.not_in(tenants)).group_by(c.tenant)
    return {row[0]: row[1] for row in conn.execute(query.order_by(c.tenant))}


def overview(conn: Connection, tenant: str, now: datetime) -> Overview:
    c, a = cases.c, acts.c
    phases = conn.execute(select(c.phase, func.count()).where(c.tenant == tenant).group_by(c.phase)).all()
    waiting = select(a.lane, a.state, func.count(), func.min(a.created_at)).where(
        a.tenant == tenant, a.state.in_(WAITING)
    )
    # After an act of its own a case has its old place among those that are due; it waits since it was marked.
    since = case(((c.ready_at < c.due_at) & (c.due_at <= now), c.due_at), else_=c.ready_at)
    ready = conn.execute(select(func.count(), func.min(since)).where(c.tenant == tenant, c.ready_at <= now)).one()
    failing = conn.scalar(
        select(func.count()).select_from(cases).where(c.tenant == tenant, c.closed_at.is_(None), c.failures > 0)
    )
    return Overview(
        phases={row[0]: row[1] for row in sorted(phases)},
        acts=tuple(
            ActCount(lane, ActState(state), count, oldest)
            for lane, state, count, oldest in conn.execute(waiting.group_by(a.lane, a.state).order_by(a.lane, a.state))
        ),
        feeds=all_feeds(conn, tenant),
        ready=ready[0],
        ready_since=ready[1],
        failing=failing or 0,
        unusable=unusable_orders(conn, tenant),
    )


@dataclass(frozen=True, slots=True)
class Drift:
    """What the last full comparison with the camera platform, at ``at`` (UTC), found. Schedules are named by reference
    (``TK-7F3K2M-1``). ``unowned``: no case owns it, and it hasn't ended. ``missing``: it is gone from the platform
    though it should run. ``changed``: somebody else changed it there; if ``mended``, it has been changed back."""

    at: datetime
    unowned: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    mended: bool = True


def last_drift(conn: Connection, tenant: str) -> Drift | None:
    """What the last comparison found and is still true: a schedule is left out if a case owns it by now (its creation
    was under way), or if it has ended. None before the first comparison."""
    e = events.c
    of = (e.tenant == tenant, e.ref.is_(None), e.name == "comparison")
    row = conn.execute(select(events).where(*of).order_by(e.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    try:
        data = sealing.opened(conn, row, e.data)
    except StoreError:
        return None  # the next comparison finds it again; until then the page and the metrics must work
    unowned, missing, changed = (_labels(data.get(name)) for name in ("unowned", "missing", "changed"))
    owned = _running(conn, tenant, [*unowned, *missing])
    return Drift(
        row.at,
        tuple(label for label in unowned if label not in owned),
        tuple(label for label in missing if label in owned),
        changed,
        bool(data.get("mended", True)),
    )


def _labels(listed: object) -> tuple[str, ...]:
    return tuple(label for label in str(listed or "").split(", ") if label)


def _running(conn: Connection, tenant: str, labels: list[str]) -> frozenset[str]:
    """Those of the schedules that an open case owns and believes to run."""
    if not labels:
        return frozenset()
    s, c = schedules.c, cases.c
    keys = [(ref, int(n)) for ref, _, n in (label.rpartition("-") for label in labels)]
    mine = schedules.join(cases, (c.tenant == s.tenant) & (c.ref == s.ref))
    theirs = (s.tenant == tenant, s.ended.is_(False), s.remote_id.is_not(None), c.closed_at.is_(None))
    query = select(s.ref, s.n).select_from(mine).where(*theirs, tuple_(s.ref, s.n).in_(keys[:500]))
    return frozenset(f"{ref}-{n}" for ref, n in conn.execute(query))


def unfulfilled_cases(conn: Connection, tenant: str, today: date) -> tuple[Listed, ...]:
    """The open cases whose authority's decision isn't executed or is interrupted, as of ``today`` (local), by the last
    decision of each. A case whose last decision this version can't read is left out until it is decided again."""
    return listed(((case.ref, case.unit, _unfulfilled(case)) for case in all_cases(conn, tenant)), today)


def undecided(conn: Connection, tenant: str, since: datetime) -> bool:
    """Whether an open case wasn't decided since it was opened, at ``since`` (UTC) or later, or was last decided then by
    another version: nobody knows yet whether it is on the list."""
    found = all_cases(conn, tenant)
    new = any(case.decided_at is None and case.opened_at >= since for case in found)
    return new or any(case.decided_at and case.decided_at >= since and not _says(case) for case in found)


def _says(case: Case) -> bool:
    try:
        return case.last_decision is None or (case.decision is not None and '"unfulfilled":' in case.decision.open())
    except StoreError:
        return False


def _unfulfilled(case: Case) -> Unfulfilled | None:
    try:
        decision = case.last_decision
    except StoreError:
        return None
    return decision.unfulfilled if decision else None
