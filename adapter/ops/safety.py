"""Whether supervision is where it must not be (P1, P2), by the facts as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from adapter.domain.by_hand import unseen_stop
from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.policy import Policy
from adapter.domain.schedule import missing_gates
from adapter.domain.situation import situation
from adapter.domain.wall_clock import local_date
from adapter.presentation.case_file import stored_facts
from adapter.store import cases, outbox
from adapter.store.codec import SCHEDULE
from adapter.store.sql import chunks
from adapter.store.tables import cases as case_table
from adapter.store.tables import schedules

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


class Verdicts:
    """What was found of each active e-tillsyn, until its case changes: to judge one takes 3 ms, and all are judged for
    each page and scrape. One per process."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[object, str | None]]] = {}

    def safety(self, c: Connection, tenant: str, policy: Policy, now: datetime) -> Safety:
        """A schedule counts as active if it was last seen open and its validity reaches the municipality's today or
        later."""
        t, s, today = case_table.c, schedules.c, local_date(now, policy.zone)
        running = select(s.ref, s.record).where(s.tenant == tenant, s.ended.is_(False))
        active: dict[str, ScheduleRecord] = {}
        for row in c.execute(running):
            record = SCHEDULE.load(row.record)
            if record.status is ScheduleStatus.OPEN and (record.valid_to is None or record.valid_to >= today):
                active[row.ref] = record
        before = self._known.get(tenant, {})
        known: dict[str, tuple[object, str | None]] = {}
        found: dict[str, str | None] = {}
        for some in chunks(active):
            for row in c.execute(select(*cases.COLUMNS).where(t.tenant == tenant, t.ref.in_(some))).all():
                case = cases.from_row(c, row)
                stamp, why, lasts = (case.version, active[case.ref], today), None, True
                if case.ref in before and before[case.ref][0] == stamp:
                    why = before[case.ref][1]
                else:
                    why, lasts = _verdict(c, case, policy, now)
                found[case.ref] = why
                if lasts:
                    known[case.ref] = (stamp, why)
        self._known[tenant] = known
        unsafe = sorted((UNSAFE.index(why), ref) for ref, why in found.items() if why)
        return Safety(len(found), {ref: UNSAFE[n] for n, ref in unsafe})


def _verdict(c: Connection, case: cases.Case, policy: Policy, now: datetime) -> tuple[str | None, bool]:
    """Why an active e-tillsyn must not be (``UNSAFE``), None where it may; and whether that is so until its case
    changes: a stop that is called for is overdue by the clock alone."""
    known = stored_facts(c, case)
    if known is None:
        return "without_gates", True  # somebody may look and nothing is known: that can't be right
    s = situation(known, outbox.ledger(c, case), now, policy)
    if s.mandate.over or not case.open:
        return "after_end", True
    if missing_gates(s):
        return "without_gates", True
    stop = unseen_stop(s)
    return "not_stopped" if stop and stop.is_overdue(s) else None, stop is None
