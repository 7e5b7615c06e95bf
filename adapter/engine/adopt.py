"""Going live: cases that were up before it are taken over by ``config/adopt.toml``, and nobody notices.

An adopted case has its schedule as the camera platform has it, the steps that were done declared by whoever lists it,
and a ledger in which everything of the way in counts as done: nothing is sent on entry, nothing is made twice, and it
ends as any other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from adapter.domain.decide import decide
from adapter.domain.facts import Facts, Order, OrderStatus, Signal
from adapter.domain.ledger import ActKind, Ledger, ScheduleStatus, Wanted
from adapter.domain.looks import day_start
from adapter.domain.routine import Letter
from adapter.engine.resync_file import Entry, OrderId, Refusal, chunks, entry_of
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import PlatformSchedule, PortError
from adapter.store import cases, declarations, outbox, persons, schedules
from adapter.store.cases import Case
from adapter.store.errors import OrderTaken

NEEDED = (Signal.TIMES_AGREED, Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED, Signal.READY_FOR_START)
"""What must have been done for a camera that is up; without it e-tillsyn would be paused on the first day."""

ENTRY_LETTERS = frozenset({Letter.RECEIVED, Letter.INSTALL, Letter.TIMES, Letter.PLAN})
"""What the way in tells, and what therefore counts as told."""


class Adoption(Entry):
    """One case to take over: the order's id in Lifecare, the schedule's in Phoniro, and the signals that were done."""

    order: OrderId
    schedule: Annotated[str, Field(min_length=1, max_length=100)]
    done: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class AdoptFile:
    entries: tuple[tuple[int, Adoption], ...] = ()
    refusals: tuple[Refusal, ...] = ()


def parse(text: str, tenants: Collection[str]) -> AdoptFile:
    """The entries of a text; one that can't be used is refused by line, key and reason, and holds up no other."""
    entries: dict[str, tuple[int, Adoption]] = {}
    refusals: list[Refusal] = []
    for chunk in chunks(text):
        entry, faults = entry_of(chunk, tenants, {"adopt": Adoption})
        if entry is not None and not faults:
            missing = [signal.value for signal in NEEDED if signal not in entry.done]
            if missing:
                faults = [
                    Refusal(chunk.line_of("done"), "done", f"lacks {', '.join(missing)}: e-tillsyn would be paused")
                ]
            elif first := entries.get(entry.order):
                faults = [Refusal(chunk.line_of("order"), "order", f"{entry.order} stands on line {first[0]} already")]
            else:
                entries[entry.order] = (chunk.line, entry)
        refusals += faults
    return AdoptFile(tuple(entries.values()), tuple(refusals))


@dataclass(slots=True)
class AdoptWatch:
    """Looks whether the file changed, and takes its cases over; again while a vendor doesn't answer."""

    path: Path
    taken: tuple[int, int] | None = None
    wrong: str | None = None
    """Why it couldn't be read at the last look, so that it is told once."""

    async def look(self, rt: Runtime) -> None:
        """Raises ``StoreError``: then it is taken at a later look."""
        stamp, text, wrong = _read(self.path)
        if wrong is not None and wrong != self.wrong:
            log("adoption_refused", file=self.path.name, line=0, field="", reason=wrong)
        self.wrong = wrong
        if text is not None and stamp != self.taken and await take_over(rt, text, self.path.name):
            self.taken = stamp


def _read(path: Path) -> tuple[tuple[int, int], str | None, str | None]:
    """The file's stamp, its text if it is there, and why it can't be read."""
    try:
        found = path.stat()
        return (found.st_mtime_ns, found.st_size), path.read_text(encoding="utf-8"), None
    except FileNotFoundError:
        return (0, 0), None, None
    except (OSError, UnicodeDecodeError) as error:
        return (0, 0), None, f"can't be read ({type(error).__name__})"


async def take_over(rt: Runtime, text: str, file: str = "adopt.toml") -> bool:
    """Adopt every entry that has no case yet. Entries that can't be used are told and hold up nothing. False where a
    vendor didn't answer and it is worth another try. Raises ``StoreError``."""
    found = parse(text, list(rt.tenants))
    refusals, whole = list(found.refusals), True
    for line, entry in found.entries:
        tenant = rt.tenants[entry.tenant] if entry.tenant else next(iter(rt.tenants.values()))
        with log_context(tenant=tenant.name):
            try:
                reason = await _adopt(rt, tenant, entry)
            except PortError as error:
                log("adoption_waits", order=entry.order, error=error)
                whole = False
                continue
        if reason:
            refusals.append(Refusal(line, "", reason))
    for refusal in sorted(refusals, key=lambda r: r.line):
        log("adoption_refused", file=file, line=refusal.line, field=refusal.key, reason=refusal.reason)
    return whole


