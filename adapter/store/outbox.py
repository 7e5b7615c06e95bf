"""The outbox and ledger: which acts are called for, and what is known of each.

``settle_wanted`` is the way in for a case, in the transaction that stores its decision (``seed_done`` for what was done
before the adapter took over); ``want`` for whatever else wants something of the world. The way from there to the world
is ``dispatch``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select

from adapter.domain.ledger import PERSON_KINDS, Act, ActKind, ActState, Ledger, Wanted
from adapter.store import cases as case_rows
from adapter.store import codec, events, persons, schedules
from adapter.store.cases import Case
from adapter.store.sql import add, by_ref, change, change_each, given, insert_missing, of_cases, where
from adapter.store.tables import acts as table
from adapter.store.tables import cases

LANES = ("platform", "message", "mail")
"""Acts of a case go out one at a time within a lane, and independently between lanes."""

UNFINISHED = (ActState.PENDING, ActState.SENDING, ActState.UNKNOWN)
"""States in which an act holds up the later ones of its lane."""

_c, _k = table.c, cases.c
_OF_CASE = where(table, "tenant", "ref")
ACT_COLUMNS = [_c.n, _c.key, _c.kind, _c.state, _c.what, _c.created_at, _c.done_at, _c.attempts, _c.error]
_ACTS = select(*ACT_COLUMNS).where(*_OF_CASE).order_by(_c.n)
_ELSEWHERE = exists().where(
    _k.tenant == given("tenant"), _k.person_id == given("person_id"), _k.ref != given("ref"), _k.closed_at.is_(None)
)
_KNOWN = select(
    schedules.NEWEST.scalar_subquery().label("schedule"),
    persons.DETAILS.scalar_subquery().label("details"),
    persons.EMPTIED.scalar_subquery().label("emptied"),
    _ELSEWHERE.label("elsewhere"),
)
_QUEUED = ("n", "lane", "kind", "state", "not_before", "retry_at", "ready_at", "lease_owner", "lease_until")
_ROWS = dict.fromkeys((*(column.name for column in ACT_COLUMNS), *_QUEUED, "facts_at"))
_WHOLE = (
    # With the rest of the ledger beside each: a statement less.
    select(*(_c[name] for name in _ROWS), *_KNOWN.selected_columns)
    .where(*_OF_CASE)
    .order_by(_c.n)
    .with_for_update(of=table)
)
_OF_SUBJECT = select(*(_c[name] for name in _ROWS)).where(*_OF_CASE).order_by(_c.n).with_for_update()
_UNFINISHED = (
    select(_c.ref, *(_c[name] for name in _QUEUED))
    .where(*of_cases(table), _c.state.in_(UNFINISHED))
    .order_by(_c.ref, _c.n)
    .with_for_update()
)

Rows = Sequence[Row[Any]]
"""A case's acts as they are stored, in the order in which they were decided."""
_Queued = Mapping[Any, Any]
"""Of an act, what its place in its queue depends on."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Keys of the acts that are new (or called for again), those whose content changed, and those not called for any
    more."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    dropped: tuple[str, ...]


def lane_of(kind: ActKind) -> str:
    return {ActKind.MESSAGE: "message", ActKind.MAIL: "mail"}.get(kind, "platform")


def act_from_row(row: Row[Any]) -> Act:
    """A row that holds ``ACT_COLUMNS`` as an ``Act``."""
    return Act(
        n=row.n,
        key=row.key,
        kind=ActKind(row.kind),
        state=ActState(row.state),
        what=row.what,
        created_at=row.created_at,
        done_at=row.done_at,
        attempts=row.attempts,
        error=row.error,
    )


def acts(conn: Connection, tenant: str, ref: str) -> tuple[Act, ...]:
    """All acts of a case in the order in which they were decided."""
    return tuple(act_from_row(row) for row in conn.execute(_ACTS, {"tenant": tenant, "ref": ref}))


def rows_of(conn: Connection, case: Case) -> Rows:
    """All that is stored of a case's acts, held until the transaction ends: one that isn't sent yet can't be claimed
    while it is decided whether it is still called for."""
    return conn.execute(_WHOLE, {"tenant": case.tenant, "person_id": case.person_id, "ref": case.ref}).all()


def ledger(conn: Connection, case: Case, rows: Rows | None = None) -> Ledger:
    """Everything done for a case, as ``decide`` takes it; ``rows`` are its acts if they were read already."""
    of = {"tenant": case.tenant, "person_id": case.person_id, "ref": case.ref}
    known = rows[0] if rows else conn.execute(_KNOWN, of).one()
    return Ledger(
        opened_at=case.opened_at,
        acts=tuple(map(act_from_row, rows)) if rows is not None else acts(conn, case.tenant, case.ref),
        schedule=None if known.schedule is None else codec.load_record(known.schedule),
        person=persons.as_record(known.details, known.emptied),
        person_elsewhere=bool(known.elsewhere),
        closed=not case.open,
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

    A key that was never there becomes a new act; one that was dropped is called for again under its old number; one
    that waits gets its new content (and, if a person had to act on the old, another chance). What waits and isn't
    called for is dropped. An act that went out, or may have gone out, is never touched. ``facts_at`` is when the oldest
    of the facts was read. Raises ``ValueError`` for a key that is wanted twice.
    """
    by_key = {w.key: w for w in wanted}
    if len(by_key) != len(wanted):
        raise ValueError(f"case {case.ref}: a decision wants one key twice; nothing of it was stored")
    before = {row.key: row for row in (rows_of(conn, case) if rows is None else rows)}
    told: dict[str, list[str]] = {"wanted": [], "changed": [], "dropped": []}
    changes: dict[int, dict[str, Any]] = {}
    fresh: list[dict[str, Any]] = []
    of = {"tenant": case.tenant, "ref": case.ref, "correlation": correlation, "attempts": 0, "looks": 0}
    last = max((row.n for row in before.values()), default=0)
    for w in wanted:
        row = before.get(w.key)
        if row is None:
            new = {"n": last + len(fresh) + 1, "key": w.key, "state": ActState.PENDING, "created_at": now}
            fresh.append({**of, **new, **_content(w, facts_at, now), "lease_owner": None, "lease_until": None})
            told["wanted"].append(w.key)
            continue
        values, kind = _amended(row, w, facts_at, now, correlation)
        changes[row.n] = values
        if kind:
            told[kind].append(w.key)
    for key, row in before.items():
        if key not in by_key and row.state in (ActState.PENDING, ActState.PARKED):
            changes[row.n] = {"state": ActState.DROPPED, "retry_at": None, "ready_at": None}
            told["dropped"].append(key)
    _in_order(before.values(), changes, fresh)
    for n, values in changes.items():
        if values:
            change(conn, table, {"tenant": case.tenant, "ref": case.ref, "n": n}, values)
    add(conn, table, *fresh)
    lines = [_line(name, key, by_key.get(key)) for name, keys in told.items() for key in keys]
    events.record_all(conn, case.tenant, case.ref, lines, now=now, correlation=correlation)
    return Settled(*(tuple(keys) for keys in told.values()))


