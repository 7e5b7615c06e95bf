"""Which e-tillsyn the facts call for, and the one act that brings the camera platform nearer to it (I11, A2)."""

import json
from datetime import date, datetime, timedelta

from adapter.domain.facts import Absence, Facts, Signal
from adapter.domain.ledger import SCHEDULE_KINDS, ActKind, ScheduleRecord, ScheduleStatus, Wanted, What
from adapter.domain.mandate import Period
from adapter.domain.nights import NightTimes
from adapter.domain.policy import Policy
from adapter.domain.routine import STEPS, WAY_IN, Step
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import day_after, day_end, day_start, window_start


def starting(s: Situation) -> Period | None:
    """The period that e-tillsyn rests on: the one in force, or, while nobody looks yet, one that is about to begin."""
    period = s.mandate.in_force(s.today)
    if period is None and (s.live is None or s.live.valid_from > s.today):
        until = s.today + timedelta(days=s.policy.schedule_ahead_days)
        period = next((p for p in s.mandate.run if s.today < p.first <= until), None)
    return period


def missing_gates(s: Situation) -> tuple[str, ...]:
    """The gates of I11 that don't hold, as step ids in the routine's order. Keys (I6) count only until the camera is
    up, because its installer got in. A gate without its own rule here holds when all its signals are noted."""
    period = starting(s)
    judged = {
        "I1": period is not None,
        "I4": s.evidence.agreed.times is not None,
        "I6": keys_settled(s),
        "I8": s.evidence.papers_missing is None and not not_noted(s),
        "I9": s.evidence.ready is not None,
        "I10": period is not None and period.executed,
    }
    gates = [step for step in WAY_IN if step.gate]
    return tuple(step.id for step in gates if not judged.get(step.id, _all_noted(s, step)))


def _all_noted(s: Situation, step: Step) -> bool:
    """False for a step without signals, because nothing can show that it is done."""
    return bool(step.signals) and s.evidence.newest.keys() >= {*step.signals}


def not_noted(s: Situation) -> tuple[str, ...]:
    """What the municipality wants noted beside the two papers (LA14), and isn't. A schedule that exists needs only what
    was wanted when it was made, so a heading that is mapped later stops nobody."""
    wanted = s.policy.gates
    if s.live is not None:
        made = next((a for a in s.ledger.counting(ActKind.CREATE) if a.what.get("n") == s.live.n), None)
        wanted = frozenset(map(Signal, made.listed("gates") if made else ()))
    return tuple(gate.value for gate in sorted(wanted - s.evidence.newest.keys()))


def keys_settled(s: Situation) -> bool:
    return s.evidence.keys != "needed" or s.ledger.ever_scheduled or Signal.KEYS_COLLECTED in s.evidence.newest


def pause_causes(s: Situation) -> tuple[str, ...]:
    """Why nobody may look now, the gravest first: codes of the text table. Empty means that supervision goes on."""
    causes: list[str] = []
    if s.facts.client.value.deceased:
        causes.append("deceased")
    if s.evidence.withdrawn:
        causes.append("consent_withdrawn")
    if s.facts.client.value.gone:
        causes.append("client_gone")
    holds = s.mandate.holds(s.today)
    causes += holds
    if s.evidence.collected:
        causes.append("equipment_collected")
    if not holds and (gap := _gap(s)):
        causes.append(gap)
    known = s.evidence.withdrawn or "execution_gone" in holds  # the notes vanished with the execution
    if s.live and not known and any(STEPS[gate].signals for gate in missing_gates(s)):
        causes.append("evidence_lost")
    absent = [a for a in standing_absences(s.facts) if away(a, s.now, s.policy)]
    if any(a.gone for a in absent):
        causes.append("absence_gone")
    elif absent:
        causes.append("absence")
    return tuple(causes)


def may_look(s: Situation) -> bool:
    """Whether somebody may look by the camera now: it was last seen to run, and nothing calls for a pause or an end."""
    running = s.live is not None and s.live.status is ScheduleStatus.OPEN
    return running and not s.mandate.over and not pause_causes(s)


NOT_BEGUN = frozenset({"not_executed", "between_decisions", "not_begun", "dates_contradict", "no_decision"})
"""Before the start these causes only mean that it isn't time yet."""


def _gap(s: Situation) -> str | None:
    """Why today isn't covered: no decision, an order that nobody has executed, or dates that can't be known."""
    period = starting(s)
    if period is None:
        if any(code == "end_before_start" for code, _ in s.mandate.faults):
            return "dates_contradict"
        if s.mandate.faults:
            return "no_decision"
        begun = any(p.first <= s.today for p in s.mandate.run)
        return "between_decisions" if begun else "not_begun"
    if _never_begins(period):
        return "dates_contradict"
    return None if period.executed else "not_executed"


