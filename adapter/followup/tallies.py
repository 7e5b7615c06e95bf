"""What is counted, and when: pure functions from what happened to numbers by day, unit and what they count.

A tally names nobody: it says how many of something there were on a day in a unit. What has a length (a wait, a pause)
stands in rows by its length, so that a median can be told after all that was personal is gone. The engine stores
tallies in the transaction of what they count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from adapter.domain.decision import Decision, StepState, StepView
from adapter.domain.ledger import Act, ActKind, ActState, Look, LookOutcome, ScheduleRecord, ScheduleStatus
from adapter.domain.looks import local_date, window_start
from adapter.domain.night_watch import night_of
from adapter.domain.nights import NightWindow
from adapter.domain.routine import STEPS

NO_UNIT = 0
"""Stands for a unit where none is known."""

ALL = -1
"""Stands for all units together; what is no unit's is counted so."""


class Tally(NamedTuple):
    """``number`` of ``what`` on a local calendar ``day`` in a ``unit``. ``value`` is a length, 0 where there is none:
    days for ``lead``, hours for ``step.*`` and ``pause.*``, minutes for ``told``, milliseconds for ``call.*``."""

    day: date
    unit: int
    what: str
    value: int = 0
    number: int = 1


def of_act(act: Act, at: datetime, unit: int | None, zone: tzinfo) -> list[Tally]:
    """What an act counts as that was done ``at`` (UTC): the same from the row of the ledger, whenever it is asked."""
    whose = act.what.get("unit") if unit is None else unit
    day = local_date(at, zone)
    return [Tally(day, int(whose or NO_UNIT), what, value) for what, value in _whats(act)]


def _whats(act: Act) -> list[tuple[str, int]]:
    match act.kind:
        case ActKind.MESSAGE:
            return [(f"message.{act.what.get('letter')}", 0)]
        case ActKind.MAIL:
            return _mail(act)
        case ActKind.CREATE:
            return [("started", 0)]
        case ActKind.PAUSE:
            return [(f"paused.{act.what.get('reason')}", 0)]
        case ActKind.RESUME:
            return [("resumed", 0)]
        case ActKind.END:
            return [(f"ended.{act.what.get('reason')}", 0)]
    return []


def _mail(act: Act) -> list[tuple[str, int]]:
    """A reminder's key says of what it is and which one: ``late:I4:2026-03-02:1``."""
    parts = act.key.split(":")
    reminder = [(f"reminded.{parts[1]}", int(parts[3]))] if parts[0] == "late" else []
    reminder += [("reminded.absence", 1)] if parts[0] == "absence" else []
    return [(f"mail.{act.what.get('mail')}", 0), *reminder]