def _in_order(before: Iterable[Row[Any]], changes: dict[int, dict[str, Any]], fresh: list[dict[str, Any]]) -> None:
    """Say in ``changes`` and ``fresh`` what ``advance`` would write after them."""
    rows = [{**{name: row._mapping[name] for name in _QUEUED}, **changes.get(row.n, {})} for row in before]
    ready = _ready_at([row for row in (*rows, *fresh) if row["state"] in UNFINISHED])
    for row in fresh:
        row["ready_at"] = ready[row["n"]]
    for row in rows:
        if row["n"] in ready and row["ready_at"] != ready[row["n"]]:
            changes.setdefault(row["n"], {})["ready_at"] = ready[row["n"]]


def want(
    conn: Connection, tenant: str, subject: str, wanted: Wanted, *, now: datetime, correlation: str | None = None
) -> bool:
    """Call for an act of something that isn't a case, as an order that can't be used or a report. Returns whether that
    changed anything.

    ``subject`` names it, with nothing personal and unlike any case's reference; it stands where a case's reference
    stands in the audit, the log and the act's own mark. Its acts are numbered, kept apart by their keys and sent one at
    a time as those of a case are; the others that it called for stay called for. A key that went out, or may have gone
    out, is not sent a second time.
    """
    while True:
        rows = conn.execute(_OF_SUBJECT, {"tenant": tenant, "ref": subject}).all()
        row = next((row for row in rows if row.key == wanted.key), None)
        if row is not None:
            values, kind = _amended(row, wanted, now, now, correlation)
            if values:
                change(conn, table, {"tenant": tenant, "ref": subject, "n": row.n}, values)
            break
        of = {"tenant": tenant, "ref": subject, "correlation": correlation, "attempts": 0, "looks": 0}
        new = {"n": len(rows) + 1, "key": wanted.key, "state": ActState.PENDING, "created_at": now}
        kind = "wanted"
        if insert_missing(conn, table, {**of, **new, **_content(wanted, now, now)}):
            break  # else another process called for the subject's first act at the same moment
    advance(conn, tenant, [subject])
    if kind:
        name, data = _line(kind, wanted.key, wanted)
        events.record(conn, tenant, subject, name, data, now=now, correlation=correlation)
    return kind is not None


