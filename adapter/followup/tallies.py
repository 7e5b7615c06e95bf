"""What is counted: pure functions that turn what happened into numbers by day, unit and kind.

A tally names no person: it says how many of something there were on a day in a unit. Waits and pauses are counted by
their length, so that a median can be calculated after all personal data is purged. The engine stores tallies in the
transaction of the event that they count.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from adapter.domain.decision import Decision, StepState, StepView
from adapter.domain.ledger import Act, ActKind, ActState, Look, LookOutcome, ScheduleRecord, ScheduleStatus
from adapter.domain.night_watch import night_of
from adapter.domain.nights import NightWindow
from adapter.domain.routine import STEPS
from adapter.domain.wall_clock import at_wall_clock, day_end, day_start, local_date, window_start

NO_UNIT = 0
"""The unit's number if the unit isn't known."""

ALL = -1
"""The unit's number for all units together, and for what belongs to no unit."""


class Tally(NamedTuple):
    """``number`` of ``what`` on a local calendar ``day`` in a ``unit``. ``value`` is a length: days for ``lead``, hours
    for ``step.*`` and ``pause.*``, minutes for ``told``, milliseconds for ``call.*``, otherwise 0."""

    day: date
    unit: int
    what: str
    value: int = 0
    number: int = 1


def of_act(act: Act, at: datetime, unit: int | None, zone: tzinfo) -> list[Tally]:
    """The tallies of an act that was done ``at`` (UTC). A recount from the ledger gives the same."""
    whose = act.what.get("unit") if unit is None else unit
    day = local_date(at, zone)
    return [Tally(day, int(whose or NO_UNIT), what, value) for what, value in _counted_as(act)]


_COUNTED_AS = {
    ActKind.MESSAGE: "message.{letter}",
    ActKind.MAIL: "mail.{mail}",
    ActKind.CREATE: "started",
    ActKind.PAUSE: "paused.{reason}",
    ActKind.RESUME: "resumed",
    ActKind.END: "ended.{reason}",
}


def _counted_as(act: Act) -> list[tuple[str, int]]:
    """What an act counts as, with the value of each. A reminder's key has the step, the day and the number of the
    reminder: ``late:I4:2026-03-02:1``."""
    if act.kind not in _COUNTED_AS:
        return []
    named = {"letter": None, "mail": None, "reason": None, **act.what}
    found, parts = [(_COUNTED_AS[act.kind].format_map(named), 0)], act.key.split(":")
    if act.kind is ActKind.MAIL and parts[0] == "late":
        found.append((f"reminded.{parts[1]}", int(parts[3])))
    if act.kind is ActKind.MAIL and parts[0] == "absence":
        found.append(("reminded.absence", 1))
    return found


def lengths_of_act(
    act: Act, at: datetime, unit: int | None, zone: tzinfo, earlier: Iterable[Act], decided: date | None
) -> list[Tally]:
    """The lengths that ended when this act was done ``at`` (UTC): from the decision's day to the start; of a pause, by
    its cause; from a look that wasn't done until somebody was told. ``earlier`` are the case's acts."""
    day, whose = local_date(at, zone), int(unit or act.what.get("unit") or NO_UNIT)
    found: list[Tally] = []
    if act.kind is ActKind.CREATE and decided is not None:
        found.append(Tally(day, whose, "lead", max((day - decided).days, 0)))
    if act.kind in (ActKind.RESUME, ActKind.END) and (pause := _open_pause(earlier, act)) and pause.done_at:
        found.append(Tally(day, whose, f"pause.{pause.what.get('reason')}", _hours(at - pause.done_at)))
    delays = [max(int((at - due) / timedelta(minutes=1)), 0) for due in _looks_told(act, zone)]
    return found + [Tally(day, whose, "told", minutes) for minutes in delays]


