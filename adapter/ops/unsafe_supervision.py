"""Whether there is supervision that must not be (P1, P2), by the stored facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, select

from adapter.domain.by_hand import unseen_stop
from adapter.domain.ledger import ScheduleStatus
from adapter.domain.policy import Policy
from adapter.domain.schedule import missing_gates
from adapter.domain.situation import situation
from adapter.domain.wall_clock import local_date
from adapter.presentation.case_file import stored_facts
from adapter.store import cases, outbox
from adapter.store.errors import StoreError
from adapter.store.schedules import readable
from adapter.store.tables import cases as case_table
from adapter.store.tables import schedules

UNSAFE = ("after_end", "without_gates", "not_stopped")
"""Why somebody can look who must not, the gravest first: the authority has ended the supervision; a gate doesn't hold;
a pause or an earlier last day was called for and hasn't been seen within ``by_hand_after``."""
SAFE, INACTIVE = "safe", "inactive"


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
        self._known: dict[str, dict[tuple[str, int], tuple[object, str]]] = {}

    def safety(self, c: Connection, tenant: str, policy: Policy, now: datetime) -> Safety:
        """A schedule is active if it was last seen open and its last day isn't before today in the municipality's
        zone."""
        t, s, today = case_table.c, schedules.c, local_date(now, policy.zone)
        both = schedules.join(case_table, (t.tenant == s.tenant) & (t.ref == s.ref))
        query = select(s.ref, s.n, s.record, t.version).select_from(both)
        before, known, found = (
            self._known.get(tenant, {}),
            dict[tuple[str, int], tuple[object, str]](),
            dict[str, str](),
        )
        for ref, n, stored, version in c.execute(query.where(s.tenant == tenant, s.ended.is_(False))).all():
            stamp, (seen, why), lasts = (stored, version, today), before.get((ref, n), (None, INACTIVE)), True
            if seen != stamp:
                why, lasts = _judged(c, tenant, ref, policy, now) if _is_active(stored, today) else (INACTIVE, True)
            if lasts:
                known[ref, n] = (stamp, why)
            if why != INACTIVE:
                found[ref] = why
        self._known[tenant] = known
        unsafe = sorted((UNSAFE.index(why), ref) for ref, why in found.items() if why in UNSAFE)
        return Safety(len(found), {ref: UNSAFE[n] for n, ref in unsafe})


def _is_active(stored: str, today: date) -> bool:
    record = readable(stored)
    if record is None or record.status is not ScheduleStatus.OPEN:
        return False
    return record.valid_to is None or record.valid_to >= today


def _judge(c: Connection, case: cases.Case, policy: Policy, now: datetime) -> tuple[str, bool]:
    """Why an active e-tillsyn must not be (``UNSAFE``), or ``SAFE``; and whether the result holds until the case
    changes. It doesn't while a stop is called for, because time alone makes that overdue."""
    known = stored_facts(c, case)
    if known is None:
        return "without_gates", True  # somebody can look, but no facts are known
    s = situation(known, outbox.ledger(c, case), now, policy)
    if s.mandate.over or not case.open:
        return "after_end", True
    if missing_gates(s):
        return "without_gates", True
    stop = unseen_stop(s)
    return "not_stopped" if stop and stop.is_overdue(s) else SAFE, stop is None


def _judged(c: Connection, tenant: str, ref: str, policy: Policy, now: datetime) -> tuple[str, bool]:
    """``_judge``, if this version can read the case. One that it can't, as when a newer replica wrote it, isn't judged
    and holds up no other (P6). It fails when it is reconciled, and is shown as failing."""
    try:
        return _judge(c, cases.the_case(c, tenant, ref), policy, now)
    except (StoreError, ValueError):
        return SAFE, False
