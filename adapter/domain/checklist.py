"""The routine as a checklist: each step done by what evidence and when, or awaited from whom and since when (P9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from adapter.domain.already_told import ALARM_TEAM, COORDINATOR, PLAN, AlreadyTold
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
    done = _Done(s)
    views: dict[str, StepView] = {}
    for step in (*WAY_IN, *WAY_OUT):
        views[step.id] = _view(s, step, done, views)
    return tuple(views.values())


def _view(s: Situation, step: Step, done: _Done, views: dict[str, StepView]) -> StepView:
    if (found := done.of(step)) is not None:
        return found
    if step in WAY_IN:
        if s.mandate.over:
            return StepView(step.id, step.role, StepState.NOT_NEEDED, reason="over")
    elif step.id == "A0":
        return StepView(step.id, step.role, StepState.NOT_NEEDED)
    elif step.id == "A1":
        heard = _unanswered(s, done.told)
        state = StepState.AWAITED if heard else StepState.LATER
        return StepView(step.id, step.role, state, since=heard.at if heard else None)
    elif not s.mandate.over:
        return StepView(step.id, step.role, StepState.LATER)
    since, role = _since(s, step, done.told, views), step.role
    if step.id == "I12" and s.policy.plans:
        role, since = Role.COORDINATOR, since if s.facts.plans is not None else None
    if since is None:
        return StepView(step.id, role, StepState.LATER)
    problem = _problem(s, step)
    state = StepState.PROBLEM if problem else StepState.AWAITED
    return StepView(step.id, role, state, since=since, reason=problem)


def _since(s: Situation, step: Step, told: AlreadyTold, views: dict[str, StepView]) -> datetime | None:
    """Since when a step is awaited: since what comes before it is done; None while that isn't."""
    if step.id == "A6":
        asked = told.last(COORDINATOR, Letter.READY_TO_CLOSE)
        return asked.done_at if asked else None
    before = [views[p] for p in step.after]
    if step.id != "I10" and any(p.state not in (StepState.DONE, StepState.NOT_NEEDED) for p in before):
        return None
    return max([*(p.at for p in before if p.at), *_not_before(s, step, told)], default=s.ledger.opened_at)


def _not_before(s: Situation, step: Step, told: AlreadyTold) -> list[datetime]:
    """What a step can't have been awaited longer than: the order that asks for it, the note that was refused, the
    letter by which it was asked for anew, the day that was booked for it."""
    period, zone = s.period, s.policy.zone
    at = [day_start(period.ordered, zone)] if period and step in WAY_IN else []
    if step.id == "I4" and s.evidence.agreed.refused and period:
        at += [s.evidence.agreed.refused.at, day_start(min(period.first, s.today), zone)]
    booked = s.evidence.newest.get(Signal.PICKUP_BOOKED if step.id == "A5" else Signal.INSTALLATION_BOOKED)
    if step.id in ("I8", "I9", "A5") and booked and booked.day:
        at.append(day_start(booked.day, zone))
    if step.id == "I8" and s.evidence.withdrawn:
        at.append(s.evidence.withdrawn.at)
    if step.id == "I7" and (asked := told.last(ALARM_TEAM, Letter.TIMES_CHANGED)):
        at.append(asked.done_at or asked.created_at)
    return at


def _unanswered(s: Situation, told: AlreadyTold) -> Note | None:
    """An end heard by the provider (A0) to which the authority hasn't answered: by an end, or by other dates."""
    heard = s.evidence.newest.get(Signal.END_HEARD)
    answer = told.last(COORDINATOR, Letter.DATES_CHANGED, Letter.RENEWED)
    return None if heard is None or (answer and answer.created_at > heard.at) else heard


def _problem(s: Situation, step: Step) -> str | None:
    if step.id == "I4" and s.evidence.agreed.problem:
        return "times_refused"
    if step.id == "I8" and s.evidence.withdrawn:
        return "consent_withdrawn"
    if step.id == "I1" and s.mandate.faults:
        return s.mandate.faults[0][0]
    return None


