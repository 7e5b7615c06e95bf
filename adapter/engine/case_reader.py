"""Reads the facts of a case: decides what must be read, and what is known afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, Self

from adapter.domain.decision import Decision, StepState
from adapter.domain.facts import CONSENT, INFORMS, URGENT, FactProblem, Facts, Note, ServiceKind, Signal
from adapter.domain.signals_to_read import signals_that_matter
from adapter.domain.wall_clock import local_date
from adapter.engine.circuit_breaker import LIFECARE
from adapter.engine.feed_reader import CHANGE_FEEDS
from adapter.engine.runtime import Runtime
from adapter.log_events import log
from adapter.ports import Failure, PortError
from adapter.store import facts
from adapter.store.cases import Case
from adapter.store.codec import EXTRA
from adapter.store.due import LOOKED
from adapter.store.errors import StoreError
from adapter.store.facts import Known, StoredFact

Problems = tuple[FactProblem, ...]
Call = Callable[[], Awaitable[tuple[Any, Problems]]]

ROUND = 0.3
"""The share of a case's lease that each round of reading may take. If the case system hangs, cases can still be decided
by what is known."""

BY_ITS_ACT, BY_TIME = ("act_done", "act_found"), "time"
"""Reasons for being due that bring no news."""
TELLS_NO_ORDER = ("opened", *CHANGE_FEEDS, "urgent")
"""Reasons for which a new case may be due that bring no news of its orders."""


class CaseReader:
    """One reading of a case; it can be continued. ``read`` holds what was asked for, by resource, also what couldn't be
    read. All of it counts as read at the instant when the reading began.

    A feed brings news of every resource except notes that can wait. So while no feed has brought news, only those notes
    are read. Nothing is read if the case is due because of a look, or because an act of its own ended moments after it
    was read. Everything is read once a day, before supervision is opened, and while something couldn't be read or used.
    """

    def __init__(self, rt: Runtime, case: Case, stored: Known) -> None:
        self.rt, self.case, self.tenant = rt, case, rt.tenants[case.tenant]
        self.at = rt.clock.now()
        self.stored, self.before = stored, stored.resources
        self.read: dict[str, StoredFact] = {}
        self._asked: frozenset[Signal] = frozenset()
        self._consent: frozenset[Signal] = frozenset()
        """The consent signals that were read."""
        self.last_decision = _last_decision(case)

    @classmethod
    async def of(cls, rt: Runtime, case: Case) -> Self:
        """A reader with the stored facts of a case. Raises ``StoreError``."""
        return cls(rt, case, await rt.db.run(lambda c: facts.load(c, case.tenant, case.ref)))

    @property
    def resources(self) -> dict[str, StoredFact]:
        """All that is known by now."""
        return {**self.before, **self.read}

    def facts(self, chain: frozenset[str] | None = None) -> Facts | None:
        """The facts in the form that ``decide`` needs (``Known.facts``)."""
        return replace(self.stored, resources=self.resources).facts(chain)

    def value(self, name: str) -> Any:
        """What is known by now of a resource; empty if nothing is."""
        fact = self.read.get(name) or self.before.get(name)
        return () if fact is None or fact.value is None else fact.value

    @property
    def is_whole(self) -> bool:
        """Whether everything was asked for that opening supervision needs."""
        return "orders" in self.read and self._evidence <= self._asked

    async def read_what_is_due(self) -> None:
        """Read what must be read, by the reason why the case is due."""
        case, notes = self.case, self.before.get("notes")
        relied_on = (fact for name, fact in self.before.items() if name not in EXTRA)
        unsure = notes is None or any(map(_is_unsure, relied_on))
        whole = unsure or case.read_again_at is None or case.read_again_at <= self.at
        news = unsure or case.due_seq > 0 or case.due_reason not in (*BY_ITS_ACT, BY_TIME, LOOKED)
        told_nothing = not (whole or news) and case.due_reason in BY_ITS_ACT
        if told_nothing and notes and abs(self.at - notes.tried_at) <= self.rt.tuning.fresh:
            return
        if case.due_reason == LOOKED and not (whole or news):
            return
        if whole or news:
            await self._read_resources()
        if whole:
            await self._read_plans()

        def signals() -> frozenset[Signal]:
            if notes and _is_unsure(notes):
                return frozenset(Signal)
            matter = self._matter if news else self._matter - {*URGENT}
            return matter | self._noted if whole else matter

        await self._read_notes(signals)

    async def number_now(self) -> str | None:
        """The person's new number, if it was replaced (LA10): the case's orders now belong to another number of the
        same client, or of a client into which theirs was merged. None if it is the same or can't be known."""
        gone = [order for order in self.value("orders") if order.gone]
        if "orders" not in self.read or not gone:
            return None
        try:
            number = await self.tenant.source.person_of(gone[0].id)
            if not number or number == self.case.person_id:
                return None
            now, _ = await self.tenant.source.client(number)
            same = str(now.client_id) in self.stored.links["client"] or (
                now.client_id is not None and await self._merged(number)
            )
        except PortError:
            return None
        return number if same else None

    async def _merged(self, number: str) -> bool:
        """Whether the client was merged into the one with this number: the old client is gone, and all orders and
        executions that the case knew now belong to the other. A single order under another number is a mistake."""
        client = self.read.get("client")
        if client is None or client.stale or not client.value.gone:
            return False
        orders, _ = await self.tenant.source.orders(number)
        executions, _ = await self.tenant.source.executions(number)
        there = {*(str(o.id) for o in orders), *(str(e.id) for e in executions)}
        return {str(row.id) for row in (*self.value("orders"), *self.value("executions")) if row.gone} <= there

    async def read_everything(self) -> None:
        """Read everything that opening supervision needs and that wasn't read yet."""
        if "orders" not in self.read:
            await self._read_resources()
        await self._read_notes(lambda: self._evidence)

    @property
    def _noted(self) -> frozenset[Signal]:
        return frozenset(note.signal for note in self.value("notes"))

    @property
    def _matter(self) -> frozenset[Signal]:
        return signals_that_matter(self.last_decision, self._noted)

    @property
    def _evidence(self) -> frozenset[Signal]:
        return self._noted | self._matter

    async def _read_resources(self) -> None:
        person, source = self.case.person_id, self.tenant.source
        await asyncio.gather(
            self._read_orders(),
            self._read("executions", partial(source.executions, person)),
            self._read("client", partial(source.client, person)),
            self._read("absences", partial(source.absences, person)),
        )
        lines = (line for order in self.value("orders") for line in order.lines)
        ids = frozenset(i.decision_id for i in lines if i.kind is ServiceKind.CAMERA and i.decision_id)
        await self._read("decisions", partial(source.decisions, person, ids))

    async def _read_orders(self) -> None:
        """A new case has its person's orders from the feed that opened it, moments ago. They are read again only if a
        feed has brought news of them since, or a person asks for it."""
        known, case = self.before.get("orders"), self.case
        fresh = known and known.read_at and abs(self.at - known.read_at) <= self.rt.tuning.fresh
        new = case.decided_at is None and case.read_again_at is None and case.failures == 0
        if known and fresh and new and not known.problems and case.due_reason in TELLS_NO_ORDER:
            self.read["orders"] = known
        else:
            await self._read("orders", partial(self.tenant.source.orders, self.case.person_id))

    async def _read_plans(self) -> None:
        """Once a day after the start, if the municipality maps them (LA13)."""
        steps = {view.id: view.state for view in self.last_decision.steps} if self.last_decision else {}
        away = any(fact.stale for fact in self.read.values())
        if self.tenant.policy.plans and steps.get("I11") is StepState.DONE and not away:
            await self._read("plans", partial(self.tenant.source.plans, self.case.person_id))

    async def _read(self, name: str, call: Call) -> None:
        old = self.before.get(name)
        value, problems, error = await self._asked_for(name, call, old.value if old else None)
        if error is None:
            value = _with_gone(name, old.value if old else None, value, problems)
            self.read[name] = StoredFact.read(name, value, problems, self.at)
        else:
            self._unread(name, error)

    async def _read_notes(self, signals: Callable[[], frozenset[Signal]]) -> None:
        """Read the notes of these signals that weren't read yet, until what is found needs no further signals."""
        first = self.case.evidence_after
        since = min(first, local_date(self.rt.clock.now(), self.tenant.policy.zone))
        executions = self.value("executions")
        places = frozenset(e.id for e in executions if not e.deleted and (e.last_day is None or e.last_day >= first))
        error: PortError | None = None
        while error is None and (asked := signals() - self._asked):
            self._asked |= asked
            parts = [part for part in (asked & CONSENT, asked - CONSENT) if part]
            errors = await asyncio.gather(*(self._read_part(places, part, since) for part in parts))
            error = next((e for e in errors if e is not None), None)
        old, fact = self.before.get("notes"), self.read.get("notes")
        if error is not None:
            self._unread("notes", error)
            self.read["notes"] = self._with_consent(self.read["notes"], fact)
            return
        if old and fact and not self._evidence - {*URGENT} <= self._asked:
            self.read["notes"] = replace(fact, read_at=old.read_at)
        executions_error = self.read["executions"].error if "executions" in self.read else None
        if fact and executions_error:
            unread = StoredFact.unread("notes", old, self.at, executions_error)
            self.read["notes"] = self._with_consent(unread, fact)

    async def _read_part(self, places: frozenset[int], asked: frozenset[Signal], since: date) -> PortError | None:
        known: tuple[Note, ...] = self.value("notes")
        call = partial(self.tenant.source.notes, places, asked, since)
        value, problems, error = await self._asked_for("notes", call, [n for n in known if n.signal in asked])
        if error is not None:
            return error
        kept = (n for n in self.value("notes") if n.signal not in asked and n.execution_id in places)
        before = self.read["notes"].problems if "notes" in self.read else ()
        self.read["notes"] = StoredFact.read("notes", _in_order(*kept, *value), (*before, *problems), self.at)
        self._consent |= asked & CONSENT
        return None

    def _with_consent(self, unread: StoredFact, read: StoredFact | None) -> StoredFact:
        """Notes that couldn't be read whole keep their last value, except for the consent notes that were read. If the
        case system fails now and then, all headings together may be unreadable for hours, and a withdrawal that was
        seen must not wait for them (P2). The notes stay stale, so a new consent opens nothing."""
        if read is None or unread.value is None:
            return unread
        kept = (n for n in unread.value if n.signal not in self._consent)
        return replace(unread, value=_in_order(*kept, *(n for n in read.value or () if n.signal in self._consent)))

    async def _asked_for(self, name: str, call: Call, old: Any) -> tuple[Any, Problems, PortError | None]:
        """The answer of a call. If a row of ``old`` isn't there any more, this first checks that the resource shows
        anything at all: "not found" can also mean that it is down (L10), and then the row isn't gone."""
        try:
            async with asyncio.timeout(self.rt.tuning.lease.total_seconds() * ROUND):
                value, problems = await call()
                for doubtful in vanished(name, old, value):
                    await self.tenant.source.answers(doubtful)
        except PortError as e:
            return None, (), e
        except TimeoutError:
            late = PortError(Failure.TRANSIENT, f"{name} could not be read within the case's lease", vendor=LIFECARE)
            self.rt.breakers.of(self.tenant.name, LIFECARE).failure(self.rt.clock.now(), late)
            return None, (), late
        return value, problems, None

    def tell(self) -> bool:
        """Log what the reading brought. Returns whether anything differs from what was known."""
        changed = False
        for name, fact in self.read.items():
            old = self.before.get(name)
            if fact.stale:
                continue
            if old is not None and old.stale and old.read_at is not None:
                log("fact_recovered", resource=name, stale_seconds=(fact.tried_at - old.read_at).total_seconds())
            if old is None or old.value != fact.value or old.problems != fact.problems:
                changed = True
                for problem in fact.problems:
                    if old is None or problem not in old.problems:
                        log("fact_problem", code=problem.code, resource=problem.resource, params=dict(problem.params))
        return changed

    def _unread(self, name: str, error: PortError) -> None:
        old = self.before.get(name)
        if old is None or not old.stale:
            log("fact_unread", resource=name, failure=error.failure.value, error=error)
        self.read[name] = StoredFact.unread(name, old, self.at, str(error))


