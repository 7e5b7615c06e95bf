"""Cases at a glance, for pages, lists and metrics."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import Connection

from adapter.domain.decision import Attention, Decision, StepState, StepView, Unwatched
from adapter.store import cases
from adapter.store.cases import Case
from adapter.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case and its last decision; None if there is none yet, or none that this version can read."""

    case: Case
    decision: Decision | None

    @classmethod
    def of(cls, case: Case) -> Self:
        try:
            return cls(case, case.last_decision)
        except StoreError:
            # Another version wrote it. The next reconciling writes it again.
            return cls(case, None)

    @property
    def awaited(self) -> tuple[StepView, ...]:
        """The awaited steps, in the routine's order."""
        steps = self.decision.steps if self.decision else ()
        return tuple(v for v in steps if v.state in (StepState.AWAITED, StepState.PROBLEM))

    @property
    def attention(self) -> tuple[Attention, ...]:
        return self.decision.attention if self.decision else ()

    @property
    def unwatched(self) -> Unwatched | None:
        return self.decision.unwatched if self.decision else None

    @property
    def without(self) -> bool:
        """Whether the person is without supervision now, as Phoniro was last seen. A pause that isn't carried out yet
        doesn't count."""
        return self.unwatched is not None and not self.unwatched.runs

    @property
    def late(self) -> int:
        """The highest level of its late steps: 0 in time, 1 reminded, 2 reminded again, 3 or more escalated."""
        return max((*(v.late for v in self.awaited), self.unwatched.late if self.unwatched else 0), default=0)

    @property
    def bad_facts(self) -> bool:
        """Whether facts contradict each other or can't be read."""
        return any(name == "resource" for a in self.attention for name, _ in a.params)

    @property
    def parked(self) -> bool:
        """Whether the case can't go on without a person, also because its last reconciling failed."""
        return self.case.failures > 0 or any(a.urgent for a in self.attention)


def open_cases(c: Connection, tenant: str) -> tuple[CaseSummary, ...]:
    """Every open case of a municipality. Raises ``StoreError``."""
    return tuple(map(CaseSummary.of, cases.all_cases(c, tenant)))


def urgency(summary: CaseSummary) -> tuple[bool, bool, int, bool, datetime, str]:
    """The key to sort cases by: first those who have lost supervision, then those that can't go on, then the late ones.
    Among equals the one that was opened first."""
    lost = summary.unwatched is not None and summary.unwatched.urgent
    case = summary.case
    return (not lost, not summary.parked, -summary.late, not summary.attention, case.opened_at, case.ref)