class _Done:
    """Finds what shows a step to be done, if anything does."""

    def __init__(self, s: Situation) -> None:
        self.s = s
        self.told = s.told

    def of(self, step: Step) -> StepView | None:
        special = getattr(self, f"_{step.id.lower()}", None)
        if special is not None:
            view: StepView | None = special()
            return view
        return self._signals(step)

    def _signals(self, step: Step) -> StepView | None:
        notes = [self.s.evidence.newest.get(signal) for signal in step.signals]
        if not notes or None in notes:
            return None
        return _by_note(step, max((n for n in notes if n), key=lambda n: n.at))

    def _i1(self) -> StepView | None:
        run = self.s.mandate.run
        if not run or self.s.mandate.faults:
            return None
        ordered = min(o.order_date for o in self.s.facts.orders.value if o.id == run[0].order_id)
        at = day_start(ordered, self.s.policy.zone)
        return StepView("I1", Role.ASSESSOR, StepState.DONE, "decision", str(run[0].decision_id), at)

    def _i2(self) -> StepView | None:
        return self._by_act("I2", self.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED))

    def _i3(self) -> StepView | None:
        return self._by_act("I3", self.told.last(ALARM_TEAM, *ASSIGNMENT_IN))

    def _i4(self) -> StepView | None:
        note = self.s.evidence.agreed.note
        return _by_note(STEPS["I4"], note) if note and not self.s.evidence.agreed.problem else None

    def _i6(self) -> StepView | None:
        if self.s.evidence.keys != "needed" and Signal.KEYS_COLLECTED not in self.s.evidence.newest:
            return StepView("I6", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason=self.s.evidence.keys)
        if self.s.ever_scheduled and Signal.KEYS_COLLECTED not in self.s.evidence.newest:
            return StepView("I6", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason="camera_is_up")
        return self._signals(STEPS["I6"])

    def _i7(self) -> StepView | None:
        """One that was signed before new times were told is of the old ones."""
        signed = self.s.evidence.newest.get(Signal.APPENDIX_SIGNED)
        asked = self.told.last(ALARM_TEAM, Letter.TIMES_CHANGED)
        outdated = signed and asked and signed.by is None and signed.at < asked.created_at
        return None if signed is None or outdated else _by_note(STEPS["I7"], signed)

    def _i8(self) -> StepView | None:
        consent, liability = self.s.evidence.consent, self.s.evidence.liability
        if not consent or not liability or not_noted(self.s):
            return None
        return _by_note(STEPS["I8"], max(consent, liability, key=lambda n: n.at))

    def _i10(self) -> StepView | None:
        period = self.s.period
        if period is None or not period.executed or period.execution is None:
            return None
        first = period.execution.first_day
        at = day_start(first, self.s.policy.zone) if first else self.s.ledger.opened_at
        return StepView("I10", Role.COORDINATOR, StepState.DONE, "execution", str(period.execution.id), at)

    def _i11(self) -> StepView | None:
        creates = self.s.ledger.counting(ActKind.CREATE)
        view = self._by_act("I11", creates[-1] if creates else None)
        first = next((x for x in self.s.ledger.first_looks if creates and x.n == creates[-1].what.get("n")), None)
        if view is None or first is None:
            return view
        day = local_date(first.due_at, self.s.policy.zone)
        return replace(view, evidence="look", evidence_id=day.isoformat())

    def _i12(self) -> StepView | None:
        """By the plan itself, where the municipality maps them (LA13); else by our own note in it."""
        if not self.s.policy.plans:
            return self._by_act("I12", self.told.last(PLAN, Letter.PLAN))
        plan = plan_of(self.s)
        if plan is None or plan.since is None:
            return None
        at = day_start(plan.since, self.s.policy.zone)
        return StepView("I12", Role.COORDINATOR, StepState.DONE, "plan", str(plan.id), at)

    def _a1(self) -> StepView | None:
        if not self.s.mandate.over:
            return None
        last, by = self.s.mandate.last_day, self.s.mandate.over_by
        seen = [a.created_at for a in self.s.ledger.acts if a.counts and _follows_end(a)]
        at = day_end(last, self.s.policy.zone) if last else min(seen, default=self.s.now)
        return StepView("A1", Role.ASSESSOR, StepState.DONE, by, last.isoformat() if last else None, at)

    def _a2(self) -> StepView | None:
        if not self.s.mandate.over:
            return None
        ends = self.s.ledger.counting(ActKind.END)
        if ends and self.s.live is None:
            return self._by_act("A2", ends[-1])
        if not self.s.ever_scheduled or self.s.live is None:
            return StepView("A2", Role.ADAPTER, StepState.NOT_NEEDED, reason="never_scheduled")
        return None

    def _a3(self) -> StepView | None:
        if not self.s.mandate.over:
            return None
        last = self.told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
        if last is None:
            return StepView("A3", Role.ADAPTER, StepState.NOT_NEEDED, reason="never_asked")
        return self._by_act("A3", last) if last.what["letter"] in ASSIGNMENT_OUT else None

    def _a4(self) -> StepView | None:
        if not self.s.mandate.over:
            return None
        booked = self.s.evidence.newest.get(Signal.PICKUP_BOOKED)
        asked = self.told.last(ALARM_TEAM, *ASSIGNMENT_IN)
        if booked and not (asked and booked.at < asked.created_at):
            return _by_note(STEPS["A4"], booked)
        if not camera_is_down(self.s):
            return None
        return StepView("A4", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason="nothing_to_collect")

    def _a5(self) -> StepView | None:
        if not self.s.mandate.over or not camera_is_down(self.s):
            return None
        if self.s.evidence.collected:
            return _by_note(STEPS["A5"], self.s.evidence.collected)
        return StepView("A5", Role.ALARM_TEAM, StepState.NOT_NEEDED, reason="nothing_to_collect")

    def _a6(self) -> StepView | None:
        closing = self.told.last(COORDINATOR, Letter.READY_TO_CLOSE)
        if not self.s.mandate.over or not everything_undone(self.s) or executions_open(self.s):
            return None
        if closing is None:
            never = self.told.last(COORDINATOR, Letter.RECEIVED) is None
            return StepView("A6", Role.COORDINATOR, StepState.NOT_NEEDED, reason="never_told") if never else None
        if closing.state is not ActState.DONE:
            return None
        return StepView("A6", Role.COORDINATOR, StepState.DONE, "execution_over", None, closing.done_at)

    @staticmethod
    def _by_act(step_id: str, act: Act | None) -> StepView | None:
        if act is None or act.state is not ActState.DONE:
            return None
        return StepView(step_id, STEPS[step_id].role, StepState.DONE, "act", f"{act.n:02d}", act.done_at)


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
    """The plan that shows I12 (LA13): the newest with a camera service that isn't ended, and was established or begins
    on or after the start of e-tillsyn; None where there is none, or nothing has started."""
    started = s.ledger.schedule.valid_from if s.ledger.schedule else None
    if started is None or s.facts.plans is None:
        return None
    holding = [p for p in s.facts.plans.value if not p.gone and (p.last_day is None or p.last_day >= s.today)]
    after = [p for p in holding if p.since is not None and p.since >= started]
    return max(after, key=lambda p: (p.since or date.min, p.id), default=None)