def lengths_of_act(
    act: Act, at: datetime, unit: int | None, zone: tzinfo, earlier: Iterable[Act], steps: Sequence[StepView]
) -> list[Tally]:
    """What took how long until this act was done ``at`` (UTC): from the order's day to the start; a pause, by its
    cause; from a look that wasn't done to the word of it. ``earlier`` are the case's acts, ``steps`` its checklist."""
    day, whose = local_date(at, zone), unit or NO_UNIT
    found: list[Tally] = []
    if act.kind is ActKind.CREATE and (ordered := next((v.at for v in steps if v.id == "I1" and v.at), None)):
        found.append(Tally(day, whose, "lead", max((day - local_date(ordered, zone)).days, 0)))
    if act.kind in (ActKind.RESUME, ActKind.END) and (pause := _open_pause(earlier, act)) and pause.done_at:
        found.append(Tally(day, whose, f"pause.{pause.what.get('reason')}", _hours(at - pause.done_at)))
    if act.kind is ActKind.MAIL and act.what.get("mail") == "look_missed":
        due = datetime.strptime(act.key.split(":")[2], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
        found.append(Tally(day, whose, "told", max(int((at - due) / timedelta(minutes=1)), 0)))
    return found


def _open_pause(acts: Iterable[Act], until: Act) -> Act | None:
    """The pause of the same schedule that was still going on."""
    kinds = (ActKind.PAUSE, ActKind.RESUME)
    n = until.what.get("n")
    done = [a for a in acts if a.kind in kinds and a.state is ActState.DONE and a.what.get("n") == n and a.n != until.n]
    last = max(done, key=lambda a: (a.done_at or a.created_at, a.n), default=None)
    return last if last and last.kind is ActKind.PAUSE else None


def of_schedule(
    before: ScheduleRecord | None, after: ScheduleRecord | None, day: date, unit: int | None, *, ours: bool
) -> list[Tally]:
    """Who is looked after, as a change of their number (``active``); and what somebody else did to a schedule."""
    was, is_ = _status(before), _status(after)
    found = [Tally(day, unit or NO_UNIT, "active", 0, _live(is_) - _live(was))] if _live(is_) != _live(was) else []
    if not ours and was is not is_ and is_ is not None:
        found.append(Tally(day, unit or NO_UNIT, f"elsewhere.{is_.value}"))
    return found


def _status(record: ScheduleRecord | None) -> ScheduleStatus | None:
    return record.status if record else None


def _live(status: ScheduleStatus | None) -> bool:
    return status in (ScheduleStatus.OPEN, ScheduleStatus.PAUSED)


def of_decision(
    before: Decision | None, after: Decision, since: datetime | None, now: datetime, window: NightWindow, zone: tzinfo
) -> list[Tally]:
    """What became of a case between the decision ``before`` (made at ``since``) and the one ``after`` (both UTC): steps
    that are done now, an order withdrawn before the start, nights that began while nobody looked after somebody who is
    granted it."""
    unit, today = after.unit or NO_UNIT, local_date(now, zone)
    was, is_ = ({v.id: v for v in d.steps} if d else {} for d in (before, after))
    found = [
        Tally(today, unit, f"step.{view.id}", _hours(view.at - _awaited(view, was, is_)))
        for view in after.steps
        if view.state is StepState.DONE and view.at and not _done(was, view.id)
    ]
    if _done(is_, "A1") and not _done(was, "A1") and not _done(is_, "I11"):
        found.append(Tally(today, unit, "withdrawn"))
    if before and before.unwatched and since:
        evening = local_date(since, zone)
        while (begins := window_start(evening, window, zone)) <= now:
            if begins > since:
                found.append(Tally(evening, before.unit or NO_UNIT, f"unwatched.{before.unwatched.cause}"))
            evening += timedelta(days=1)
    return found


def _done(steps: Mapping[str, StepView], step: str) -> bool:
    return step in steps and steps[step].state is StepState.DONE


def _awaited(view: StepView, was: Mapping[str, StepView], is_: Mapping[str, StepView]) -> datetime:
    """Since when a step that is done was awaited: as it was told before, else since what comes before it was done."""
    assert view.at is not None
    told = was[view.id].since if view.id in was else None
    before = [v.at for step in STEPS[view.id].after if (v := is_.get(step)) and v.state is StepState.DONE and v.at]
    return told or max(before, default=view.at)


LOOKS = {
    LookOutcome.OK: "look.ok",
    LookOutcome.SECOND_TRY: "look.second_try",
    LookOutcome.VISIT: "look.visit",
    LookOutcome.CAMERA_OFFLINE: "look.camera_offline",
    LookOutcome.MISSED: "look.missed",
}
UNANSWERED, UNKNOWN, UNENTITLED = "look.unanswered", "look.unknown", "look.unentitled"
"""Nothing came of it in time; what came of it isn't known (yet); nobody had a right to it."""


def of_look(look: Look, window: NightWindow, zone: tzinfo, unit: int | None) -> Tally:
    """What a look counts as, on its night."""
    what = LOOKS.get(look.outcome, UNANSWERED)
    if not look.entitled:
        what = UNENTITLED
    elif look.judged_at is None:
        what = UNKNOWN
    return Tally(night_of(look.due_at, window, zone), unit or NO_UNIT, what)


def minus(tallies: Iterable[Tally]) -> list[Tally]:
    """What takes them back."""
    return [tally._replace(number=-tally.number) for tally in tallies]


def added(tallies: Iterable[Tally]) -> list[Tally]:
    """Those of the same day, unit, what and value as one, in their order; what comes to nothing is left out."""
    numbers: dict[tuple[date, int, str, int], int] = {}
    for tally in tallies:
        numbers[tally[:4]] = numbers.get(tally[:4], 0) + tally.number
    return [Tally(*key, number) for key, number in sorted(numbers.items()) if number]


TROUBLE = frozenset({"Transient", "Unauthorised", "ContractBroken", "AmbiguousWrite"})
"""Outcomes of a call that say something of the vendor and not of what was asked for (``connectors.errors``)."""

_ANSWERS = (*(n * 10**k for k in range(4) for n in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)), 100_000, 120_000)
"""Milliseconds: a call is counted by the smallest of these that it didn't take longer than, so that a day has few rows;
the last one for all that took longer."""


def of_call(vendor: str, outcome: str, seconds: float, day: date) -> Tally:
    """What an exchange with a vendor counts as. It is no unit's."""
    place = min(bisect_left(_ANSWERS, seconds * 1000), len(_ANSWERS) - 1)
    return Tally(day, ALL, f"call.{vendor}.{outcome}", _ANSWERS[place])


def _hours(length: timedelta) -> int:
    """Whole hours, and whole days from two days on."""
    hours = max(int(length / timedelta(hours=1)), 0)
    return hours if hours < 48 else hours // 24 * 24
