"""Which messages the case calls for. Each tells a unit something new, or asks something of it, once.

The ledger has what each reader was last told. A message is wanted if that differs from what is true now. Its key counts
the earlier messages on the same topic, so nothing is told twice, and a later change is told again.
"""

import json
from datetime import datetime, timedelta

from adapter.domain.already_told import ALARM_TEAM, AUTHORITY, COORDINATOR, PLAN
from adapter.domain.by_hand import tell_by_hand
from adapter.domain.deviations import tell_deviations
from adapter.domain.facts import Note, Signal
from adapter.domain.ledger import SCHEDULE_KINDS, ActKind, What
from adapter.domain.nights import check_granted
from adapter.domain.pauses import pauses, told_causes
from adapter.domain.routine import ASSIGNMENT_IN, ASSIGNMENT_OUT, Letter
from adapter.domain.schedule import camera_is_down, may_look
from adapter.domain.situation import Situation
from adapter.domain.wall_clock import last_look, local_date, next_look
from adapter.domain.wanted_messages import WantedMessages

_A_WEEK = timedelta(days=7)
_SAME_NEWS = timedelta(days=1)
"""An end that is noted again within a day of being told is no news."""
_STRENGTH = {Letter.CANCEL: 0, Letter.CANCEL_OR_FETCH: 1, Letter.COLLECT: 2}

_BY_DATE = frozenset({"not_begun", "dates_contradict", "no_decision"})
"""Causes of a pause during which the plan's times don't hold."""


def tell(w: WantedMessages) -> None:
    """All letters that are wanted and haven't been sent, in the order in which they should go out. After a death
    nothing is asked that the person would have to answer."""
    s = w.s
    pauses(w)
    tell_by_hand(w)
    if not s.mandate.over and not s.facts.client.value.deceased:
        _orders(w)
        _assignment_in(w)
        _times(w)
        _fewer(w)
        _dates(w)
        tell_deviations(w)
    if not s.mandate.over and s.facts.client.value.deceased:
        _for_the_dead(w)
    _plan(w)
    _started(w)
    _events(w)
    for key, note in untold_declarations(s):
        day = local_date(note.at, s.policy.zone).isoformat()
        w.once(key, Letter.DECLARED, COORDINATOR, signal=note.signal.value, when=day, who=note.by)
    if s.mandate.over:
        _assignment_out(w)
        _ready_to_close(w)


def _orders(w: WantedMessages) -> None:
    """I2, and what follows it: a renewal, or a move to another unit."""
    s = w.s
    if not s.mandate.run:
        return
    period = s.period
    grant = s.mandate.granted(s.today)
    granted = grant.per_night if grant else None
    common: What = {
        "last_day": w.last_day,
        "granted": granted,
        "orders": json.dumps(sorted({p.order_id for p in s.mandate.run})),
    }
    known, before = s.told.of_orders, s.told.unit
    if not w.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED):
        asks = "times" if s.evidence.agreed.times is None else None
        executed = bool(period and period.executed)
        own: What = {"first_day": w.first_day, "keys": s.evidence.keys, "asks": asks, "executed": executed}
        w.topical("received", Letter.RECEIVED, COORDINATOR, **own, **common)
    elif new := [p for p in s.mandate.run if p.order_id not in known]:
        own = {"first_day": new[-1].first.isoformat(), "executed": new[-1].executed, "installed": _is_up(s)}
        w.topical("received", Letter.RENEWED, COORDINATOR, **own, **common)
    elif before is not None and w.unit is not None and before != w.unit:
        times = s.evidence.agreed.times.to_text() if s.evidence.agreed.times else None
        running = s.live is not None
        w.topical("moved", Letter.MOVED, COORDINATOR, last_day=w.last_day, times=times, running=running)


def _is_up(s: Situation) -> bool:
    """Whether the notes say that the camera is in place. A signed paper is not enough: it may be from the planning
    visit."""
    return s.ledger.ever_scheduled or s.evidence.ready is not None