def drop_waiting(conn: Connection, tenant: str, subject: str, *, now: datetime) -> tuple[str, ...]:
    """Of something that isn't a case, no act is called for any more: those that wait are dropped, and ``want`` may call
    for them again. Returns their keys; what went out, or may have gone out, is never touched."""
    rows = conn.execute(_OF_SUBJECT, {"tenant": tenant, "ref": subject}).all()
    waiting = [row for row in rows if row.state in (ActState.PENDING, ActState.PARKED)]
    for row in waiting:
        gone = {"state": ActState.DROPPED, "retry_at": None, "ready_at": None}
        change(conn, table, {"tenant": tenant, "ref": subject, "n": row.n}, gone)
    advance(conn, tenant, [subject])
    keys = tuple(row.key for row in waiting)
    events.record_all(conn, tenant, subject, [_line("dropped", key, None) for key in keys], now=now)
    return keys


def seed_done(conn: Connection, case: Case, wanted: Sequence[Wanted], now: datetime) -> None:
    """Put acts into the ledger that were done before the adapter took over: they count as done, and nothing is sent."""
    n = conn.scalar(select(func.max(_c.n)).where(_c.tenant == case.tenant, _c.ref == case.ref)) or 0
    for place, w in enumerate(wanted, n + 1):
        ids = {"tenant": case.tenant, "ref": case.ref, "n": place, "key": w.key, "attempts": 0, "looks": 0}
        done = {
            "state": ActState.DONE,
            "created_at": now,
            "done_at": now,
            "result": {"adopted": True},
            "retry_at": None,
        }
        add(conn, table, ids | _content(w, now, now) | done)
    events.record_all(conn, case.tenant, case.ref, [_line("adopted", w.key, w) for w in wanted], now=now)


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
    """What to write to an act that is there, and which change that is, if any."""
    content = _content(w, facts_at, now)
    same = row.kind == w.kind and row.what == dict(w.what)
    if row.state == ActState.DROPPED:
        content["created_at"] = now  # called for since now, not since it once was
        return content | {"state": ActState.PENDING, "error": None, "looks": 0, "correlation": correlation}, "wanted"
    if row.state == ActState.PARKED and not same:
        return content | {"state": ActState.PENDING, "error": None, "correlation": correlation}, "changed"
    if row.state != ActState.PENDING:
        return {}, None
    # A delay that is over is as good as none: reaching it changes nothing.
    held, before = (None if at is None or at <= now else at for at in (w.not_before, row.not_before))
    if same and held == before and row.facts_at is not None:
        # It keeps its own time, which may be a growing delay after failures.
        del content["retry_at"]
    return content, None if same and held == before else "changed"


