"""The cases at a glance, and whether supervision is where it must not be (P1, P2): read from the store, cheaply.

What was read of a case is kept until the case changes (its ``version``), so that a scrape or a page costs one walk
over the open cases and the few decisions that are new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, select

from adapter.domain.by_hand import unseen_stop
from adapter.domain.decision import Attention, Phase, StepState, StepView, Unwatched
from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.policy import Policy
from adapter.domain.schedule import missing_gates
from adapter.domain.situation import situation
from adapter.domain.unfulfilled import Unfulfilled
from adapter.domain.wall_clock import local_date
from adapter.presentation.case_file import stored_facts
from adapter.store import cases, outbox
from adapter.store.codec import SCHEDULE
from adapter.store.errors import StoreError
from adapter.store.sql import chunks
from adapter.store.tables import cases as case_table
from adapter.store.tables import schedules

T = TypeVar("T")

_LARGEST = 20_000
"""Entries that are kept of each kind; the oldest go first."""


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One open case. ``awaited`` are the steps that somebody has now, in the routine's order; ``failing``: its last
    reconciling raised something unexpected; ``unit`` is the provider's that last had it. Instants are UTC."""

    tenant: str
    ref: str
    phase: Phase
    opened_at: datetime
    decided_at: datetime | None
    awaited: tuple[StepView, ...]
    attention: tuple[Attention, ...]
    failing: bool
    unwatched: Unwatched | None = None
    unfulfilled: Unfulfilled | None = None
    unit: int | None = None

    @property
    def without(self) -> bool:
        """Whether the person is without supervision now, as Phoniro was last seen: what shall be paused still runs."""
        return self.unwatched is not None and self.phase is not Phase.ACTIVE

    @property
    def late_steps(self) -> tuple[StepView, ...]:
        return tuple(v for v in self.awaited if v.late)

    @property
    def late(self) -> int:
        """The level of its latest step: 0 in time, 1 reminded, 2 reminded again, 3 escalated."""
        return max((*(v.late for v in self.awaited), self.unwatched.late if self.unwatched else 0), default=0)

    @property
    def bad_facts(self) -> bool:
        """Whether something in its facts is contradictory or can't be read."""
        return any(name == "resource" for a in self.attention for name, _ in a.params)

    @property
    def parked(self) -> bool:
        """Whether it can't go on without a person."""
        return self.failing or any(a.urgent for a in self.attention)


UNSAFE = ("after_end", "without_gates", "not_stopped")
"""Why somebody can look who must not, the gravest first: the authority has ended it; something that it needs is
missing; a pause or a nearer last day was called for and isn't seen within ``by_hand_after``."""


@dataclass(frozen=True, slots=True)
class Safety:
    """Active e-tillsyn of a municipality, as last seen. ``unsafe`` are the cases of those that must not be, each with
    its reason of ``UNSAFE``; it must be empty."""

    active: int = 0
    unsafe: Mapping[str, str] = field(default_factory=dict)

    def count(self, why: str) -> int:
        return sum(1 for each in self.unsafe.values() if each == why)


class CaseCache:
    """Remembers what was read of cases, by the version that it was read of. One per process."""

    def __init__(self) -> None:
        self._summaries: dict[tuple[str, str], tuple[int, CaseSummary]] = {}
        self._verdicts: dict[tuple[str, str], tuple[object, str | None]] = {}

    def open_cases(self, c: Connection, tenant: str) -> tuple[CaseSummary, ...]:
        """Every open case of a municipality, the oldest first. Raises ``StoreError``."""
        t = case_table.c
        query = select(t.ref, t.version).where(t.tenant == tenant, t.closed_at.is_(None)).order_by(t.opened_at, t.ref)
        versions = {row.ref: row.version for row in c.execute(query)}
        changed = [
            ref for ref, version in versions.items() if self._summaries.get((tenant, ref), (None,))[0] != version
        ]
        for some in chunks(changed):
            for row in c.execute(select(*cases.COLUMNS).where(t.tenant == tenant, t.ref.in_(some))):
                case = cases.from_row(c, row)
                self._summaries[tenant, case.ref] = (case.version, _summary(case))
        _trim(self._summaries)
        return tuple(self._summaries[tenant, ref][1] for ref in versions if (tenant, ref) in self._summaries)

    def verdict(
        self, c: Connection, case: cases.Case, record: ScheduleRecord, policy: Policy, now: datetime, today: date
    ) -> str | None:
        """Why an active e-tillsyn must not be (``UNSAFE``), by the stored facts; None where it may."""
        key, stamp = (case.tenant, case.ref), (case.version, record, today)
        known = self._verdicts.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        verdict = _verdict(c, case, policy, now)
        self._verdicts[key] = (stamp, verdict)
        _trim(self._verdicts)
        return verdict


def _trim(kept: dict[tuple[str, str], T]) -> None:
    for key in list(islice(kept, max(len(kept) - _LARGEST, 0))):
        del kept[key]


def _summary(case: cases.Case) -> CaseSummary:
    try:
        decision = case.last_decision
    except StoreError:
        # Written by another version: the next reconciling writes it anew.
        decision = None
    steps = decision.steps if decision else ()
    return CaseSummary(
        tenant=case.tenant,
        ref=case.ref,
        phase=case.phase,
        opened_at=case.opened_at,
        decided_at=case.decided_at,
        awaited=tuple(v for v in steps if v.state in (StepState.AWAITED, StepState.PROBLEM)),
        attention=decision.attention if decision else (),
        failing=case.failures > 0,
        unwatched=decision.unwatched if decision else None,
        unfulfilled=decision.unfulfilled if decision else None,
        unit=case.unit,
    )


def _verdict(c: Connection, case: cases.Case, policy: Policy, now: datetime) -> str | None:
    known = stored_facts(c, case)
    if known is None:
        return "without_gates"  # somebody may look and nothing is known: that can't be right
    s = situation(known, outbox.ledger(c, case), now, policy)
    if s.mandate.over or not case.open:
        return "after_end"
    if missing_gates(s):
        return "without_gates"
    stop = unseen_stop(s)
    return "not_stopped" if stop and stop.is_overdue(s) else None


def safety(c: Connection, cache: CaseCache, tenant: str, policy: Policy, now: datetime) -> Safety:
    """A schedule counts as active if it was last seen open and its validity reaches the municipality's today or
    later."""
    t, s, today = case_table.c, schedules.c, local_date(now, policy.zone)
    running = select(s.ref, s.record).where(s.tenant == tenant, s.ended.is_(False))
    active: dict[str, ScheduleRecord] = {}
    for row in c.execute(running):
        record = SCHEDULE.load(row.record)
        if record.status is ScheduleStatus.OPEN and (record.valid_to is None or record.valid_to >= today):
            active[row.ref] = record
    verdicts: dict[str, str | None] = {}
    for some in chunks(active):
        for row in c.execute(select(*cases.COLUMNS).where(t.tenant == tenant, t.ref.in_(some))).all():
            case = cases.from_row(c, row)
            verdicts[case.ref] = cache.verdict(c, case, active[case.ref], policy, now, today)
    found = sorted((UNSAFE.index(why), ref) for ref, why in verdicts.items() if why)
    return Safety(len(verdicts), {ref: UNSAFE[n] for n, ref in found})
