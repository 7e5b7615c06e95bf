"""The heart: it decides what to do, from the facts and from what was done already. It is pure.

The same facts and ledger at the same time always give the same decision, and a decision that was carried out gives an
empty one. That is what makes a lost event, a crash or a manual re-sync harmless.
"""

from datetime import datetime, timedelta

from adapter.domain.already_told import ALARM_TEAM, AUTHORITY, COORDINATOR, PLAN, AlreadyTold
from adapter.domain.by_hand import unseen_stop
from adapter.domain.calendar import after_quiet_hours, working_day_before
from adapter.domain.checklist import checklist
from adapter.domain.decision import Attention, Decision, Phase, StepState, StepView
from adapter.domain.deviations import deviations
from adapter.domain.facts import INFORMS, Facts, OrderStatus, Signal
from adapter.domain.ledger import ActKind, ActState, Ledger, ScheduleStatus, Wanted
from adapter.domain.letters import everything_undone, executions_open, tell, untold_declarations
from adapter.domain.night_letters import tell_looks
from adapter.domain.night_load import tell_crowded
from adapter.domain.policy import Policy
from adapter.domain.reminders import remind
from adapter.domain.routine import ASSIGNMENT_IN, ASSIGNMENT_OUT, STEPS, Letter, Role
from adapter.domain.schedule import (
    NOT_BEGUN,
    boundaries,
    camera_is_down,
    missing_gates,
    not_noted,
    nowhere_to_note,
    pause_causes,
    platform_acts,
)
from adapter.domain.situation import Situation, situation
from adapter.domain.unfulfilled import unfulfilled
from adapter.domain.unwatched import unwatched
from adapter.domain.wall_clock import day_start, local_date
from adapter.domain.wanted_messages import WantedMessages

UNREADABLE_AFTER = timedelta(hours=1)
"""How long something of a new case may be unreadable before a person is told."""


def decide(facts: Facts, ledger: Ledger, now: datetime, policy: Policy) -> Decision:
    """What the case calls for at ``now`` (aware UTC). Raises nothing, whatever the facts are: what a person must mend
    becomes attention. See ``Decision``."""
    s = situation(facts, ledger, now, policy)
    w = WantedMessages(s)
    notices = attention(s)
    phase = _phase(s)
    closed = phase is Phase.CLOSED
    collected = s.mandate.over and s.evidence.collected is not None
    if not closed:
        tell(w)
        tell_looks(w)
        tell_crowded(w)
    steps = remind(w, checklist(s))
    _mail_notices(w, notices)
    waiting = _waiting(s)
    return Decision(
        phase=phase,
        wanted=() if closed else (*platform_acts(s), *w.wanted),
        steps=steps,
        attention=notices,
        wake_at=None if closed else _wake_at(w),
        waiting=waiting,
        awaits=() if closed else _awaits(steps),
        release=_taken_up(s) if ledger.closed else s.mandate.later if closed or collected else (),
        collected=collected,
        unwatched=None if closed else unwatched(s),
        unfulfilled=None if closed else unfulfilled(s, waiting),
        unit=s.last_unit,
        execution=s.period.execution.id if s.period and s.period.execution else None,
        balanced=balanced(s),
    )


def _taken_up(s: Situation) -> tuple[str, ...]:
    """The orders of a closed case that grant supervision again, today or later."""
    granted = {p.order_id for p in s.mandate.run if p.last is None or p.last >= s.today}
    current = (OrderStatus.SENT, OrderStatus.ACCEPTED)
    return tuple(o.id for o in s.facts.orders.value if o.id in granted and o.status in current and not o.gone)


def _phase(s: Situation) -> Phase:
    if s.ledger.closed:
        return Phase.CLOSED
    if not s.mandate.over:
        if s.live is None:
            return Phase.PREPARING
        return Phase.PAUSED if s.live.status is ScheduleStatus.PAUSED else Phase.ACTIVE
    if not everything_undone(s):
        return Phase.ENDING
    last = s.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED, Letter.READY_TO_CLOSE)
    closing_told = last is None or (last.what["letter"] == Letter.READY_TO_CLOSE and last.state is ActState.DONE)
    settled = closing_told and not executions_open(s) and balanced(s) and not s.ledger.uncertain()
    settled = settled and not untold_declarations(s)
    return Phase.CLOSED if settled and not s.facts.stale else Phase.CLOSING


def balance(s: Situation) -> tuple[tuple[str, bool, bool], ...]:
    """The symmetry as a table (P7): (pair, whether the way in was carried out, whether it was taken back)."""
    ledger = s.ledger
    told = AlreadyTold(a for a in ledger.acts if a.state is ActState.DONE)

    def pair(to: str, ins: frozenset[Letter], outs: frozenset[Letter]) -> tuple[bool, bool]:
        last = told.last(to, *ins, *outs)
        return told.last(to, *ins) is not None, last is not None and last.what["letter"] in outs

    asked_in, called_off = pair(ALARM_TEAM, ASSIGNMENT_IN, ASSIGNMENT_OUT)
    received = pair(COORDINATOR, frozenset({Letter.RECEIVED, Letter.RENEWED}), frozenset({Letter.READY_TO_CLOSE}))
    out = told.last(ALARM_TEAM, *ASSIGNMENT_OUT)
    keys_back = out is not None and bool(out.what["keys_back"])
    asked = any(a.what.get("keys") == "needed" and a.what["to"] == ALARM_TEAM for a in told.letters)
    record, person = ledger.schedule, ledger.person
    return (
        ("received", *received),
        ("install", asked_in, called_off or (s.mandate.over and s.evidence.collected is not None)),
        ("keys", asked and Signal.KEYS_COLLECTED in s.evidence.newest, keys_back),
        ("person", person is not None, bool(person and person.emptied) or ledger.person_elsewhere),
        ("schedule", record is not None, record is not None and record.status is ScheduleStatus.ENDED),
        ("plan", *pair(PLAN, frozenset({Letter.PLAN}), frozenset({Letter.PLAN_VOID}))),
    )