def _looks_told(act: Act, zone: tzinfo) -> list[datetime]:
    """The due times (UTC) of the looks that a mail tells as not done: one, or all of an outage together."""
    match act.what.get("mail"):
        case "look_missed":
            return [datetime.strptime(act.key.split(":")[2], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)]
        case "looks_late":
            due = [datetime.fromisoformat(at) for at, _ in json.loads(str(act.what["looks"]))]
            return [at_wall_clock(at.date(), at.time(), zone) for at in due]
    return []


def _open_pause(acts: Iterable[Act], until: Act) -> Act | None:
    """The pause of the same schedule that lasted until then."""
    kinds = (ActKind.PAUSE, ActKind.RESUME)
    n = until.what.get("n")
    done = [a for a in acts if a.kind in kinds and a.state is ActState.DONE and a.what.get("n") == n and a.n != until.n]
    last = max(done, key=lambda a: (a.done_at or a.created_at, a.n), default=None)
    return last if last and last.kind is ActKind.PAUSE else None


def of_schedule(
    before: ScheduleRecord | None, after: ScheduleRecord | None, day: date, unit: int | None, *, ours: bool
) -> list[Tally]:
    """A change in the number of active e-tillsyn (``active``), and what somebody else than the adapter did to a
    schedule."""
    was, is_ = _status(before), _status(after)
    found = [Tally(day, unit or NO_UNIT, "active", 0, _live(is_) - _live(was))] if _live(is_) != _live(was) else []
    if not ours and was is not is_ and is_ is not None:
        found.append(Tally(day, unit or NO_UNIT, f"elsewhere.{is_.value}"))
    return found


def _status(record: ScheduleRecord | None) -> ScheduleStatus | None:
    return record.status if record else None


def _live(status: ScheduleStatus | None) -> bool:
    return status in (ScheduleStatus.OPEN, ScheduleStatus.PAUSED)


SETTLES = timedelta(minutes=30)
"""So long after a night began, the pauses and resumptions for absences that begin or end with it are carried out."""


def of_decision(
    before: Decision | None, after: Decision, since: datetime | None, now: datetime, window: NightWindow, zone: tzinfo
) -> list[Tally]:
    """The tallies of a case between the decision ``before`` (made at ``since``) and the one ``after`` (instants UTC):
    the steps that are done now; an order withdrawn before the start; the nights that began while the person was granted
    supervision and had none."""
    unit, today = after.unit or NO_UNIT, local_date(now, zone)
    was, is_ = ({v.id: v for v in d.steps} if d else {} for d in (before, after))
    found = [
        Tally(today, unit, f"step.{view.id}", _hours(_done_at(view) - _awaited(view, was, is_, since, zone)))
        for view in after.steps
        if view.state is StepState.DONE and view.at and (not _done(was, view.id) or _by_another_act(was[view.id], view))
    ]
    if _done(is_, "A1") and not _done(was, "A1") and not _done(is_, "I11"):
        found.append(Tally(today, unit, "withdrawn"))
    if before and before.unwatched and since:
        evening = local_date(since, zone)
        while (settled := window_start(evening, window, zone) + SETTLES) <= now:
            if settled > since:
                found.append(Tally(evening, before.unit or NO_UNIT, f"unwatched.{before.unwatched.cause}"))
            evening += timedelta(days=1)
    return found


def _done(steps: Mapping[str, StepView], step: str) -> bool:
    return step in steps and steps[step].state is StepState.DONE


_MOMENTS = ("act", "look", "note", "declared")
"""The kinds of evidence that have a time of day. Others have only a day."""


def _done_at(view: StepView) -> datetime:
    """When a step was done. If its evidence has only a day: when the adapter first saw it."""
    assert view.at is not None
    return view.at if view.evidence in _MOMENTS else view.seen or view.at


def _by_another_act(before: StepView, view: StepView) -> bool:
    """Whether another act did a step that was done already. It is chance whether we saw it undone in between."""
    return before.evidence == view.evidence == "act" and before.evidence_id != view.evidence_id