def _line(name: str, key: str, w: Wanted | None) -> tuple[str, events.Data]:
    return f"act.{name}", {"key": key} if w is None else {"key": key, "kind": w.kind.value, "why": w.why}


STOPS = (ActKind.PAUSE, ActKind.END)
"""Acts that let nobody look any more: they wait for nothing but another act on the same schedule."""


def advance(conn: Connection, tenant: str, refs: Sequence[str]) -> None:
    """In each of the cases let the first unfinished act of each lane be claimed, and only that; on the platform, the
    first about the person and the first about the schedule. A creation waits for the person; a pause or an end waits
    for nothing but another act that is under way on the schedule. Follows every change of an act's state, with the case
    locked."""
    moved: list[dict[str, Any]] = []
    for ref, found in by_ref(conn, _UNFINISHED, tenant, refs).items():
        rows = [row._mapping for row in found]
        ready = _ready_at(rows)
        moved += [
            {"ref": ref, "n": row["n"], "ready_at": ready[row["n"]]}
            for row in rows
            if row["ready_at"] != ready[row["n"]]
        ]
    change_each(conn, table, {"tenant": tenant}, ("ref", "n"), moved)


def _ready_at(unfinished: Sequence[_Queued]) -> dict[int, datetime | None]:
    """From when each of a case's unfinished acts may be claimed, by number."""

    def at(row: _Queued) -> datetime | None:
        found: datetime | None = row["retry_at"] if row["lease_owner"] is None else row["lease_until"]
        return found

    leading = {row["n"] for row in _leading(unfinished)}
    return {row["n"]: at(row) if row["n"] in leading else None for row in unfinished}


def _leading(rows: Sequence[_Queued]) -> list[_Queued]:
    """The first of each queue."""
    queues: dict[str, list[_Queued]] = {}
    for row in rows:
        queues.setdefault("person" if row["kind"] in PERSON_KINDS else row["lane"], []).append(row)
    first = {queue: min(waiting, key=_turn) for queue, waiting in queues.items()}
    if "platform" in queues:
        first["platform"] = min(
            queues["platform"], key=lambda r: (r["state"] == ActState.PENDING, r["kind"] not in STOPS)
        )
    schedule, person = first.get("platform"), first.get("person")
    if schedule is not None and person is not None and schedule["kind"] not in STOPS:
        del first["platform" if person["n"] < schedule["n"] else "person"]
    return list(first.values())


def _turn(row: _Queued) -> tuple[bool, bool, datetime | None, int]:
    """What is under way first, then in order; but a letter that waits for the morning holds up no urgent one."""
    held: datetime | None = row["not_before"] if row["state"] == ActState.PENDING else None
    return row["state"] == ActState.PENDING, held is not None, held, row["n"]


def requeue_parked(conn: Connection, tenant: str, ref: str, now: datetime) -> int:
    """Give a case's parked acts another chance, because its facts changed or a person said so; how many."""
    case_rows.lock(conn, tenant, ref)
    again = {"state": ActState.PENDING, "retry_at": now, "error": None}
    count = change(conn, table, {"tenant": tenant, "ref": ref, "state": ActState.PARKED}, again)
    if count:
        advance(conn, tenant, [ref])
        events.record(conn, tenant, ref, "act.requeued", {"acts": count}, now=now)
    return count


def release_parked(conn: Connection, tenant: str, now: datetime, *, lane: str | None = None) -> int:
    """The same for all cases of a tenant, because the configuration changed; how many acts."""
    query = select(_c.ref).distinct().where(_c.tenant == tenant, _c.state == ActState.PARKED)
    if lane is not None:
        query = query.where(_c.lane == lane)
    return sum(requeue_parked(conn, tenant, ref, now) for ref in conn.scalars(query.order_by(_c.ref)).all())
