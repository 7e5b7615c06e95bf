"""Which messages the case calls for: each tells a unit something new or asks something of it, once.

What a reader was last told stands in the ledger; a message is wanted where that differs from what is true now. Its
key counts what was told before on the same topic, so that nothing is told twice and a later change is told again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from adapter.domain.calendar import after_quiet_hours
from adapter.domain.facts import Signal
from adapter.domain.ledger import SCHEDULE_KINDS, Act, ActKind, ScheduleStatus, Wanted, What
from adapter.domain.looks import LocalLook, first_look, last_look
from adapter.domain.routine import ASSIGNMENT_IN, ASSIGNMENT_OUT, Letter
from adapter.domain.schedule import Situation, camera_is_down, pause_causes

COORDINATOR, ALARM_TEAM, AUTHORITY, PLAN = "coordinator", "alarm_team", "authority", "plan"

_STRENGTH = {Letter.CANCEL: 0, Letter.CANCEL_OR_FETCH: 1, Letter.COLLECT: 2}

TOLD_PAUSES = {
    "order_gone": (COORDINATOR, AUTHORITY),
    "decision_gone": (COORDINATOR, AUTHORITY),
    "will_not_be_executed": (COORDINATOR, AUTHORITY),
    "execution_gone": (COORDINATOR, AUTHORITY),
    "execution_over": (COORDINATOR, AUTHORITY),
    "equipment_collected": (COORDINATOR,),
    "not_executed": (COORDINATOR,),
    "evidence_lost": (COORDINATOR,),
}
"""Causes of a pause that are told in the common letter, and to whom. Death and a withdrawn consent have letters of
their own; an absence and days between two decisions surprise nobody."""


class Told:
    """What each reader was last told, folded from the ledger."""

    def __init__(self, acts: Iterable[Act]) -> None:
        self.letters = [a for a in acts if a.kind is ActKind.MESSAGE and a.counts]

    def last(self, to: str, *letters: Letter) -> Act | None:
        return next(
            (a for a in reversed(self.letters) if a.what["to"] == to and (not letters or a.what["letter"] in letters)),
            None,
        )

    def topic(self, topic: str) -> Act | None:
        return next((a for a in reversed(self.letters) if a.key.startswith(f"{topic}:")), None)

    def count(self, topic: str) -> int:
        return sum(1 for a in self.letters if a.key.startswith(f"{topic}:"))

    def dates(self, to: str, *letters: Letter) -> tuple[bool, str | None]:
        """Whether the reader was told a last day at all, and which (None is an open end)."""
        act = self.last(to, *letters)
        return (act is not None, str(act.what["last_day"]) if act and act.what.get("last_day") else None)

    def values(self, to: str, letters: tuple[Letter, ...], name: str) -> set[str]:
        """Everything told under a JSON list's name in these letters."""
        found: set[str] = set()
        for act in self.letters:
            if act.what["to"] == to and act.what["letter"] in letters:
                found |= set(json.loads(str(act.what.get(name) or "[]")))
        return found


