"""Cases at a glance, for pages, lists and metrics."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from sqlalchemy import Connection

from adapter.domain.decision import Attention, StepState, StepView, Unwatched
from adapter.domain.unfulfilled import Unfulfilled
from adapter.store import cases
from adapter.store.cases import Case
from adapter.store.errors import StoreError
from adapter.store.sealing import NOBODY


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case, with what its last decision says of it; nothing if there is none yet, or none that this version can read.
    ``awaited``: the awaited steps, in the routine's order."""

    case: Case
    decided: bool = False
    awaited: tuple[StepView, ...] = ()
    attention: tuple[Attention, ...] = ()
    unwatched: Unwatched | None = None
    unfulfilled: Unfulfilled | None = None

    @classmethod
    def of(cls, case: Case) -> Self:
        try:
            decision = case.last_decision
        except StoreError:
            decision = None  # Another version wrote it. The next reconciling writes it again.
        case = replace(case, identity_number=NOBODY, decision=None)  # nobody shows these, and they are large
        if decision is None:
            return cls(case)
        awaited = tuple(v for v in decision.steps if v.state in (StepState.AWAITED, StepState.PROBLEM))
        return cls(case, True, awaited, decision.attention, decision.unwatched, decision.unfulfilled)

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


class OpenCases:
    """The open cases at a glance. One is read anew only once it has changed: ten thousand take two seconds, and
    every page and every reading of the metrics needs them all. One per process."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[int, CaseSummary]]] = {}

    def of(self, c: Connection, tenant: str) -> tuple[CaseSummary, ...]:
        """Every open case of a municipality, by reference. Raises ``StoreError``."""
        versions, before = cases.open_versions(c, tenant), self._known.get(tenant, {})
        changed = [ref for ref, version in versions.items() if ref not in before or before[ref][0] != version]
        known = before | {case.ref: (case.version, CaseSummary.of(case)) for case in cases.of_refs(c, tenant, changed)}
        self._known[tenant] = found = {ref: known[ref] for ref in versions if ref in known}
        return tuple(summary for _, summary in found.values())


def urgency(summary: CaseSummary) -> tuple[bool, bool, int, bool, datetime, str]:
    """The key to sort cases by: first those who have lost supervision, then those that can't go on, then the late ones.
    Among equals the one that was opened first."""
    lost = summary.unwatched is not None and summary.unwatched.urgent
    case = summary.case
    return (not lost, not summary.parked, -summary.late, not summary.attention, case.opened_at, case.ref)
