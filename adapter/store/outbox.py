"""The outbox and ledger: which acts are called for, and what is known of each.

``settle_wanted`` puts a case's acts in, in the transaction that stores its decision, and ``seed_done`` the acts that
were done before the adapter took over. ``want`` is for everything that isn't a case. ``claims`` takes the acts out.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select, update

from adapter.domain.ledger import PERSON_KINDS, VISIT_KINDS, Act, ActKind, ActState, Ledger, Wanted
from adapter.store import cases as case_rows
from adapter.store import events, look_log, persons, schedules, sealing
from adapter.store.cases import Case
from adapter.store.sql import chunks, insert_missing
from adapter.store.tables import acts as table
from adapter.store.tables import cases

LANES = ("platform", "message", "mail", "visit")
"""Acts of a case go out one at a time within a lane, and independently between lanes."""

UNFINISHED = (ActState.PENDING, ActState.SENDING, ActState.UNKNOWN)
"""States in which an act holds up the later ones of its lane."""

_c, _k = table.c, cases.c

# What runs for every act is built once: building a statement costs four times as much as running it.
_OF_CASE = select(table).where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref")).order_by(_c.n)
_LOCKED = _OF_CASE.with_for_update()
_WAITING = (
    # Only the columns that decide whose turn it is, because it runs at every change of an act.
    select(_c.tenant, _c.ref, _c.n, _c.kind, _c.lane, _c.state, _c.not_before)
    .add_columns(_c.retry_at, _c.lease_owner, _c.lease_until, _c.ready_at)
    .where(_c.tenant == bindparam("tenant"), _c.ref == bindparam("ref"), _c.state.in_(UNFINISHED))
    .order_by(_c.n)
    .with_for_update()
)
_CHANGE = update(table).where(
    _c.tenant == bindparam("of_tenant"), _c.ref == bindparam("of_ref"), _c.n == bindparam("of_n")
)
_OTHERS = (_k.person == bindparam("person"), _k.ref != bindparam("ref"), _k.closed_at.is_(None))
_ELSEWHERE = select(_k.ref).where(_k.tenant == bindparam("tenant"), *_OTHERS).limit(1)

Rows = Sequence[Row[Any]]
"""A case's acts as they are stored, in the order in which they were decided."""


