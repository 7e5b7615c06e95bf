"""The routine as a checklist: each step done by what evidence and when, or awaited from whom and since when (P9)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from adapter.domain.already_told import ALARM_TEAM, COORDINATOR
from adapter.domain.decision import StepState, StepView
from adapter.domain.facts import Note, ServicePlan, Signal
from adapter.domain.ledger import Act, ActKind, ActState
from adapter.domain.letters import everything_undone, executions_open
from adapter.domain.routine import ASSIGNMENT_IN, ASSIGNMENT_OUT, STEPS, WAY_IN, WAY_OUT, Letter, Role, Step
from adapter.domain.schedule import camera_is_down, not_noted
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import day_end, day_start, local_date


def checklist(s: Situation) -> tuple[StepView, ...]:
    """All steps in the routine's order. Once the authority has ended it, nothing more is awaited of the way in."""
    views: dict[str, StepView] = {}
    for step in (*WAY_IN, *WAY_OUT):
        is_done = _DONE[step.id](s) if step.id in _DONE else _by_signals(s, step)
        views[step.id] = is_done or _not_done(s, step, views)
    return tuple(views.values())


def _not_done(s: Situation, step: Step, views: dict[str, StepView]) -> StepView:
    if step in WAY_IN:
        if s.mandate.over:
            return StepView(step.id, step.role, StepState.NOT_NEEDED, reason="over")
    elif step.id == "A0":
        return StepView(step.id, step.role, StepState.NOT_NEEDED)
    elif step.id == "A1":
        heard = _unanswered(s)
        state = StepState.AWAITED if heard else StepState.LATER
        return StepView(step.id, step.role, state, since=heard.at if heard else None)
    elif not s.mandate.over:
        return StepView(step.id, step.role, StepState.LATER)
    since, role = _since(s, step, views), step.role
    if step.id == "I12" and s.policy.plans:
        role, since = Role.COORDINATOR, since if s.facts.plans is not None else None
    if since is None:
        return StepView(step.id, role, StepState.LATER)
    problem = _problem(s, step)
    state = StepState.PROBLEM if problem else StepState.AWAITED
    return StepView(step.id, role, state, since=since, reason=problem)


def _since(s: Situation, step: Step, views: dict[str, StepView]) -> datetime | None:
    """Since when a step is awaited: since the steps before it were done. None if they aren't."""
    if step.id == "A6":
        asked = s.told.last(COORDINATOR, Letter.READY_TO_CLOSE)
        return asked.done_at if asked else None
    before = [views[p] for p in step.after]
    if step.id != "I10" and any(p.state not in (StepState.DONE, StepState.NOT_NEEDED) for p in before):
        return None
    return max([*(p.at for p in before if p.at), *_not_before(s, step)], default=s.ledger.opened_at)


def _not_before(s: Situation, step: Step) -> list[datetime]:
    """Moments before which nobody could have done the step: the order came, the note was refused, it was asked for
    anew, or another day was booked for it."""
    period, zone = s.period, s.policy.zone
    at = [day_start(period.ordered, zone)] if period and step in WAY_IN else []
    if step.id == "I4" and s.evidence.agreed.refused and period:
        at += [s.evidence.agreed.refused.at, day_start(min(period.first, s.today), zone)]
    booked = s.evidence.newest.get(Signal.PICKUP_BOOKED if step.id == "A5" else Signal.INSTALLATION_BOOKED)
    if step.id in ("I8", "I9", "A5") and booked and booked.day:
        at.append(day_start(booked.day, zone))
    if step.id == "I8" and s.evidence.withdrawn:
        at.append(s.evidence.withdrawn.at)
    if step.id == "I7" and (asked := s.told.last(ALARM_TEAM, Letter.TIMES_CHANGED)):
        at.append(asked.done_at or asked.created_at)
    return at


def _unanswered(s: Situation) -> Note | None:
    """An end heard by the provider (A0) to which the authority hasn't answered: by an end, or by other dates."""
    heard = s.evidence.newest.get(Signal.END_HEARD)
    answer = s.told.last(COORDINATOR, Letter.DATES_CHANGED, Letter.RENEWED)
    return None if heard is None or (answer and answer.created_at > heard.at) else heard


