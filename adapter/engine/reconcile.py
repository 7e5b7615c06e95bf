"""Reconciles one case: read the facts, decide, and store decision and acts in one transaction.

The adapter never does anything else with a case, whatever made it due.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.decide import decide, never_read
from adapter.domain.decision import Decision, seen_since
from adapter.domain.facts import Facts
from adapter.domain.ledger import ActKind, ActState, Ledger
from adapter.domain.night_watch import REMEMBERED
from adapter.domain.routine import Letter
from adapter.engine import counting
from adapter.engine.adoption import enter
from adapter.engine.case_reader import CaseReader
from adapter.engine.closed_cases import take_up_again, with_person
from adapter.engine.new_orders import open_or_mark, opens_case
from adapter.engine.runtime import Runtime
from adapter.log_events import log, log_context
from adapter.ports import PortError
from adapter.store import cases, due, facts, outbox, persons
from adapter.store.cases import Case, LinkKind
from adapter.store.errors import OrderTaken, Overtaken, StoreError
from adapter.store.outbox import Settled

KNOWN_BY: Mapping[LinkKind, str] = {"execution": "executions", "decision": "decisions", "absence": "absences"}
"""By the kind of link: the facts whose change a feed may show by the id alone."""


class NotRead(Exception):
    """The decision would open supervision, but not everything that this needs was read for it (P1)."""


async def reconcile(rt: Runtime, case: Case) -> None:
    """Reconcile a claimed case. A fault of this case alone raises nothing: a poisoned case is set aside with its
    traceback logged, and the others go on (P6). Raises ``StoreError`` if the store can't be used."""
    correlation = f"{case.ref}-{case.version}"
    with log_context(tenant=case.tenant, case=case.ref, correlation=correlation):
        try:
            await (_reconcile_open(rt, case, correlation) if case.open else _reconcile_closed(rt, case))
        except Overtaken:
            log("lease_lost", lease="case", held_seconds=None)
        except StoreError as e:
            if e.reason == "contended":
                log("case_locked", error=e)
            elif e.reason == "content":
                await _poisoned(rt, case, e, correlation)
            else:
                raise
        except Exception as e:  # noqa: BLE001  # P6: an exception of our own code for one case concerns only that case
            await _poisoned(rt, case, e, correlation)


async def _reconcile_open(rt: Runtime, case: Case, correlation: str) -> None:
    reader = await CaseReader.of(rt, case)
    await reader.read_what_is_due()
    await rt.at("case read")
    if (number := await reader.number_now()) is not None:
        await rt.db.run(lambda c: _renumber(c, rt, case, number))
        log("case_renumbered", person=rt.db.sealing.pseudonym(number))
        return
    try:
        await rt.db.run(lambda c: _decide(c, rt, case, reader, correlation))
    except NotRead:
        await reader.read_everything()
        await rt.at("case read whole")
        await rt.db.run(lambda c: _decide(c, rt, case, reader, correlation))
    await rt.at("case decided")


def _renumber(c: Connection, rt: Runtime, case: Case, number: str) -> None:
    """The client has a new number (LA10). The case goes on under it, and is read again at once."""
    now = rt.clock.now()
    due.hold(c, case, rt.owner)
    cases.renumber(c, case, number, now)
    due.release(c, case, owner=rt.owner, due_at=now)


async def _reconcile_closed(rt: Runtime, case: Case) -> None:
    """Something that a closed case is linked to has changed. If it can't be read now, that is tried again. The feeds
    report a fault of the vendor."""
    settled = False
    try:
        whose = await with_person(rt, case)
        decision, known = await preview(rt, whose) if whose.person_id else (None, None)
    except (PortError, LookupError):
        decision, known = None, None
    else:
        settled = decision is None

    def give_back(c: Connection) -> None:
        row = due.hold(c, case, rt.owner)
        done = settled if decision is None or known is None else take_up_again(c, rt, whose, decision, known)
        due.give_back_closed(c, row, look_again_at=None if done else rt.clock.now() + rt.tuning.poll)

    await rt.db.run(give_back)