class Settled(NamedTuple):
    """Keys of the acts that are new (or called for again), of those whose content changed, and of those that are no
    longer called for."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


ADOPTED = {"adopted": True}
"""The result of an act that had been done before the adapter took the case over."""


def lane_of(kind: ActKind) -> str:
    if kind in VISIT_KINDS:
        return "visit"
    return {ActKind.MESSAGE: "message", ActKind.MAIL: "mail"}.get(kind, "platform")


def act_from_row(conn: Connection, row: Row[*tuple[Any, ...]]) -> Act:
    """A row of the table as an ``Act``."""
    return Act(
        n=row.n,
        key=row.key,
        kind=ActKind(row.kind),
        state=ActState(row.state),
        what=row.what,
        created_at=row.created_at,
        done_at=row.done_at,
        attempts=row.attempts,
        error=sealing.readable(conn, row, _c.error),
        code=row.code,
    )


def acts(conn: Connection, tenant: str, ref: str) -> tuple[Act, ...]:
    """All acts of a case in the order in which they were decided."""
    return _acts(conn, conn.execute(_OF_CASE, {"tenant": tenant, "ref": ref}).all())


def _acts(conn: Connection, rows: Rows) -> tuple[Act, ...]:
    return tuple(act_from_row(conn, row) for row in rows)


def lock_acts(conn: Connection, tenant: str, ref: str) -> Rows:
    """A case's acts as they are stored, locked until the transaction ends: an act can't be claimed while it is decided
    whether it is still called for."""
    return conn.execute(_LOCKED, {"tenant": tenant, "ref": ref}).all()


def ledger(conn: Connection, case: Case, rows: Rows | None = None, *, looks_since: datetime | None = None) -> Ledger:
    """Everything that was done for a case, as ``decide`` takes it; ``rows`` are its acts if they were read already. It
    has the looks that were due at or after ``looks_since`` (UTC); with None, no looks are read."""
    schedule = schedules.newest(conn, case.tenant, case.ref)
    of = {"tenant": case.tenant, "person": case.person, "ref": case.ref}
    return Ledger(
        opened_at=case.opened_at,
        acts=_acts(conn, rows) if rows is not None else acts(conn, case.tenant, case.ref),
        schedule=schedule,
        person=persons.record(conn, case.tenant, case.person),
        person_elsewhere=conn.scalar(_ELSEWHERE, of) is not None,
        closed=not case.open,
        looks=look_log.of_case(conn, case.tenant, case.ref, looks_since) if looks_since and schedule else (),
        first_looks=look_log.first_done(conn, case.tenant, case.ref) if looks_since and schedule else (),
    )


def settle_wanted(
    conn: Connection,
    case: Case,
    wanted: Sequence[Wanted],
    *,
    facts_at: datetime,
    now: datetime,
    correlation: str | None = None,
    rows: Rows | None = None,
) -> Settled:
    """Make the outbox say what the decision calls for, and no more. The case is held (``due.hold``); ``rows`` are its
    acts if they were read already.

    A new key becomes a new act. An act that was dropped is called for again under its old number. An act that waits
    gets its new content; if it was parked and its content changed, it is tried again. An act that waits and isn't
    called for is dropped. An act that went out, or may have gone out, is never changed. ``facts_at`` is when the oldest
    of the facts was read. Raises ``ValueError`` for a key that is wanted twice.
    """
    if len({w.key for w in wanted}) != len(wanted):
        raise ValueError(f"case {case.ref}: a decision wants one key twice; nothing of it was stored")
    return _settle(conn, case.tenant, case.ref, wanted, rows, facts_at=facts_at, now=now, correlation=correlation)


def _settle(
    conn: Connection,
    tenant: str,
    ref: str,
    wanted: Sequence[Wanted],
    rows: Rows | None = None,
    *,
    facts_at: datetime,
    now: datetime,
    correlation: str | None = None,
    drop: bool = True,
) -> Settled:
    """``drop``: also drop the acts that wait and aren't wanted."""
    by_key = {w.key: w for w in wanted}
    before = {row.key: row for row in (lock_acts(conn, tenant, ref) if rows is None else rows)}
    keys: dict[str, list[str]] = {"wanted": [], "changed": [], "dropped": []}
    fresh: list[dict[str, Any]] = []
    moved = False
    last = max((row.n for row in before.values()), default=0)
    for w in wanted:
        row = before.get(w.key)
        if row is None:
            fresh.append(_new(tenant, ref, last + len(fresh) + 1, w, facts_at, now, correlation))
            keys["wanted"].append(w.key)
            continue
        values, kind = _amended(row, w, facts_at, now, correlation)
        change(conn, row, values)
        moved = moved or "retry_at" in values
        if kind:
            keys[kind].append(w.key)
    if drop:
        keys["dropped"] = _drop(conn, (row for key, row in before.items() if key not in by_key))
    if insert_missing(conn, table, *fresh) < len(fresh):
        # Only a case can be locked: another process called for this subject's first act at the same moment.
        return _settle(conn, tenant, ref, wanted, facts_at=facts_at, now=now, correlation=correlation, drop=drop)
    if not any(keys.values()) and not moved:
        return Settled()
    advance(conn, tenant, ref)
    lines = [_line(name, key, by_key.get(key)) for name, some in keys.items() for key in some]
    events.record_all(conn, tenant, ref, lines, now=now, correlation=correlation)
    return Settled(*(tuple(some) for some in keys.values()))


def want(conn: Connection, tenant: str, subject: str, wanted: Wanted, *, now: datetime) -> bool:
    """Call for an act that something else than a case wants: an order that can't be used, a report. Returns whether
    that changed anything.

    ``subject`` names what wants it, with nothing personal and unlike any case's reference; in the audit, the log and
    the act's own mark it takes the place of a case's reference. Its acts are numbered, told apart by their keys and
    sent one at a time, as those of a case are; its other acts stay called for. A key that went out, or may have gone
    out, is not sent again.
    """
    return any(_settle(conn, tenant, subject, [wanted], facts_at=now, now=now, drop=False))