def _in_order(*notes: Note) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda n: (n.at, n.id)))


def _last_decision(case: Case) -> Decision | None:
    try:
        return case.last_decision
    except StoreError:  # another version wrote it, so it counts as none
        return None


def _is_unsure(fact: StoredFact) -> bool:
    return fact.stale or fact.read_at is None or any(p.code not in INFORMS for p in fact.problems)


def vanished(name: str, old: Any, new: Any) -> tuple[str, ...]:
    """The resources that no longer show what was known of the case."""
    if old is None:
        return ()
    if name == "client":
        return (name,) if old.client_id is not None and new.client_id is None else ()
    known, shown = {row.id: row for row in old}, {row.id: row for row in new}
    lost = [row for row_id, row in known.items() if row_id not in shown and not getattr(row, "gone", False)]
    found: tuple[str, ...] = (name,) if lost else ()
    if name == "orders":
        decided = [o for o in shown.values() if not any(line.decision_id for line in o.lines) and o.id in known]
        if any(line.decision_id for o in decided for line in known[o.id].lines):
            found += ("services",)
    return found


def _with_gone(name: str, old: Any, new: Any, problems: Problems) -> Any:
    """Keep rows that vanished without an explicit end, marked as gone. Only an explicit end is an end. A row that is
    there but can't be read isn't gone; it keeps its last value."""
    if old is None:
        return new
    if name == "client":
        if new.client_id is not None:
            return new
        return old if problems else replace(new, gone=old.gone or old.client_id is not None)
    broken = {dict(p.params).get("id") for p in problems}
    there = {row.id for row in new}
    missing = [row if str(row.id) in broken else replace(row, gone=True) for row in old if row.id not in there]
    return (*new, *missing)