async def _poisoned(rt: Runtime, case: Case, error: Exception, correlation: str) -> None:
    what = f"{type(error).__name__} while reconciling"
    now = rt.clock.now()
    try:
        after = await rt.db.run(
            lambda c: due.fail(c, case, owner=rt.owner, now=now, error=what, correlation=correlation)
        )
    except Overtaken:
        return
    if after.failures == 1 or case.error != what:
        log("case_poisoned", error=error, retry_at=after.due_at)


def _decide(c: Connection, rt: Runtime, case: Case, reader: CaseReader, correlation: str) -> None:
    """One transaction: facts, chain, decision, acts. The stored facts were loaded before the reading, but they are
    still the same: only the process that holds the case writes its facts and links, and a declaration made meanwhile
    makes it due again. Raises ``NotRead`` and then stores nothing."""
    now, tenant, stored = rt.clock.now(), reader.tenant, reader.stored
    locked = due.hold(c, case, rt.owner)
    facts.save(c, case.tenant, case.ref, stored.resources, reader.read)
    chain = _link(c, case, reader, now)
    known = reader.facts(chain)
    if known is None:
        _never_read(c, rt, case, reader, now, correlation)
        return
    rows: outbox.Rows | None = outbox.lock_acts(c, case.tenant, case.ref)
    before_entry = _ledger(c, rt, case, now, rows)
    ledger = enter(c, case, known, before_entry, now, tenant)
    if ledger is not before_entry:
        rows = None
    decision = seen_since(reader.last_decision, decide(known, ledger, now, tenant.policy), now)
    if _opens_unread(decision, ledger, reader):
        raise NotRead
    wanted = decision.wanted
    settled = outbox.settle_wanted(c, case, wanted, facts_at=known.read_at, now=now, correlation=correlation, rows=rows)
    if any(w.kind is ActKind.PUT_PERSON and w.key in settled.new for w in wanted):
        # Made here, so that the act needs no transaction of its own for it.
        persons.external_id_for(c, case.tenant, case.person)
    if reader.tell() and any(act.state is ActState.PARKED for act in ledger.acts):
        outbox.requeue_parked(c, case.tenant, case.ref, now)
    after = due.finish(
        c,
        case,
        decision,
        owner=rt.owner,
        now=now,
        read_again_at=_read_again_at(rt, case, decision, now, known.read_at if known.stale else None),
        look_again_at=_moment(rt, case, rt.tuning.awaiting, now) if decision.awaits else None,
        facts_read_at=known.read_at,
        collected_at=now if decision.collected else None,
        correlation=correlation,
        locked=locked,
    )
    if later := tuple(o for o in known.orders.value if o.id in decision.release):
        # Orders that begin long after this case's end get a case of their own.
        cases.unlink_orders(c, case, decision.release)
        open_or_mark(c, tenant, case.person_id, later, now)
    new = len(chain if case.decided_at is None else chain - stored.links["order"]) - len(decision.release)
    counting.decided(c, tenant, case, reader.last_decision, decision, after, ledger.schedule, new)
    if not after.open:
        log("case_closed", phase=after.phase.value, days=(now - case.opened_at).days)
    _tell(rt, case, decision, settled)


def _never_read(c: Connection, rt: Runtime, case: Case, reader: CaseReader, now: datetime, correlation: str) -> None:
    """The case can't be decided yet, and is tried again. If it never could be, somebody is told."""
    again = _patience(rt, now - case.opened_at)
    due.release(c, case, owner=rt.owner, due_at=now + again, error="something was never read")
    if case.decided_at is None:
        unread = tuple(name for name, fact in reader.resources.items() if fact.read_at is None)
        mails = never_read(case.opened_at, unread, now, reader.tenant.policy)
        outbox.settle_wanted(c, case, mails, facts_at=now, now=now, correlation=correlation)
    reader.tell()


def _ledger(c: Connection, rt: Runtime, case: Case, now: datetime, rows: outbox.Rows | None = None) -> Ledger:
    """The case's ledger, with the night load if the municipality has set a limit for it."""
    ledger, policy = outbox.ledger(c, case, rows, looks_since=now - REMEMBERED), rt.tenants[case.tenant].policy
    if not policy.most_looks_at_once:
        return ledger
    return replace(ledger, night_load=rt.night_loads.of(c, case.tenant, policy, now))