def balanced(s: Situation) -> bool:
    return all(out for _, did, out in balance(s) if did)


def attention(s: Situation) -> tuple[Attention, ...]:
    """What a person must know or mend now. An item disappears by itself once its cause is gone."""
    found = [
        Attention(p.code, (("resource", p.resource), *p.params), parks=p.code not in INFORMS) for p in s.facts.problems
    ]
    found += [Attention(code, (("order", order),), parks=True, role=Role.ASSESSOR) for code, order in s.mandate.faults]
    client = s.facts.client.value
    if client.client_id is None and not any(p.resource == "clients" for p in s.facts.problems):
        found.append(Attention("client_not_visible", parks=True))
    if s.evidence.agreed.problem and not s.mandate.over:
        found.append(Attention("times_refused"))
    for code, _, at, detail in deviations(s):
        if s.now >= at + s.policy.deviation_grace and not s.mandate.over and not client.deceased:
            found.append(Attention(code, (("detail", detail),)))
    if not s.mandate.over:
        causes = pause_causes(s)
        found += [Attention(f"paused_{cause}") for cause in causes if s.live]
        found += [Attention(c, parks=True) for c in ("order_gone", "decision_gone") if c in causes and not s.live]
    if (stop := unseen_stop(s)) and stop.is_overdue(s):
        found.append(Attention(f"stop_{stop.kind.value}"))
    if nowhere_to_note(s):
        found.append(Attention("nowhere_to_note", (("step", "A5"),), parks=True))
    for act in s.ledger.acts:
        if act.state is ActState.PARKED:
            parks = act.kind is not ActKind.MAIL
            found.append(Attention("act_parked", (("act", f"{act.n:02d}"),), parks=parks, role=Role.ADAPTER))
    if s.facts.stale:
        found.append(Attention("stale", (("resources", ", ".join(s.facts.stale)),), role=Role.ADAPTER))
    return tuple(dict.fromkeys(found))


def _waiting(s: Situation) -> tuple[str, ...]:
    """Why nobody looks yet, or just now, in the order in which to say it. After the end: why the case isn't closed."""
    if s.mandate.over:
        return _keeps_open(s)
    if s.live is not None:
        return tuple(f"paused_{cause}" for cause in pause_causes(s))
    missing = missing_gates(s)
    if s.period is not None and s.period.executed:  # executed before its first day: nobody is waited for
        missing = tuple(step for step in missing if step != "I10")
    reasons = [f"gate_{step}" for step in missing if step != "I8" or s.evidence.papers_missing]
    reasons += [f"gate_{gate}" for gate in not_noted(s)]
    if not s.evidence.executing and "I10" in missing:
        reasons.insert(0, "no_execution_to_note_on")
    reasons += [f"paused_{cause}" for cause in pause_causes(s) if cause not in NOT_BEGUN]
    return tuple(reasons) + (("stale",) if s.facts.stale else ())


def _keeps_open(s: Situation) -> tuple[str, ...]:
    if s.live is not None:
        return ("end_A2",)
    if nowhere_to_note(s):
        return ("end_nowhere_to_note",)
    if not camera_is_down(s):
        return ("end_A5",)
    return ("end_A6",) if executions_open(s) else ()


def _awaits(steps: tuple[StepView, ...]) -> tuple[str, ...]:
    return tuple(v.id for v in steps if v.state in (StepState.AWAITED, StepState.PROBLEM) and STEPS[v.id].signals)


def _mail_notices(w: WantedMessages, notices: tuple[Attention, ...]) -> None:
    """A case that can't go on without a person is told by mail, once for each cause. Of what is only good to know, a
    wrong checksum is mailed too; the letters say the rest."""
    for notice in notices:
        params = dict(notice.params)
        kind = "parked" if notice.parks else "notice"
        if notice.parks or notice.code == "checksum":
            to = {Role.ADAPTER: "it", Role.ASSESSOR: AUTHORITY}.get(notice.role, COORDINATOR)
            key = ":".join([kind, notice.code, *params.values()])[:200]
            w.mail(key, {"mail": kind, "to": to, "code": notice.code, **params})


def never_read(since: datetime, resources: tuple[str, ...], now: datetime, policy: Policy) -> tuple[Wanted, ...]:
    """What is wanted if some resources of a case could never be read, so that nothing can be decided: after a while the
    IT function is told, once. ``since`` is when the case was opened."""
    if now < since + UNREADABLE_AFTER:
        return ()
    code = "never_read"
    what = {"mail": "parked", "to": "it", "code": code, "resources": ", ".join(resources)}
    return (Wanted(f"parked:{code}", ActKind.MAIL, what, why="parked", not_before=after_quiet_hours(now, policy)),)


def _wake_at(w: WantedMessages) -> datetime | None:
    """The next instant (UTC) at which the same facts would give another decision. Includes the working day before each
    turn, as a pause is told ahead on that day."""
    s, turns = w.s, boundaries(w.s)
    days = [working_day_before(local_date(t, s.policy.zone), s.policy) for t in turns if t > s.now]
    at = [*turns, *(day_start(day, s.policy.zone) for day in days), *w.wakes]
    at += [wanted.not_before for wanted in w.wanted if wanted.not_before]
    return min((t for t in at if t > s.now), default=None)