def _awaited(
    view: StepView,
    was: Mapping[str, StepView],
    is_: Mapping[str, StepView],
    decided: datetime | None,
    zone: tzinfo,
) -> datetime:
    """The instant from which a done step was awaited: when the steps before it were done, or the instant that the last
    decision gave, if that is later. A step that wasn't needed, or was done before it was awaited, took no time. A step
    that another act did again was awaited since the case was last ``decided`` (UTC)."""
    if (last := was.get(view.id)) and last.state is StepState.NOT_NEEDED:
        return _done_at(view)
    if last and last.state is StepState.DONE and decided:
        return decided
    before = [is_[step] for step in STEPS[view.id].after if step in is_]
    early = any(v.state not in (StepState.DONE, StepState.NOT_NEEDED) for v in before)
    since = [max(v.at, _done_at(v)) for v in before if v.at and not early]
    if view.id == "A6" and view.at:
        since.append(view.at)  # a message asks for it, and that is all that has a time of its own
    if last and last.since:
        since.append(_begun(last.since, last.seen, zone))
    return max(since, default=_done_at(view))


def _begun(since: datetime, seen: datetime | None, zone: tzinfo) -> datetime:
    """If ``since`` is a whole day, the step counts as awaited since the adapter first saw that. If the day was then
    still to come, it counts from the day's end: what is booked for a day and done on it took no time."""
    day = local_date(since, zone)
    if since != day_start(day, zone) or seen is None:
        return since
    return seen if since <= seen else day_end(day, zone)


LOOKS = {
    LookOutcome.OK: "look.ok",
    LookOutcome.SECOND_TRY: "look.second_try",
    LookOutcome.VISIT: "look.visit",
    LookOutcome.CAMERA_OFFLINE: "look.camera_offline",
    LookOutcome.MISSED: "look.missed",
}
UNANSWERED, UNKNOWN, UNENTITLED = "look.unanswered", "look.unknown", "look.unentitled"
"""No outcome in time; an outcome that isn't known (yet); a look that nobody had a right to."""


def of_look(look: Look, window: NightWindow, zone: tzinfo, unit: int | None) -> Tally:
    """The tally of a look, on the day of its night."""
    what = LOOKS.get(look.outcome, UNANSWERED)
    if not look.entitled:
        what = UNENTITLED
    elif look.judged_at is None:
        what = UNKNOWN
    return Tally(night_of(look.due_at, window, zone), unit or NO_UNIT, what)


def minus(tallies: Iterable[Tally]) -> list[Tally]:
    """The tallies that take these back."""
    return [tally._replace(number=-tally.number) for tally in tallies]


def added(tallies: Iterable[Tally]) -> list[Tally]:
    """Adds the tallies of the same day, unit, what and value, and sorts them. Sums of 0 are left out."""
    numbers: dict[tuple[date, int, str, int], int] = {}
    for tally in tallies:
        numbers[tally[:4]] = numbers.get(tally[:4], 0) + tally.number
    return [Tally(*key, number) for key, number in sorted(numbers.items()) if number]


TROUBLE = frozenset({"Transient", "Unauthorised", "ContractBroken", "AmbiguousWrite", "GivenUp"})
"""Outcomes of a call that are a fault of the vendor and not of the request (``connectors.errors``). ``GivenUp``: it
had been waited for in vain, as for a third of the lease when a case is read."""

_ANSWERS = (*(n * 10**k for k in range(4) for n in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)), 100_000, 120_000)
"""Milliseconds. A call's time is rounded up to one of these, so that a day has few rows. Longer calls count as the
last one."""


def of_call(vendor: str, outcome: str, seconds: float, day: date) -> Tally:
    """The tally of a call to a vendor. It belongs to no unit."""
    place = min(bisect_left(_ANSWERS, seconds * 1000), len(_ANSWERS) - 1)
    return Tally(day, ALL, f"call.{vendor}.{outcome}", _ANSWERS[place])


def _hours(length: timedelta) -> int:
    """Rounded to whole hours, and from two days on to whole days, in hours."""
    hours = max(round(length / timedelta(hours=1)), 0)
    return hours if hours < 48 else round(length / timedelta(days=1)) * 24