def _never_begins(period: Period) -> bool:
    """Its last day lies before the execution's first day. Executing the order can't mend that."""
    starts = period.execution.first_day if period.execution else None
    return starts is not None and period.last is not None and period.last < starts


def standing_absences(facts: Facts) -> list[Absence]:
    """Absences that count. One that vanished without a word counts until its last day, or until another absence begins
    within it."""
    absences = [a for a in facts.absences.value if not a.deleted]
    shown = [a.first_day for a in absences if not a.gone]

    def replaced(gone: Absence) -> bool:
        return any(gone.first_day <= day <= (gone.last_day or date.max) for day in shown)

    return [a for a in absences if not a.gone or not replaced(a)]


def absence_bounds(absence: Absence, policy: Policy) -> tuple[datetime, datetime | None]:
    """From the start of the night window on the first day until its start on the last day (or on the day after it)."""
    start = window_start(absence.first_day, policy.window, policy.zone)
    if absence.last_day is None:
        return start, None
    home = absence.last_day if policy.last_day_is_home else day_after(absence.last_day)
    return start, window_start(home, policy.window, policy.zone)


def away(absence: Absence, now: datetime, policy: Policy) -> bool:
    start, end = absence_bounds(absence, policy)
    return start <= now and (end is None or now < end)


def platform_acts(s: Situation) -> tuple[Wanted, ...]:
    """At most one act on the schedule; before it, what the platform must know of the person.

    Acts on a schedule go one at a time: while one is under way or unknown, no other is wanted (P4). What only pauses,
    shortens or ends may rest on old facts. What starts, resumes or extends needs fresh ones (P1).
    """
    if s.ledger.uncertain(SCHEDULE_KINDS):
        return tuple(_person(s))
    step = next_step(s)
    return (*_person(s, about_to_create=step is not None and step.kind is ActKind.CREATE), *((step,) if step else ()))


def next_step(s: Situation) -> Wanted | None:
    """The act that brings the schedule, as it was last seen, nearer to what is called for. None if nothing differs."""
    live = s.live
    if live is None:
        return _create(s)
    if s.mandate.over:
        return _op(s, live, ActKind.END, {"reason": _end_reason(s)}, why=s.mandate.over_by or "decision_ended")
    causes = pause_causes(s)
    if causes and live.status is not ScheduleStatus.PAUSED:
        return _op(s, live, ActKind.PAUSE, {"reason": causes[0]}, why=causes[0])
    change = change_of(s, live)
    if change:
        return change
    if not causes and live.status is ScheduleStatus.PAUSED and not s.facts.unsure:
        return _op(s, live, ActKind.RESUME, {}, why="cause_gone", opens=True)
    return _new_patience(s, live)


def _create(s: Situation) -> Wanted | None:
    if s.mandate.over or missing_gates(s) or pause_causes(s) or s.facts.unsure:
        return None
    period = starting(s)
    if period is None or period.execution is None or s.evidence.agreed.times is None:
        return None
    n = s.ledger.schedule.n + 1 if s.ledger.schedule else 1
    valid_to = s.mandate.covered_until(max(s.today, period.first))
    content = _content(s, _first_day(s, period), valid_to, s.evidence.agreed.times)
    what: What = {"n": n, **content, "unit": period.unit_id}
    if s.policy.gates:
        what = {**what, "gates": json.dumps(sorted(s.policy.gates))}
    return Wanted(f"schedule:{n}:create", ActKind.CREATE, what, why="all_gates_hold", opens=True)


def change_of(s: Situation, live: ScheduleRecord) -> Wanted | None:
    """The change that brings validity and times to what is called for. On stale facts it may only narrow."""
    period = starting(s)
    if period is not None and period.sound:
        valid_to = s.mandate.covered_until(max(s.today, period.first))
    else:
        valid_to = _earlier(live.valid_to, s.mandate.last_day if s.mandate.run else live.valid_to)
    times = s.evidence.agreed.times or live.times
    starts = live.valid_from
    if live.valid_from > s.today and period is not None and period.execution is not None:
        starts = _first_day(s, period)
    wider = starts < live.valid_from or later(valid_to, live.valid_to)
    if s.facts.unsure:
        times, starts, wider = live.times, live.valid_from, False
        valid_to = _earlier(live.valid_to, valid_to)
    if (starts, valid_to, times) == (live.valid_from, live.valid_to, live.times) or times is None:
        return None
    if valid_to is not None and valid_to < starts:
        return None
    opens = wider or times != live.times
    content = _content(s, starts, valid_to, times)
    return _op(s, live, ActKind.CHANGE, content, why="facts_changed", opens=opens)


