"""Counts what happens, in the same transaction and as the last thing in it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from adapter.domain.decision import Decision
from adapter.domain.facts import AuthorityDecision
from adapter.domain.ledger import ActKind, Look, ScheduleRecord, ScheduleStatus
from adapter.domain.wall_clock import local_date
from adapter.engine.runtime import Tenant
from adapter.followup import tallies
from adapter.followup.tallies import NO_UNIT, Tally
from adapter.ports import Effect
from adapter.store import cases, claims, counts, facts, outbox, schedules
from adapter.store.cases import Case
from adapter.store.claims import ClaimedAct

_LONG = (ActKind.CREATE, ActKind.RESUME, ActKind.END)
"""Acts that end a wait or a pause, whose length is counted."""


def act_done(c: Connection, tenant: Tenant, claimed: ClaimedAct, effect: Effect, now: datetime, reason: str) -> None:
    """Store that the act had its effect (``claims.done``), and count it. Raises ``Overtaken``."""
    act, ref, zone = claimed.act, claimed.ref, tenant.policy.zone
    before = schedules.newest(c, tenant.name, ref) if effect.schedule is not None else None
    claims.done(c, claimed, effect, now=now, reason=reason)
    # A schedule counts for the case's unit now, which may have changed since the claim; a letter for the claim's unit.
    unit = counts.unit_of(c, tenant.name, ref) if effect.schedule is not None else claimed.unit
    found = tallies.of_act(act, now, unit, zone)
    earlier = outbox.acts(c, tenant.name, ref) if act.kind in _LONG else ()
    decided = _decided(c, tenant, ref) if act.kind is ActKind.CREATE else None
    found += tallies.lengths_of_act(act, now, unit, zone, earlier, decided)
    if effect.schedule is not None:
        after = schedules.newest(c, tenant.name, ref)
        found += tallies.of_schedule(before, after, local_date(now, zone), unit, ours=True)
    counts.add(c, tenant.name, found)


def _decided(c: Connection, tenant: Tenant, ref: str) -> date | None:
    """The day of the authority's decision behind a case, or the order's day if the case system doesn't say it."""
    case = cases.case(c, tenant.name, ref)
    decision = case.last_decision if case else None
    taken = next((v for v in decision.steps if v.id == "I1" and v.at), None) if decision else None
    if taken is None or taken.at is None:
        return None
    decisions: Sequence[AuthorityDecision] = facts.value(c, tenant.name, ref, "decisions") or ()
    day = next((d.decided for d in decisions if str(d.id) == taken.evidence_id), None)
    return day or local_date(taken.at, tenant.policy.zone)


def schedule_seen(c: Connection, tenant: Tenant, ref: str, before: ScheduleRecord | None, now: datetime) -> None:
    """The newest schedule of a case was stored as the camera platform has it. ``before``: as it was stored before."""
    after, unit = schedules.newest(c, tenant.name, ref), counts.unit_of(c, tenant.name, ref)
    day = local_date(now, tenant.policy.zone)
    counts.add(c, tenant.name, tallies.of_schedule(before, after, day, unit, ours=before is None))


def decided(
    c: Connection,
    tenant: Tenant,
    case: Case,
    before: Decision | None,
    decision: Decision,
    after: Case,
    schedule: ScheduleRecord | None,
    new_orders: int,
) -> None:
    """A case was decided: ``case`` and ``before`` are the case and its decision before, ``after`` is the case now, and
    ``new_orders`` the number of its new orders."""
    policy, now = tenant.policy, after.decided_at
    assert now is not None
    found: list[Tally] = []
    if not (case.adopted and case.decided_at is None):
        found += tallies.of_decision(before, decision, case.decided_at, now, policy.window, policy.zone)
    if case.unit != after.unit and schedule is not None and schedule.status is not ScheduleStatus.ENDED:
        moved = Tally(local_date(now, policy.zone), case.unit or NO_UNIT, "active")
        found += [*tallies.minus([moved]), moved._replace(unit=after.unit or NO_UNIT)]
    what = "adopted" if case.adopted and case.decided_at is None else "ordered"
    found.append(Tally(local_date(now, policy.zone), after.unit or NO_UNIT, what, 0, new_orders))
    counts.add(c, tenant.name, found)


def orders_left(c: Connection, tenant: Tenant, case: Case, number: int, now: datetime) -> None:
    """So many orders moved from a case to another one, which counts them again."""
    left = Tally(local_date(now, tenant.policy.zone), case.unit or NO_UNIT, "ordered", 0, -number)
    counts.add(c, tenant.name, [left])


def looks(
    c: Connection, tenant: Tenant, changed: Sequence[tuple[str, Look]], known: Mapping[str, Sequence[Look]]
) -> None:
    """Looks have changed; ``known`` are the looks as they were known before, by case."""
    policy, of_case = tenant.policy, cases.units_of(c, tenant.name, (ref for ref, _ in changed))
    was = {(ref, look.n, look.due_at): look for ref, its in known.items() for look in its}
    found: list[Tally] = []
    for ref, look in changed:
        before = was.get((ref, look.n, look.due_at))
        unit, _ = of_case.get(ref, (None, None))
        of = [tallies.of_look(each, policy.window, policy.zone, unit) for each in (before, look) if each]
        found += [*tallies.minus(of[:-1]), of[-1]]
    counts.add(c, tenant.name, found)
