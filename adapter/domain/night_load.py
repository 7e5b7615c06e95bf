"""How many looks fall at once in a night, by unit and quarter of an hour; and who is told where they are too many."""

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta

from adapter.domain.already_told import COORDINATOR
from adapter.domain.calendar import after_quiet_hours
from adapter.domain.ledger import ActState, ScheduleRecord, ScheduleStatus, Wanted
from adapter.domain.nights import NightTimes, NightWindow, Weekday
from adapter.domain.routine import Letter
from adapter.domain.wanted_messages import WantedMessages

MINUTES = 15
Load = Mapping[int | None, Mapping[time, int]]
"""By unit: how many looks fall in the quarter of an hour that begins at a wall-clock time. Empty quarters are left
out."""


def quarter_of(t: time) -> time:
    return t.replace(minute=t.minute - t.minute % MINUTES)


def quarters(window: NightWindow) -> tuple[time, ...]:
    """The quarters of a night in their order, by when each begins."""
    first = window.start.hour * 60 + window.start.minute
    last = window.end.hour * 60 + window.end.minute + 24 * 60
    return tuple(time(m // 60 % 24, m % 60) for m in range(first - first % MINUTES, last, MINUTES))


def night_load(schedules: Iterable[tuple[int | None, ScheduleRecord]], window: NightWindow, evening: date) -> Load:
    """The looks that our own schedules, each with its unit, call for in the night that begins on ``evening``
    (local)."""
    found: dict[int | None, dict[time, int]] = {}
    night = Weekday(evening.weekday())
    for unit, record in schedules:
        if record.times is None or record.status is not ScheduleStatus.OPEN:
            continue
        for t in record.times.nights[night]:
            day = evening + timedelta(days=window.day_offset(t))
            if record.valid_from <= day and (record.valid_to is None or day <= record.valid_to):
                of_unit = found.setdefault(unit, {})
                of_unit[quarter_of(t)] = of_unit.get(quarter_of(t), 0) + 1
    return found


def tell_crowded(w: WantedMessages) -> None:
    """Tell the coordinator, once for new times, of the fullest quarter in which they add a look above the limit. Off if
    the municipality has set no limit."""
    s = w.s
    times, limit = s.evidence.agreed.times, s.policy.most_looks_at_once
    if not limit or times is None or not s.mandate.run or s.mandate.over:
        return
    text = times.to_text()
    for act in s.ledger.acts:
        if act.key.startswith("crowded:") and act.state is ActState.PENDING and act.what["times"] == text:
            # The times may be in force by now. What waits to be sent is told as it was found.
            held = after_quiet_hours(s.now, s.policy)
            w.wanted.append(Wanted(act.key, act.kind, act.what, Letter.CROWDED, not_before=held))
            return
    if s.live is not None and s.live.times == times:
        return
    load, own = s.ledger.night_load.get(w.unit, {}), _per_quarter(s.live.times if s.live else None)
    at_once = {q: load.get(q, 0) - own.get(q, 0) + n for q, n in _per_quarter(times).items()}
    last = w.told.topic("crowded")
    fullest = max(at_once, key=lambda q: at_once[q], default=None)
    if fullest is not None and at_once[fullest] > limit and (last is None or last.what["times"] != text):
        at = f"{fullest:%H:%M}"
        w.topical("crowded", Letter.CROWDED, COORDINATOR, times=text, at=at, count=at_once[fullest], limit=limit)


def _per_quarter(times: NightTimes | None) -> dict[time, int]:
    """The most looks that any night has in each quarter."""
    found: dict[time, int] = {}
    for night in times.nights if times else ():
        for quarter in set(map(quarter_of, night)):
            found[quarter] = max(found.get(quarter, 0), sum(quarter_of(t) == quarter for t in night))
    return found