class Writer:
    """Collects the letters wanted."""

    def __init__(self, s: Situation) -> None:
        self.s = s
        self.told = Told(s.ledger.acts)
        self.letters: list[Wanted] = []
        period = s.mandate.at_or_after(s.today)
        self.unit = period.unit_id if period else self._last_unit()
        self.execution = self._execution()
        self.last_day = s.mandate.last_day.isoformat() if s.mandate.last_day else None

    def _last_unit(self) -> int | None:
        act = self.told.last(COORDINATOR)
        unit = act.what.get("unit") if act else None
        return unit if isinstance(unit, int) else None

    def _execution(self) -> int | None:
        """Where the letter stands: the case's execution, while it is there to be written on."""
        period = self.s.mandate.at_or_after(self.s.today)
        candidates = ([period.execution] if period and period.execution else []) + list(self.s.mandate.executions)
        return next((e.id for e in candidates if e.current(self.s.today)), None)

    def topical(self, topic: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter that tells the present state of a topic, in place of what was told before."""
        self._add(f"{topic}:{self.told.count(topic)}", letter, to, fields)

    def once(self, key: str, letter: Letter, to: str, **fields: str | int | bool | None) -> None:
        """A letter about one event, told once for ever."""
        if not any(a.key == key for a in self.told.letters):
            self._add(key, letter, to, fields)

    def _add(self, key: str, letter: Letter, to: str, fields: What) -> None:
        what: What = {"letter": letter.value, "to": to, "unit": self.unit, "execution": self.execution, **fields}
        held = after_quiet_hours(self.s.now, self.s.policy)
        self.letters.append(Wanted(key, ActKind.MESSAGE, what, why=letter.value, not_before=held))


def letters(s: Situation) -> tuple[Wanted, ...]:
    """All letters that are wanted and haven't been sent, in the order in which they should go out."""
    w = Writer(s)
    dead = s.facts.client.value.deceased
    if not s.mandate.over and not dead:
        _orders(w)
        _assignment_in(w)
        _times(w)
        _dates(w)
        _deviations(w)
    _plan(w)
    _events(w)
    _pauses(w)
    if s.mandate.over:
        _assignment_out(w)
        _ready_to_close(w)
    return tuple(w.letters)


def _orders(w: Writer) -> None:
    """I2, and what continues it: a renewal, a move to another unit."""
    s = w.s
    if not s.mandate.run or (s.ledger.adopted and not w.told.last(COORDINATOR)):
        return
    period = s.mandate.at_or_after(s.today)
    known = w.told.values(COORDINATOR, (Letter.RECEIVED, Letter.RENEWED), "orders")
    orders = [p.order_id for p in s.mandate.run]
    granted = period.granted.per_night if period and period.granted else None
    first = min(p.first for p in s.mandate.run).isoformat()
    dates: What = {"first_day": first, "last_day": w.last_day, "orders": json.dumps(sorted(set(orders)))}
    if not w.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED):
        asks = "times" if s.evidence.times is None else "execute"
        executed = bool(period and period.executed)
        w.topical(
            "received",
            Letter.RECEIVED,
            COORDINATOR,
            granted=granted,
            keys=s.evidence.keys,
            asks=asks,
            executed=executed,
            **dates,
        )
    elif new := [p for p in s.mandate.run if p.order_id not in known]:
        fresh = new[-1]
        own: What = {**dates, "first_day": fresh.first.isoformat()}
        w.topical("received", Letter.RENEWED, COORDINATOR, executed=fresh.executed, granted=granted, **own)
    else:
        before = w._last_unit()
        if before is not None and w.unit is not None and before != w.unit:
            times = json.dumps(s.evidence.times.to_json()) if s.evidence.times else None
            w.topical("moved", Letter.MOVED, COORDINATOR, last_day=w.last_day, times=times)


def _assignment_in(w: Writer) -> None:
    """I3: install; and once it was called off, whether it is wanted again."""
    s = w.s
    if not s.mandate.run or s.evidence.collected:
        return
    last = w.told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    fields: What = {
        "keys": s.evidence.keys,
        "first_day": min(p.first for p in s.mandate.run).isoformat(),
        "last_day": w.last_day,
    }
    if last is None or last.what["letter"] == Letter.CANCEL:
        if not (s.ledger.adopted and last is None):
            w.topical("assignment", Letter.INSTALL, ALARM_TEAM, **fields)
    elif last.what["letter"] in ASSIGNMENT_OUT:
        w.topical("assignment", Letter.STAY, ALARM_TEAM, **fields)
    elif not s.evidence.installed:
        told = w.told.last(ALARM_TEAM, Letter.INSTALL, Letter.STAY, Letter.KEYS)
        if told and told.what["keys"] != s.evidence.keys and "needed" in (told.what["keys"], s.evidence.keys):
            w.topical("keys", Letter.KEYS, ALARM_TEAM, keys=s.evidence.keys)