def _opens_unread(decision: Decision, ledger: Ledger, reader: CaseReader) -> bool:
    """Whether supervision would be opened without reading everything for it. An act that waits already was decided
    after a whole reading; it goes out if that is still fresh."""
    waiting = () if reader.read else {act.key for act in ledger.acts if act.state is ActState.PENDING}
    return not reader.is_whole and any(w.opens and w.key not in waiting for w in decision.wanted)


def _link(c: Connection, case: Case, reader: CaseReader, now: datetime) -> frozenset[str]:
    """Link the person's new camera orders to the case, or to a new one if this camera was collected, and link the
    executions, decisions, absences and client. Returns the chain."""
    linked, tenant, client = reader.stored.links, reader.tenant, reader.value("client")
    others = [o for o in reader.value("orders") if o.id not in linked["order"] and opens_case(o, tenant.go_live)]
    taken = cases.orders_taken(c, case.tenant, [o.id for o in others])
    new = tuple(o for o in others if o.id not in taken)
    ids = {kind: [row.id for row in reader.value(name)] for kind, name in KNOWN_BY.items()}
    ids["client"] = [client.client_id] if client and client.client_id is not None else []
    found = {kind: {str(i) for i in some} - linked[kind] for kind, some in ids.items()}
    if new and case.collected_at is None:
        found["order"] = {o.id for o in new}
    elif new:
        open_or_mark(c, tenant, case.person_id, new, now)
    try:
        cases.link(c, case, found)
    except OrderTaken as e:
        log("order_ignored", order=e.order_id, reason=str(e))
    return cases.chain(c, case) if new else linked["order"]


def _read_again_at(
    rt: Runtime, case: Case, decision: Decision, now: datetime, stale_since: datetime | None
) -> datetime:
    """When everything is read again at the latest: sooner if a person must mend something, and soon if something
    couldn't be read."""
    if stale_since is not None:
        return now + _patience(rt, now - stale_since)
    mending = any(notice.parks for notice in decision.attention)
    return _moment(rt, case, rt.tuning.awaiting if mending else rt.tuning.reread, now)


def _moment(rt: Runtime, case: Case, period: timedelta, now: datetime) -> datetime:
    """The case's own next moment in each period. So all cases are spread evenly, even if they became due at once."""
    share = int.from_bytes(hashlib.sha256(case.ref.encode()).digest()[:4]) / 2**32
    ahead = (share * rt.tuning.reread.total_seconds() - now.timestamp()) % period.total_seconds()
    return now + (timedelta(seconds=ahead) if ahead >= 1 else period)


def _patience(rt: Runtime, since: timedelta) -> timedelta:
    """How long to wait until the next try, if something couldn't be read for so long. A thousand cases every minute
    would be endless work. When the case system is back, they are released at once."""
    return min(max(rt.tuning.retry_first * 4, since / 4), rt.tuning.retry_cap)


def _tell(rt: Runtime, case: Case, decision: Decision, settled: Settled) -> None:
    if not (settled.new or settled.dropped or decision.phase is not case.phase):
        return
    log(
        "case_decided",
        phase=decision.phase.value,
        wanted=", ".join(settled.new),
        attention=", ".join(a.code for a in decision.attention),
        wake_at=decision.wake_at,
        version=case.version,
    )
    new = [w for w in decision.wanted if w.key in settled.new]
    for wanted in new:
        if wanted.what.get("letter") == Letter.BY_HAND:
            what = wanted.what
            log("supervision_not_stopped", schedule=f"{case.ref}-{what['n']}", act=what["op"], since=what["since"])
    if rt.dry_run:
        for wanted in new:
            log("dry_run_act", act=wanted.key, kind=wanted.kind.value, vendor=None, why=wanted.why)
    for key in settled.dropped:
        log("act_dropped", act=key, kind=None, why="no longer called for")


async def preview(rt: Runtime, case: Case) -> tuple[Decision, Facts]:
    """What reconciling would decide now. Nothing is stored or done (``adapter plan``). Raises ``LookupError`` if a
    resource of the case was never read and can't be read now."""
    reader = await CaseReader.of(rt, case)
    await reader.read_everything()
    known = reader.facts()
    if known is None:
        raise LookupError(f"{case.ref}: something was never read, and can't be read now")
    now = rt.clock.now()
    ledger = await rt.db.run(lambda c: _ledger(c, rt, case, now))
    return decide(known, ledger, now, reader.tenant.policy), known