def _for_the_dead(w: WantedMessages) -> None:
    """An order for somebody who is already dead is told. Nothing of the routine is asked for."""
    if not w.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED, Letter.DECEASED):
        for order in sorted({p.order_id for p in w.s.mandate.run}):
            w.once(f"order_for_dead:{order}", Letter.ORDER_FOR_DECEASED, COORDINATOR)


def _assignment_in(w: WantedMessages) -> None:
    """I3: install. After it was called off: it is wanted again."""
    s = w.s
    if not s.mandate.run:
        return
    last = w.told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    fields: What = {"keys": s.evidence.keys, "first_day": w.first_day, "last_day": w.last_day}
    if last is None or last.what["letter"] == Letter.CANCEL:
        gates = ",".join(sorted(s.policy.gates)) or None
        w.topical("assignment", Letter.INSTALL, ALARM_TEAM, gates=gates, **fields)
    elif last.what["letter"] in ASSIGNMENT_OUT:
        w.topical("assignment", Letter.STAY, ALARM_TEAM, **fields)
    elif not _is_up(s):
        told = w.told.last(ALARM_TEAM, Letter.INSTALL, Letter.STAY, Letter.KEYS)
        if told and told.what["keys"] != s.evidence.keys and "needed" in (told.what["keys"], s.evidence.keys):
            w.topical("keys", Letter.KEYS, ALARM_TEAM, keys=s.evidence.keys, running=False)
    elif s.live and s.evidence.keys == "needed" and Signal.KEYS_COLLECTED not in s.evidence.newest:
        for to in (COORDINATOR, ALARM_TEAM):
            told = w.told.last(to, Letter.RECEIVED, Letter.INSTALL, Letter.STAY, Letter.KEYS)
            if told and told.what["keys"] != "needed":
                w.topical(f"keys_{to}", Letter.KEYS, to, keys="needed", running=True)


def _times(w: WantedMessages) -> None:
    """I7: number and times per night for bilaga 1, and each change of them. Or why the times can't be used."""
    s = w.s
    note = s.evidence.agreed.refused
    if s.evidence.agreed.problem and note:
        problem = s.evidence.agreed.problem
        params = json.dumps(dict(problem.params), ensure_ascii=False, sort_keys=True)
        key = f"times_refused:{note.id}:{problem.code}"
        w.once(key, Letter.TIMES_REFUSED, COORDINATOR, code=problem.code, params=params, running=s.live is not None)
        return
    if s.evidence.agreed.times is None or not s.mandate.run:
        return
    text = s.evidence.agreed.times.to_text()
    told = w.told.last(ALARM_TEAM, Letter.TIMES, Letter.TIMES_CHANGED)
    fields: What = {"times": text, "per_night": s.evidence.agreed.times.max_per_night}
    if told is None:
        w.topical("times", Letter.TIMES, ALARM_TEAM, **fields)
    elif told.what["times"] != text:
        w.settled("times", Letter.TIMES_CHANGED, ALARM_TEAM, installed=_is_up(s), **fields)


def _fewer(w: WantedMessages) -> None:
    """A coming day, at most a week ahead, from which fewer looks are granted than there are times for."""
    s = w.s
    for day in s.mandate.turns(s.today):
        period, grant = s.mandate.in_force(day), s.mandate.granted(day)
        if period is None or grant is None or not grant.per_night or day > s.today + _A_WEEK:
            continue
        if s.evidence.agreed.times and check_granted(s.evidence.agreed.times, grant):
            found: What = {"granted": grant.per_night, "found": s.evidence.agreed.times.max_per_night}
            key = f"fewer:{period.order_id}:{grant.per_night}"
            w.once(key, Letter.FEWER_GRANTED, COORDINATOR, when=day.isoformat(), **found)