def _times(w: Writer) -> None:
    """I7: number and times per night for bilaga 1, and every change of them; or why they can't be used."""
    s = w.s
    note = s.evidence.refused_note
    if s.evidence.times_problem and note:
        problem = s.evidence.times_problem
        params = json.dumps(dict(problem.params), ensure_ascii=False, sort_keys=True)
        key = f"times_refused:{note.id}:{problem.code}"
        w.once(key, Letter.TIMES_REFUSED, COORDINATOR, code=problem.code, params=params, running=s.live is not None)
        return
    if s.evidence.times is None or not s.mandate.run:
        return
    text = json.dumps(s.evidence.times.to_json())
    told = w.told.last(ALARM_TEAM, Letter.TIMES, Letter.TIMES_CHANGED)
    if told is None:
        if not s.ledger.adopted:
            w.topical("times", Letter.TIMES, ALARM_TEAM, times=text, per_night=s.evidence.times.max_per_night)
    elif told.what["times"] != text:
        w.topical("times", Letter.TIMES_CHANGED, ALARM_TEAM, times=text, per_night=s.evidence.times.max_per_night)


def _dates(w: Writer) -> None:
    """A last day that was moved, set or taken away, to those who were told another one."""
    if not w.s.mandate.run:
        return
    told_in = {
        COORDINATOR: (Letter.RECEIVED, Letter.RENEWED, Letter.MOVED, Letter.DATES_CHANGED),
        ALARM_TEAM: (Letter.INSTALL, Letter.STAY, Letter.DATES_CHANGED),
    }
    for to, kinds in told_in.items():
        told, last_day = w.told.dates(to, *kinds)
        about_to_tell = any(x.what["to"] == to and x.what["letter"] in kinds for x in w.letters)
        if told and not about_to_tell and last_day != w.last_day:
            w.topical(f"dates:{to}", Letter.DATES_CHANGED, to, old_last_day=last_day, last_day=w.last_day)


def deviations(s: Situation) -> list[tuple[str, str, datetime, str]]:
    """What isn't as the routine has it: (code, id of what shows it, since when, detail). Each has its grace."""
    found: list[tuple[str, str, datetime, str]] = []
    period = s.mandate.at_or_after(s.today)
    papers = [n for n in (s.evidence.consent, s.evidence.liability, s.evidence.ready) if n]
    if papers and period is not None and not period.executed and period.first <= s.today and not s.live:
        shown = min(papers, key=lambda n: (n.at, n.id))
        found.append(("not_executed", period.order_id, shown.at, shown.signal.value))
    ready, missing = s.evidence.ready, s.evidence.papers_missing
    if ready and missing and not s.evidence.withdrawn and not s.live:
        found.append(("no_consent", ready.id, ready.at, missing))
    return found


def _deviations(w: Writer) -> None:
    for code, shown_by, at, detail in deviations(w.s):
        if w.s.now < at + w.s.policy.deviation_grace:
            continue
        if code == "not_executed":
            w.once(f"not_executed:{shown_by}", Letter.NOT_EXECUTED, COORDINATOR, signal=detail)
        else:
            w.once(f"no_consent:{shown_by}", Letter.NO_CONSENT, COORDINATOR, missing=detail)


def _plan(w: Writer) -> None:
    """I12: the times that hold, with the first and last look; and, once they don't, that they don't."""
    s, live = w.s, w.s.live
    last = w.told.last(PLAN, Letter.PLAN, Letter.PLAN_VOID)
    if live and live.times and not s.mandate.over and not s.ledger.uncertain(SCHEDULE_KINDS):
        window = s.policy.window
        first = first_look(live.times, window, live.valid_from, live.valid_to)
        final = last_look(live.times, window, live.valid_from, live.valid_to)
        fields: What = {
            "times": json.dumps(live.times.to_json()),
            "first_look": _when(first),
            "last_look": _when(final),
        }
        if last is None or last.what["letter"] == Letter.PLAN_VOID or any(last.what[k] != v for k, v in fields.items()):
            w.topical("plan", Letter.PLAN, PLAN, **fields)
    elif last is not None and last.what["letter"] == Letter.PLAN and (s.mandate.over or live is None):
        w.topical("plan", Letter.PLAN_VOID, PLAN, reason=s.mandate.over_by or "ended")


def _when(look: LocalLook | None) -> str | None:
    return f"{look.day.isoformat()}T{look.at:%H:%M}" if look else None