def _problem(s: Situation, step: Step) -> str | None:
    if step.id == "I4" and s.evidence.agreed.problem:
        return "times_refused"
    if step.id == "I8" and s.evidence.withdrawn:
        return "consent_withdrawn"
    if step.id == "I1" and s.mandate.faults:
        return s.mandate.faults[0][0]
    return None


def _by_signals(s: Situation, step: Step) -> StepView | None:
    notes = [s.evidence.newest.get(signal) for signal in step.signals]
    if not notes or None in notes:
        return None
    return _by_note(step, max((n for n in notes if n), key=lambda n: n.at))


def _i1(s: Situation) -> StepView | None:
    run = s.mandate.run
    if not run or s.mandate.faults:
        return None
    ordered = min(o.order_date for o in s.facts.orders.value if o.id == run[0].order_id)
    at = day_start(ordered, s.policy.zone)
    return StepView("I1", Role.ASSESSOR, StepState.DONE, "decision", str(run[0].decision_id), at)


def _i2(s: Situation) -> StepView | None:
    return _by_act("I2", s.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED))


def _i3(s: Situation) -> StepView | None:
    return _by_act("I3", s.told.last(ALARM_TEAM, *ASSIGNMENT_IN))


def _i4(s: Situation) -> StepView | None:
    note = s.evidence.agreed.note
    return _by_note(STEPS["I4"], note) if note and not s.evidence.agreed.problem else None


def _i6(s: Situation) -> StepView | None:
    if s.evidence.keys != "needed" and Signal.KEYS_COLLECTED not in s.evidence.newest:
        return StepView("I6", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason=s.evidence.keys)
    if s.ledger.ever_scheduled and Signal.KEYS_COLLECTED not in s.evidence.newest:
        return StepView("I6", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason="camera_is_up")
    return _by_signals(s, STEPS["I6"])


def _i7(s: Situation) -> StepView | None:
    """An appendix that was signed before new times were told has the old times."""
    signed = s.evidence.newest.get(Signal.APPENDIX_SIGNED)
    asked = s.told.last(ALARM_TEAM, Letter.TIMES_CHANGED)
    outdated = signed and asked and signed.by is None and signed.at < asked.created_at
    return None if signed is None or outdated else _by_note(STEPS["I7"], signed)


def _i8(s: Situation) -> StepView | None:
    consent, liability = s.evidence.consent, s.evidence.liability
    if not consent or not liability or not_noted(s):
        return None
    return _by_note(STEPS["I8"], max(consent, liability, key=lambda n: n.at))


def _i10(s: Situation) -> StepView | None:
    period = s.period
    if period is None or not period.executed or period.execution is None:
        return None
    first = period.execution.first_day
    at = day_start(first, s.policy.zone) if first else s.ledger.opened_at
    return StepView("I10", Role.COORDINATOR, StepState.DONE, "execution", str(period.execution.id), at)


def _i11(s: Situation) -> StepView | None:
    creates = s.ledger.counting(ActKind.CREATE)
    view = _by_act("I11", creates[-1] if creates else None)
    first = next((x for x in s.ledger.first_looks if creates and x.n == creates[-1].what.get("n")), None)
    if view is None or first is None:
        return view
    day = local_date(first.due_at, s.policy.zone)
    return replace(view, evidence="look", evidence_id=day.isoformat())


def _i12(s: Situation) -> StepView | None:
    """The plan itself shows it if the municipality maps plans (LA13); otherwise our own first note in it after the
    start, because later notes there are about other times."""
    if not s.policy.plans:
        creates = s.ledger.counting(ActKind.CREATE)
        written = [a for a in s.told.letters if a.what["letter"] == Letter.PLAN and a.state is ActState.DONE]
        return _by_act("I12", next((a for a in written if creates and a.n > creates[-1].n), None))
    plan = plan_of(s)
    if plan is None or plan.since is None:
        return None
    at = day_start(plan.since, s.policy.zone)
    return StepView("I12", Role.COORDINATOR, StepState.DONE, "plan", str(plan.id), at)


def _a1(s: Situation) -> StepView | None:
    if not s.mandate.over:
        return None
    last, by = s.mandate.last_day, s.mandate.over_by
    seen = [a.created_at for a in s.ledger.acts if a.counts and _follows_end(a)]
    at = day_end(last, s.policy.zone) if last else min(seen, default=s.now)
    return StepView("A1", Role.ASSESSOR, StepState.DONE, by, last.isoformat() if last else None, at)