def _dates(w: WantedMessages) -> None:
    """A first day (before the start) or a last day that isn't the one that a reader was told."""
    s = w.s
    if not s.mandate.run:
        return
    firsts = (Letter.RECEIVED, Letter.INSTALL, Letter.STAY, Letter.DATES_CHANGED)
    for to in (COORDINATOR, ALARM_TEAM):
        last, first = w.told.last(to, *firsts, Letter.RENEWED, Letter.MOVED), w.told.last(to, *firsts)
        about_to_tell = any(x.what["to"] == to and "last_day" in x.what for x in w.wanted)
        if last is None or about_to_tell:
            continue
        ahead = s.live is not None and s.live.valid_from > s.today
        began = first.what.get("first_day") if first and (ahead or not s.ledger.ever_scheduled) else w.first_day
        if (began, last.what["last_day"]) != (w.first_day, w.last_day):
            old: What = {"old_first_day": began, "old_last_day": last.what["last_day"]}
            new: What = {"first_day": w.first_day, "last_day": w.last_day}
            w.settled(f"dates:{to}", Letter.DATES_CHANGED, to, **old, **new)


def _plan(w: WantedMessages) -> None:
    """I12: the times that hold, with their first and last look. Or that they hold no more."""
    s, live = w.s, w.s.live
    last = w.told.last(PLAN, Letter.PLAN, Letter.PLAN_VOID)
    stands = last is not None and last.what["letter"] == Letter.PLAN
    if live and live.times and not s.mandate.over and not s.ledger.uncertain(SCHEDULE_KINDS):
        window, zone = s.policy.window, s.policy.zone
        final = last_look(live.times, window, live.valid_from, live.valid_to, zone)
        fields: What = {
            "times": live.times.to_text(),
            "valid_from": live.valid_from.isoformat(),
            "last_look": _when(final),
            "rests": next((c for c in told_causes(s) if c in _BY_DATE), None),
        }
        if last is None or not stands or any(last.what.get(k) != v for k, v in fields.items()):
            first = next_look(live.times, window, live.valid_from, live.valid_to, zone, s.now)
            write = w.settled if stands else w.topical
            write("plan", Letter.PLAN, PLAN, first_look=_when(first) if may_look(s) else None, **fields)
    elif stands and live is None:
        w.topical("plan", Letter.PLAN_VOID, PLAN, reason=s.mandate.over_by or "ended")


def _started(w: WantedMessages) -> None:
    """I11: that e-tillsyn is scheduled, and from when. Once for each schedule that we made ourselves."""
    s, live = w.s, w.s.live
    if live is None or live.times is None or not may_look(s):
        return
    ours = any(a.what["n"] == live.n and "valid_from" in a.what for a in s.ledger.counting(ActKind.CREATE))
    topic = f"started:{live.n}"
    if not ours:
        return
    first = next_look(live.times, s.policy.window, live.valid_from, live.valid_to, s.policy.zone, s.now)
    fields: What = {"times": live.times.to_text(), "first_look": _when(first)}
    if not w.told.topic(topic):
        w.urgent(topic, Letter.STARTED, COORDINATOR, fields)
    if not w.told.topic(f"night_{topic}"):
        w.night(f"night_{topic}", "night_started", fields)


def _when(look: datetime | None) -> str | None:
    return f"{look:%Y-%m-%dT%H:%M}" if look else None


def _events(w: WantedMessages) -> None:
    """What is told once when it happens: an end heard (A0), a deregistration."""
    s, client = w.s, w.s.facts.client.value
    if s.mandate.over:
        return
    if s.facts.renumbered:
        w.once(f"renumbered:{s.facts.renumbered}", Letter.RENUMBERED, COORDINATOR)
    heard, told = s.evidence.newest.get(Signal.END_HEARD), w.told.topic("end_heard")
    if heard and (told is None or heard.at > datetime.fromisoformat(str(told.what["at"])) + _SAME_NEWS):
        w.topical("end_heard", Letter.END_HEARD, AUTHORITY, at=heard.at.isoformat(), deceased=client.deceased)
    if not client.deceased and (client.deregistered or not client.active):
        reason = client.deregistered or "inactive"
        w.once(f"deregistered:{reason}", Letter.DEREGISTERED, COORDINATOR, reason=reason)


