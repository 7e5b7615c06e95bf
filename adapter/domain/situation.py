"""Facts and ledger, interpreted once, for all parts of the decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from adapter.domain.already_told import AlreadyTold
from adapter.domain.evidence import Evidence, read_evidence
from adapter.domain.facts import Facts
from adapter.domain.ledger import Ledger, ScheduleRecord, ScheduleStatus, What
from adapter.domain.mandate import Mandate, Period, read_mandate
from adapter.domain.nights import Granted
from adapter.domain.policy import Policy
from adapter.domain.wall_clock import local_date, window_start


@dataclass(frozen=True, slots=True)
class Situation:
    """What all parts of ``decide`` go by. ``period`` is the one in force, else the next to come, else the last."""

    facts: Facts
    ledger: Ledger
    mandate: Mandate
    evidence: Evidence
    now: datetime
    today: date
    policy: Policy
    period: Period | None
    told: AlreadyTold

    @property
    def live(self) -> ScheduleRecord | None:
        """The schedule that isn't ended yet."""
        record = self.ledger.schedule
        return record if record and record.status is not ScheduleStatus.ENDED else None

    @property
    def unit(self) -> int | None:
        """The provider's unit that has the case, by its order."""
        return self.period.unit_id if self.period else None

    @property
    def last_unit(self) -> int | None:
        """The same. If no order says it any more, the unit that was last written to."""
        return self.unit if self.period else self.told.unit

    @property
    def about(self) -> What:
        """What a mail names beside the case's reference: the order and its unit."""
        order = self.period.order_id if self.period else min(self.facts.chain, default=None)
        return {"order": order, "unit": self.unit}

    def tonight(self, day: date) -> Situation:
        """The same facts, as they will read when the night of ``day`` begins."""
        return situation(self.facts, self.ledger, window_start(day, self.policy.window, self.policy.zone), self.policy)


def situation(facts: Facts, ledger: Ledger, now: datetime, policy: Policy) -> Situation:
    today, told = local_date(now, policy.zone), AlreadyTold(ledger.acts)
    mandate = read_mandate(facts, ledger, told.of_orders, today, policy.renewal_gap_days)
    period = mandate.at_or_after(today)
    grants = [(day, mandate.granted(day) or Granted()) for day in (today, *mandate.turns(today))]
    first_day = max(today, period.first) if period else today
    evidence = read_evidence(facts, ledger, grants, policy.window, today, first_day)
    return Situation(facts, ledger, mandate, evidence, now, today, policy, period, told)