def _a2(s: Situation) -> StepView | None:
    if not s.mandate.over:
        return None
    ends = s.ledger.counting(ActKind.END)
    if ends and s.live is None:
        return _by_act("A2", ends[-1])
    if not s.ledger.ever_scheduled or s.live is None:
        return StepView("A2", Role.ADAPTER, StepState.NOT_NEEDED, reason="never_scheduled")
    return None


def _a3(s: Situation) -> StepView | None:
    if not s.mandate.over:
        return None
    last = s.told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    if last is None:
        return StepView("A3", Role.ADAPTER, StepState.NOT_NEEDED, reason="never_asked")
    return _by_act("A3", last) if last.what["letter"] in ASSIGNMENT_OUT else None


def _a4(s: Situation) -> StepView | None:
    if not s.mandate.over:
        return None
    booked = s.evidence.newest.get(Signal.PICKUP_BOOKED)
    asked = s.told.last(ALARM_TEAM, *ASSIGNMENT_IN)
    if booked and not (asked and booked.at < asked.created_at):
        return _by_note(STEPS["A4"], booked)
    if not camera_is_down(s):
        return None
    return StepView("A4", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason="nothing_to_collect")


def _a5(s: Situation) -> StepView | None:
    if not s.mandate.over or not camera_is_down(s):
        return None
    if s.evidence.collected:
        return _by_note(STEPS["A5"], s.evidence.collected)
    return StepView("A5", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason="nothing_to_collect")


def _a6(s: Situation) -> StepView | None:
    closing = s.told.last(COORDINATOR, Letter.READY_TO_CLOSE)
    if not s.mandate.over or not everything_undone(s) or executions_open(s):
        return None
    if closing is None:
        never = s.told.last(COORDINATOR, Letter.RECEIVED) is None
        return StepView("A6", Role.COORDINATOR, StepState.NOT_NEEDED, reason="never_told") if never else None
    if closing.state is not ActState.DONE:
        return None
    return StepView("A6", Role.COORDINATOR, StepState.DONE, "execution_over", None, closing.done_at)


def _by_act(step_id: str, act: Act | None) -> StepView | None:
    if act is None or act.state is not ActState.DONE:
        return None
    return StepView(step_id, STEPS[step_id].role, StepState.DONE, "act", f"{act.n:02d}", act.done_at)


_DONE: dict[str, Callable[[Situation], StepView | None]] = {
    "I1": _i1,
    "I2": _i2,
    "I3": _i3,
    "I4": _i4,
    "I6": _i6,
    "I7": _i7,
    "I8": _i8,
    "I10": _i10,
    "I11": _i11,
    "I12": _i12,
    "A1": _a1,
    "A2": _a2,
    "A3": _a3,
    "A4": _a4,
    "A5": _a5,
    "A6": _a6,
}
"""How each step is seen to be done. Steps that aren't here are done when all their signals are noted."""


def _follows_end(act: Act) -> bool:
    return act.kind is ActKind.END or act.what.get("letter") in (*ASSIGNMENT_OUT, Letter.READY_TO_CLOSE)


def _by_note(step: Step, note: Note) -> StepView:
    kind = "declared" if note.by else "note"
    return StepView(step.id, step.role, StepState.DONE, kind, note.id, note.at)


def awaited_since(view: StepView) -> datetime | None:
    """Since when (UTC) a person is awaited; None where nobody is."""
    waits = view.state in (StepState.AWAITED, StepState.PROBLEM) and view.role is not Role.ADAPTER
    return view.since if waits else None


def plan_of(s: Situation) -> ServicePlan | None:
    """The plan that shows I12 (LA13): the newest one with a camera service that hasn't ended and that was established,
    or begins, on or after the start of e-tillsyn. None if there is none, or nothing has started."""
    started = s.ledger.schedule.valid_from if s.ledger.schedule else None
    if started is None or s.facts.plans is None:
        return None
    holding = [p for p in s.facts.plans.value if not p.gone and (p.last_day is None or p.last_day >= s.today)]
    after = [p for p in holding if p.since is not None and p.since >= started]
    return max(after, key=lambda p: (p.since or date.min, p.id), default=None)