def untold_declarations(s: Situation) -> list[tuple[str, Note]]:
    """Steps that were declared by hand and not yet told to the coordinator, each with its letter's key. What an adopted
    case was taken over with is older than the case, and isn't told."""
    told = {a.key for a in s.told.letters}
    declared = [n for n in s.facts.notes.value if n.by is not None and n.at >= s.ledger.opened_at]
    keyed = [(f"declared:{note.signal.value}:{note.at.isoformat()}", note) for note in declared]
    return [(key, note) for key, note in keyed if key not in told]


def _assignment_out(w: WantedMessages) -> None:
    """A3: what was asked of the alarm team is undone, exactly as far as it got."""
    s = w.s
    last = w.told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    if last is None:
        return
    keys_back = Signal.KEYS_COLLECTED in s.evidence.newest
    wanted = Letter.COLLECT if s.evidence.installed else Letter.CANCEL_OR_FETCH if s.evidence.booked else Letter.CANCEL
    if s.evidence.collected:
        wanted = Letter.CANCEL
    told, deceased = Letter(str(last.what["letter"])), s.facts.client.value.deceased
    if told in ASSIGNMENT_OUT:
        anew = last.what["deceased"] != deceased and not camera_is_down(s)
        if _STRENGTH[told] >= _STRENGTH[wanted] and (last.what["keys_back"] or not keys_back) and not anew:
            return
        wanted = max(told, wanted, key=_STRENGTH.__getitem__)
    elif s.evidence.collected and not keys_back:
        return
    common: What = {"reason": s.mandate.over_by, "deceased": deceased}
    if wanted is Letter.CANCEL:
        common = {**common, "collected": s.evidence.collected is not None}
    w.topical("assignment", wanted, ALARM_TEAM, keys_back=keys_back, last_day=w.last_day, **common)


def everything_undone(s: Situation) -> bool:
    """Whether nothing is left to do but to close the case: A2 done, A3 told, A5 seen or not needed."""
    told = s.told
    last = told.last(ALARM_TEAM, *ASSIGNMENT_IN, *ASSIGNMENT_OUT)
    alarm_told = last is None or last.what["letter"] in ASSIGNMENT_OUT or s.evidence.collected is not None
    plan = told.last(PLAN, Letter.PLAN, Letter.PLAN_VOID)
    plan_void = plan is None or plan.what["letter"] == Letter.PLAN_VOID
    ended = s.live is None and not s.ledger.uncertain(SCHEDULE_KINDS)
    return s.mandate.over and ended and alarm_told and plan_void and camera_is_down(s)


def executions_open(s: Situation) -> bool:
    """Whether an execution of the case still runs in the case system, past today (A6)."""
    return any(e.current(s.today) and e.last_day != s.today for e in s.mandate.executions)


def _ready_to_close(w: WantedMessages) -> None:
    """A6: the counterpart of I2. Wanted again if the case went on after it was sent."""
    s = w.s
    last = w.told.last(COORDINATOR, Letter.RECEIVED, Letter.RENEWED, Letter.READY_TO_CLOSE)
    if last is None or last.what["letter"] == Letter.READY_TO_CLOSE or not everything_undone(s):
        return
    executed = executions_open(s)
    w.topical(
        "closing",
        Letter.READY_TO_CLOSE,
        COORDINATOR,
        reason=s.mandate.over_by,
        last_day=w.last_day,
        executed=executed,
        scheduled=s.ledger.ever_scheduled,
        assigned=w.told.last(ALARM_TEAM, *ASSIGNMENT_IN) is not None,
    )
