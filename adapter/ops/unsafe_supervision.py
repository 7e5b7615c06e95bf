"""Whether there is supervision that must not be (P1, P2), by the stored facts."""

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
from adapter.store.errors import StoreError
from adapter.store.schedules import readable
from adapter.store.sql import chunks
from adapter.store.tables import cases as case_table
from adapter.store.tables import schedules

UNSAFE = ("after_end", "without_gates", "not_stopped")
"""Why somebody can look who must not, the gravest first: the authority has ended the supervision; a gate doesn't hold;
a pause or an earlier last day was called for and hasn't been seen within ``by_hand_after``."""


@dataclass(frozen=True, slots=True)
class Safety:
    """``active``: how many active e-tillsyn a municipality has, as last seen. ``unsafe``: the cases whose e-tillsyn
    must not be active, each with its reason (``UNSAFE``). It must be empty."""

    active: int = 0
    unsafe: Mapping[str, str] = field(default_factory=dict)

    def count(self, why: str) -> int:
        return sum(1 for each in self.unsafe.values() if each == why)


class SafetyChecks:
    """Judges every active e-tillsyn, and remembers each result until its case changes: one takes 3 ms, and every page
    and every reading of the metrics needs them all. One per process."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[object, str | None]]] = {}

    def safety(self, c: Connection, tenant: str, policy: Policy, now: datetime) -> Safety:
        """A schedule is active if it was last seen open and its last day isn't before today in the municipality's
        zone."""
        t, s, today = case_table.c, schedules.c, local_date(now, policy.zone)
        running = select(s.ref, s.record).where(s.tenant == tenant, s.ended.is_(False))
        active: dict[str, ScheduleRecord] = {}
        for row in c.execute(running):
            record = readable(row.record)
            if record is None or record.status is not ScheduleStatus.OPEN:
                continue
            if record.valid_to is None or record.valid_to >= today:
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
                    why, lasts = _judge(c, case, policy, now)
                found[case.ref] = why
                if lasts:
                    known[case.ref] = (stamp, why)
        self._known[tenant] = known
        unsafe = sorted((UNSAFE.index(why), ref) for ref, why in found.items() if why)
        return Safety(len(found), {ref: UNSAFE[n] for n, ref in unsafe})


def _judge(c: Connection, case: cases.Case, policy: Policy, now: datetime) -> tuple[str | None, bool]:
    """Why an active e-tillsyn must not be (``UNSAFE``), or None; and whether the result holds until the case changes.
    It doesn't while a stop is called for, because time alone makes that overdue."""
    try:
        known = stored_facts(c, case)
        ledger = outbox.ledger(c, case)
    except StoreError as e:
        if e.reason != "content":
            raise
        return "without_gates", False  # somebody can look, but what is stored can't be read
    if known is None:
        return "without_gates", True  # somebody can look, but no facts are known
    s = situation(known, ledger, now, policy)
    if s.mandate.over or not case.open:
        return "after_end", True
    if missing_gates(s):
        return "without_gates", True
    stop = unseen_stop(s)
    return "not_stopped" if stop and stop.is_overdue(s) else None, stop is None
