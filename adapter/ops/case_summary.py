"""The open cases at a glance, read from the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from adapter.domain.decision import Attention, Phase, StepState, StepView, Unwatched
from adapter.domain.unfulfilled import Unfulfilled
from adapter.store import cases
from adapter.store.errors import StoreError
from adapter.store.tables import cases as case_table


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
        return self.unwatched is not None and not self.unwatched.runs

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


def open_cases(c: Connection, tenant: str) -> tuple[CaseSummary, ...]:
    """Every open case of a municipality, the oldest first. Raises ``StoreError``."""
    t = case_table.c
    query = select(*cases.COLUMNS).where(t.tenant == tenant, t.closed_at.is_(None)).order_by(t.opened_at, t.ref)
    return tuple(_summary(cases.from_row(c, row)) for row in c.execute(query))


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