def _first_day(s: Situation, period: Period) -> date:
    execution = period.execution.first_day if period.execution else None
    return max(d for d in (period.first, execution, s.evidence.agreed.start, s.today) if d)


def _content(s: Situation, first: date, last: date | None, times: NightTimes) -> What:
    rests = set(s.live.orders if s.live else ()) | {p.order_id for p in s.mandate.run if p.executed}
    return {
        "valid_from": first.isoformat(),
        "valid_to": last.isoformat() if last else None,
        "times": times.to_text(),
        "orders": json.dumps(sorted(rests)),
    }


def _new_patience(s: Situation, live: ScheduleRecord) -> Wanted | None:
    """How long its looks may take, if the mapping has changed. It is an act of its own and comes last, so that nothing
    else waits for it."""
    wanted = s.policy.patience_of(s.unit)
    if live.patience in (None, wanted):
        return None
    what: What = {"tolerance": wanted[0], "retry_after": wanted[1]}
    return _op(s, live, ActKind.CHANGE, what, why="patience_changed")


def _op(s: Situation, live: ScheduleRecord, kind: ActKind, what: What, *, why: str, opens: bool = False) -> Wanted:
    """An act on a schedule that exists. Its key counts the acts before it, so the same act can be called for again
    later, and only once each time."""
    head = f"schedule:{live.n}:"
    done = sum(1 for a in s.ledger.counting(*SCHEDULE_KINDS) if a.key.startswith(head))
    return Wanted(f"{head}{kind.value}:{done}", kind, {"n": live.n, **what}, why=why, opens=opens)


def _person(s: Situation, *, about_to_create: bool = False) -> list[Wanted]:
    """The person's data at the platform. It is put when a schedule needs it or it changed, replaced at once when the
    person becomes protected, and emptied at the end."""
    acts = s.ledger.counting(ActKind.PUT_PERSON, ActKind.EMPTY_PERSON)
    count, told, client = len(acts), s.ledger.person, s.facts.client.value
    holds = told is not None and not told.emptied
    differs = told is None or told.details != client.details
    moved = holds and bool(acts) and _put_what(s)["unit"] not in (None, acts[-1].what["unit"])
    needed = (s.live or about_to_create) and not s.mandate.over and (differs or moved or not holds)
    exposed = holds and client.protected and differs
    if (needed or exposed) and not s.facts.client.stale:
        return [Wanted(f"person:{count}:put", ActKind.PUT_PERSON, _put_what(s), why="person_needed")]
    done = s.mandate.over and s.live is None and not s.ledger.uncertain(SCHEDULE_KINDS) and camera_is_down(s)
    if done and holds and not s.ledger.person_elsewhere:
        return [Wanted(f"person:{count}:empty", ActKind.EMPTY_PERSON, _put_what(s), why="case_is_over")]
    return []


def _put_what(s: Situation) -> What:
    return {"details": s.facts.client.value.details, "unit": s.unit}


def camera_is_down(s: Situation) -> bool:
    """Whether no equipment is left at the person's home: it was collected, or never came (A5)."""
    return s.evidence.collected is not None or not (s.evidence.installed or s.evidence.booked)


def nowhere_to_note(s: Situation) -> bool:
    """Whether the execution ended before A5 and the person has no other: then A5 can't be noted, and must be asked
    about (LA7)."""
    return s.mandate.over and not s.evidence.executing and not camera_is_down(s)


def _end_reason(s: Situation) -> str:
    if s.facts.client.value.deceased:
        return "deceased"
    if s.evidence.withdrawn:
        return "consent_withdrawn"
    return s.mandate.over_by or "decision_ended"


def _earlier(a: date | None, b: date | None) -> date | None:
    return min((d for d in (a, b) if d), default=None)


def later(a: date | None, b: date | None) -> bool:
    """Whether ``a`` is later than ``b``, None being an open end."""
    return b is not None and (a is None or a > b)


def boundaries(s: Situation) -> list[datetime]:
    """Instants (UTC) at which time alone changes what supervision is called for."""
    at: list[datetime] = []
    spans = [(p.first, p.last) for p in s.mandate.run] + [(e.first_day, e.last_day) for e in s.mandate.executions]
    ahead = timedelta(days=s.policy.schedule_ahead_days)
    at += [day_start(p.first - ahead, s.policy.zone) for p in s.mandate.run if p.first > s.today]
    for first, last in spans:
        at += [day_start(first, s.policy.zone)] if first else []
        at += [day_end(last, s.policy.zone)] if last else []
    at += [day_start(s.mandate.next_first, s.policy.zone)] if s.mandate.next_first else []
    if s.evidence.agreed.change:
        at.append(day_start(s.evidence.agreed.change, s.policy.zone))
    for absence in standing_absences(s.facts):
        at += [t for t in absence_bounds(absence, s.policy) if t]
    return at
