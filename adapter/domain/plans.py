"""The genomförandeplan that shows I12, where a municipality maps them (LA13)."""

from __future__ import annotations

from datetime import date

from adapter.domain.facts import ServicePlan
from adapter.domain.situation import Situation


def plan_of(s: Situation) -> ServicePlan | None:
    """The newest plan with a camera service that isn't ended, and was established or begins on or after the start of
    e-tillsyn; None where there is none, or nothing has started."""
    started = s.ledger.schedule.valid_from if s.ledger.schedule else None
    if started is None or s.facts.plans is None:
        return None
    holding = [p for p in s.facts.plans.value if not p.gone and (p.last_day is None or p.last_day >= s.today)]
    after = [p for p in holding if p.since is not None and p.since >= started]
    return max(after, key=lambda p: (p.since or date.min, p.id), default=None)