async def _adopt(rt: Runtime, tenant: Tenant, entry: Adoption) -> str | None:
    """None once it is adopted, "" where it was before, else why it can't be."""
    if await rt.db.run(lambda c: cases.case_of_order(c, tenant.name, entry.order)) is not None:
        return ""
    person_id = await tenant.source.person_of(entry.order)
    if person_id is None:
        return f"there is no order {entry.order}, or it has no person"
    orders, _ = await tenant.source.orders(person_id)
    order = next((o for o in orders if o.id == entry.order), None)
    if order is None or not order.is_camera:
        return f"order {entry.order} is not one of supervision by camera"
    if order.status is not OrderStatus.ACCEPTED or order.execution_id is None:
        return f"order {entry.order} is not executed (I10); execute it first, or e-tillsyn would be paused"
    seen = await tenant.platform.schedule(entry.schedule)
    if seen is None or seen.record.status is ScheduleStatus.ENDED:
        return f"schedule {entry.schedule} is not there, or has ended"
    if await rt.db.run(lambda c: schedules.by_remote_id(c, tenant.name, entry.schedule)) is not None:
        return f"schedule {entry.schedule} belongs to another case"
    try:
        ref = await rt.db.run(lambda c: _open(c, rt, tenant, entry, person_id, order, seen))
    except OrderTaken:
        return ""  # by another process, at this moment
    log("case_opened", case=ref, order=entry.order, person=tenant.pseudonym(person_id), adopted=True)
    return None


def _open(
    c: Connection, rt: Runtime, tenant: Tenant, entry: Adoption, person_id: str, order: Order, seen: PlatformSchedule
) -> str:
    if (taken := cases.case_of_order(c, tenant.name, order.id)) is not None:
        raise OrderTaken(tenant.name, order.id, taken.ref)
    now = rt.clock.now()
    case = cases.open_case(
        c,
        tenant=tenant.name,
        person_id=person_id,
        evidence_after=order.order_date,
        order_ids=[order.id],
        now=now,
        rng=rt.rng,
        adopted=True,
        adopted_orders=[order.id],
    )
    record = replace(seen.record, n=1, orders=frozenset({order.id}))
    schedules.save(c, tenant.name, case.ref, record, remote_id=seen.id, etag=seen.etag)
    persons.take_over(c, tenant.name, person_id, seen.customer)
    # As of the order's day, so that whatever stands in the record since then goes before.
    at = day_start(order.order_date, tenant.policy.zone)
    for signal in entry.done:
        declarations.declare(c, tenant.name, case.ref, signal, at=at, who=entry.who, why=entry.why)
    return case.ref


def enter(c: Connection, case: Case, known: Facts, ledger: Ledger, now: datetime, tenant: Tenant) -> Ledger:
    """At an adopted case's first reconciling: everything of the way in counts as done."""
    # A mail may have gone before: that something of the case couldn't be read.
    if not case.adopted or ledger.schedule is None or any(a.kind is not ActKind.MAIL for a in ledger.acts):
        return ledger
    orders = '["' + '", "'.join(sorted(ledger.schedule.orders)) + '"]'
    create = Wanted("schedule:1:create", ActKind.CREATE, {"n": 1, "orders": orders}, why="adopted")
    _seed(c, case, [create], now)
    for _ in range(len(ENTRY_LETTERS) + 1):
        ledger = outbox.ledger(c, case)
        entry = [w for w in decide(known, ledger, now, tenant.policy).wanted if _of_entry(w)]
        if not entry:
            break
        _seed(c, case, entry, now)
    return ledger


def _of_entry(wanted: Wanted) -> bool:
    return wanted.kind is ActKind.PUT_PERSON or (
        wanted.kind is ActKind.MESSAGE and wanted.what.get("letter") in ENTRY_LETTERS
    )


def _seed(c: Connection, case: Case, wanted: Sequence[Wanted], now: datetime) -> None:
    outbox.seed_done(c, case, wanted, now)
    for put in (w for w in wanted if w.kind is ActKind.PUT_PERSON):
        persons.told(c, case.tenant, case.person_id, str(put.what["details"]))