def of_subjects(conn: Connection, tenant: str, subjects: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """The acts of each of these subjects that has any, locked until the transaction ends."""
    found: dict[str, list[Row[Any]]] = {}
    query = select(table).where(_c.tenant == tenant).order_by(_c.ref, _c.n).with_for_update()
    for some in chunks(sorted(subjects)):
        for row in conn.execute(query.where(_c.ref.in_(some))):
            found.setdefault(row.ref, []).append(row)
    return found


def settle_each(
    conn: Connection, tenant: str, wanted: Mapping[str, Wanted | None], rows: Mapping[str, Rows], *, now: datetime
) -> None:
    """Make the outbox say what each of many subjects calls for, and no more: one act, or none. ``rows`` are their acts
    (``of_subjects``). Most have none yet, and those are written together. The audit, which is kept for ever, gets no
    lines of them."""
    fresh = []
    for subject, w in wanted.items():
        before = rows.get(subject, ())
        for row in before:
            if w is not None and row.key == w.key:
                change(conn, row, _amended(row, w, now, now, None)[0])
        _drop(conn, (row for row in before if w is None or row.key != w.key))
        if w is not None and w.key not in {row.key for row in before}:
            fresh.append(
                _new(tenant, subject, len(before) + 1, w, now, now, None) | {"ready_at": None if before else now}
            )
    insert_missing(conn, table, *fresh)
    for subject in wanted:
        if rows.get(subject):
            advance(conn, tenant, subject)


def drop_waiting(conn: Connection, tenant: str, subject: str, *, now: datetime) -> None:
    """A subject that isn't a case calls for nothing any more: its acts that wait are dropped, and ``want`` may call for
    them again. What went out, or may have gone out, is never changed."""
    _settle(conn, tenant, subject, [], facts_at=now, now=now)


def seed_done(conn: Connection, case: Case, wanted: Sequence[Wanted], now: datetime) -> None:
    """Put acts into the ledger that were done before the adapter took over. They count as done; nothing is sent."""
    last = conn.scalar(select(func.max(_c.n)).where(_c.tenant == case.tenant, _c.ref == case.ref)) or 0
    done = {"state": ActState.DONE, "done_at": now, "result": ADOPTED, "retry_at": None}
    rows = [_new(case.tenant, case.ref, n, w, now, now, None) | done for n, w in enumerate(wanted, last + 1)]
    insert_missing(conn, table, *rows)
    events.record_all(conn, case.tenant, case.ref, [_line("adopted", w.key, w) for w in wanted], now=now)


def _new(
    tenant: str, ref: str, n: int, w: Wanted, facts_at: datetime, now: datetime, correlation: str | None
) -> dict[str, Any]:
    marked = w.kind in (ActKind.MESSAGE, ActKind.MAIL)
    code = "".join(secrets.choice(sealing.CODE) for _ in range(4)) if marked else None
    of = {"tenant": tenant, "ref": ref, "n": n, "key": w.key, "code": code, "correlation": correlation}
    first = {"state": ActState.PENDING, "created_at": now, "attempts": 0, "looks": 0}
    return {**of, **first, **_content(w, facts_at, now)}


def change(conn: Connection, row: Row[*tuple[Any, ...]], values: Mapping[str, Any]) -> None:
    """Write something to the act that a row is of; nothing where there is nothing to write."""
    if values:
        conn.execute(_CHANGE, {"of_tenant": row.tenant, "of_ref": row.ref, "of_n": row.n, **values})


def _drop(conn: Connection, rows: Iterable[Row[Any]]) -> list[str]:
    """Drop those that wait; returns their keys."""
    waiting = [row for row in rows if row.state in (ActState.PENDING, ActState.PARKED)]
    for row in waiting:
        change(conn, row, {"state": ActState.DROPPED, "retry_at": None, "ready_at": None})
    return [row.key for row in waiting]


def _content(w: Wanted, facts_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "kind": w.kind,
        "lane": lane_of(w.kind),
        "what": dict(w.what),
        "why": w.why,
        "opens": w.opens,
        "not_before": w.not_before,
        "retry_at": max(w.not_before or now, now),
        "facts_at": facts_at,
    }


def _amended(
    row: Row[Any], w: Wanted, facts_at: datetime, now: datetime, correlation: str | None
) -> tuple[dict[str, Any], str | None]:
    """What to write to an act that is there already, and what the audit calls that change (None: no change)."""
    content = _content(w, facts_at, now)
    same = row.kind == w.kind and row.what == dict(w.what)
    if row.state == ActState.DROPPED:
        content["created_at"] = now  # it is called for since now
        return content | {"state": ActState.PENDING, "error": None, "looks": 0, "correlation": correlation}, "wanted"
    if row.state == ActState.PARKED and not same:
        return content | {"state": ActState.PENDING, "error": None, "correlation": correlation}, "changed"
    if row.state != ActState.PENDING:
        return {}, None
    # A delay that is over counts as none.
    waits_until, before = (None if at is None or at <= now else at for at in (w.not_before, row.not_before))
    unchanged = same and waits_until == before
    if unchanged and row.facts_at is not None:
        if (row.why, row.not_before) == (w.why, w.not_before) and not (row.opens or w.opens):
            return {}, None
        # It keeps its time, which may be a growing delay after failures.
        del content["retry_at"]
    return content, None if unchanged else "changed"


def _line(name: str, key: str, w: Wanted | None) -> tuple[str, events.Data]:
    return f"act.{name}", {"key": key} if w is None else {"key": key, "kind": w.kind.value, "why": w.why}


STOPS = (ActKind.PAUSE, ActKind.END)
"""Acts after which nobody can look any more: they wait for nothing but another act on the same schedule."""


def advance(conn: Connection, tenant: str, ref: str) -> Rows:
    """Let the first unfinished act of each of a case's lanes be claimed, and only that one; on the platform, the first
    about the person and the first about the schedule. A creation waits for the person; a pause or an end waits for
    nothing but another act that is under way on the schedule. Called after every change of an act's state, with the
    case locked. Returns all that are unfinished."""
    rows = conn.execute(_WAITING, {"tenant": tenant, "ref": ref}).all()
    leading = {row.n for row in _leading(rows)}
    for row in rows:
        at = (row.retry_at if row.lease_owner is None else row.lease_until) if row.n in leading else None
        if at != row.ready_at:
            change(conn, row, {"ready_at": at})
    return rows


def _leading(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The first of each queue."""
    queues: dict[str, list[Row[Any]]] = {}
    for row in rows:
        queues.setdefault("person" if row.kind in PERSON_KINDS else row.lane, []).append(row)
    first = {queue: min(waiting, key=_turn) for queue, waiting in queues.items()}
    if "platform" in queues:
        first["platform"] = min(
            queues["platform"], key=lambda row: (row.state == ActState.PENDING, row.kind not in STOPS)
        )
    schedule, person = first.get("platform"), first.get("person")
    if schedule is not None and person is not None and schedule.kind not in STOPS:
        del first["platform" if person.n < schedule.n else "person"]
    return list(first.values())


def _turn(row: Row[Any]) -> tuple[bool, bool, datetime | None, int]:
    """First what is under way, then by number; but a message that waits for the morning holds up no urgent one."""
    waits_until: datetime | None = row.not_before if row.state == ActState.PENDING else None
    return row.state == ActState.PENDING, waits_until is not None, waits_until, row.n


def requeue_parked(conn: Connection, tenant: str, ref: str, now: datetime) -> int:
    """Try a case's parked acts again, because its facts changed or a person asked for it. Returns how many."""
    case_rows.lock(conn, tenant, ref)
    theirs = (_c.tenant == tenant, _c.ref == ref, _c.state == ActState.PARKED)
    lanes = set(conn.scalars(select(_c.lane).where(*theirs)))
    parked = update(table).where(*theirs)
    count = conn.execute(parked.values(state=ActState.PENDING, retry_at=now, error=None)).rowcount
    if count:
        advance(conn, tenant, ref)
    if lanes - {"visit"}:
        events.record(conn, tenant, ref, "act.requeued", {"acts": count}, now=now)
    return count


def release_parked(
    conn: Connection, tenant: str, now: datetime, *, lane: str | None = None, since: datetime | None = None
) -> int:
    """The same for all cases of a tenant, because the configuration changed. Returns how many acts. ``since``: only
    acts that were called for at that instant (UTC) or later."""
    query = select(_c.ref).distinct().where(_c.tenant == tenant, _c.state == ActState.PARKED)
    if lane is not None:
        query = query.where(_c.lane == lane)
    if since is not None:
        query = query.where(_c.created_at >= since)
    visits = _release_visits(conn, tenant, now, since) if lane in (None, "visit") else 0
    return visits + sum(requeue_parked(conn, tenant, ref, now) for ref in conn.scalars(query.order_by(_c.ref)).all())


def _release_visits(conn: Connection, tenant: str, now: datetime, since: datetime | None) -> int:
    """The visits that are the only unfinished act of their look, in one statement. One by one, a few nights of a large
    city would keep pauses and ends away from the database for minutes."""
    other = table.alias().c
    open_too = other.state.in_((*UNFINISHED, ActState.PARKED))
    beside = select(other.n).where(other.tenant == tenant, other.ref == _c.ref, other.n != _c.n, open_too).exists()
    alone = update(table).where(_c.tenant == tenant, _c.lane == "visit", _c.state == ActState.PARKED, ~beside)
    if since is not None:
        alone = alone.where(_c.created_at >= since)
    free = {"state": ActState.PENDING, "retry_at": now, "ready_at": now, "error": None}
    return conn.execute(alone.values(free)).rowcount