def _events(w: Writer) -> None:
    """What is told once when it happens: an end heard (A0), a withdrawn consent, a death, a deregistration."""
    s, client = w.s, w.s.facts.client.value
    heard = s.evidence.newest.get(Signal.END_HEARD)
    if heard and not s.mandate.over:
        w.once(f"end_heard:{heard.id}", Letter.END_HEARD, AUTHORITY)
    scheduled = s.live is not None
    if s.evidence.withdrawn and not s.mandate.over:
        for to in (AUTHORITY, COORDINATOR):
            key = f"consent_withdrawn:{s.evidence.withdrawn.id}:{to}"
            w.once(key, Letter.CONSENT_WITHDRAWN, to, scheduled=scheduled)
    if client.deceased and not s.mandate.over:
        for to in (COORDINATOR, ALARM_TEAM):
            if w.told.last(to):
                w.once(f"deceased:{to}", Letter.DECEASED, to, scheduled=scheduled)
    elif not client.deceased and not s.mandate.over and (client.deregistered or not client.active):
        reason = client.deregistered or "inactive"
        w.once(f"deregistered:{reason}", Letter.DEREGISTERED, COORDINATOR, reason=reason)


def _pauses(w: Writer) -> None:
    """Each pause that a unit must know of, and its end, once per time that it happens."""
    s = w.s
    causes = set(pause_causes(s)) if s.live and not s.mandate.over else set()
    for cause, readers in TOLD_PAUSES.items():
        for to in readers:
            topic = f"pause:{cause}:{to}"
            last = w.told.topic(topic)
            paused = last is not None and last.what["letter"] == Letter.PAUSED
            if cause in causes and not paused:
                w.topical(topic, Letter.PAUSED, to, cause=cause)
            elif paused and cause not in causes and s.live and s.live.status is ScheduleStatus.OPEN:
                w.topical(topic, Letter.RESUMED, to, cause=cause)


def _assignment_out(w: Writer) -> None:
    """A3: what was asked of the alarm team is undone exactly as far as it got."""
    s = w.s
    last = w.told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    if last is None:
        return
    keys_back = Signal.KEYS_COLLECTED in s.evidence.newest
    wanted = Letter.COLLECT if s.evidence.installed else Letter.CANCEL_OR_FETCH if s.evidence.booked else Letter.CANCEL
    if s.evidence.collected:
        wanted = Letter.CANCEL
    told = Letter(str(last.what["letter"]))
    if told in ASSIGNMENT_OUT:
        if _STRENGTH[told] >= _STRENGTH[wanted] and (last.what["keys_back"] or not keys_back):
            return
        wanted = max(told, wanted, key=_STRENGTH.__getitem__)
    elif s.evidence.collected and not keys_back:
        return
    common: What = {"reason": s.mandate.over_by, "deceased": s.facts.client.value.deceased}
    w.topical("assignment", wanted, ALARM_TEAM, keys_back=keys_back, last_day=w.last_day, **common)


def everything_undone(s: Situation) -> bool:
    """Whether nothing is left to do but to close the case: A2 done, A3 told, A5 seen or not needed."""
    told = Told(s.ledger.acts)
    last = told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    alarm_told = last is None or last.what["letter"] in ASSIGNMENT_OUT or s.evidence.collected is not None
    plan = told.last(PLAN, Letter.PLAN, Letter.PLAN_VOID)
    plan_void = plan is None or plan.what["letter"] == Letter.PLAN_VOID
    ended = s.live is None and not s.ledger.uncertain(SCHEDULE_KINDS)
    return s.mandate.over and ended and alarm_told and plan_void and camera_is_down(s)


def executions_open(s: Situation) -> bool:
    """Whether an execution of the case still runs in the case system, past today (A6)."""
    return any(e.current(s.today) and e.last_day != s.today for e in s.mandate.executions)


def _ready_to_close(w: Writer) -> None:
    """A6: the counterpart of I2. Wanted again if the case went on after it was told."""
    s = w.s
    last = w.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED, Letter.READY_TO_CLOSE)
    if last is None or last.what["letter"] == Letter.READY_TO_CLOSE or not everything_undone(s):
        return
    executed = executions_open(s)
    w.topical(
        "closing", Letter.READY_TO_CLOSE, COORDINATOR, reason=s.mandate.over_by, last_day=w.last_day, executed=executed
    )
