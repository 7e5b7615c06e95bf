"""What e-tillsyn shall be by the facts, as a page shows it beside what was last seen at the camera platform."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from adapter.domain.ledger import ScheduleStatus, Wanted
from adapter.domain.nights import Granted, NightTimes
from adapter.domain.schedule import change_of, next_step, pause_causes
from adapter.domain.situation import Situation


@dataclass(frozen=True, slots=True)
class CalledFor:
    """What the facts call for. ``status`` is None while nothing is to be scheduled yet. Days are local and included.
    ``order`` and ``unit`` are those that have the case now, ``granted`` is what is granted a night."""

    status: ScheduleStatus | None
    valid_from: date | None
    valid_to: date | None
    times: NightTimes | None
    granted: Granted | None
    unit: int | None
    order: str | None


def called_for(s: Situation) -> CalledFor:
    """What ``next_step`` works towards, as a whole."""
    live, about = s.live, (s.mandate.granted(s.today), s.unit, s.period.order_id if s.period else None)
    if s.mandate.over:
        ended = s.ledger.schedule
        status = ScheduleStatus.ENDED if ended else None
        return CalledFor(
            status, ended.valid_from if ended else None, s.mandate.last_day, ended.times if ended else None, *about
        )
    if live is None:
        step = next_step(s)
        return (
            _from(step, ScheduleStatus.OPEN, about)
            if step
            else CalledFor(None, None, None, s.evidence.agreed.times, *about)
        )
    status = ScheduleStatus.PAUSED if pause_causes(s) else ScheduleStatus.OPEN
    change = change_of(s, live)
    return (
        _from(change, status, about)
        if change
        else CalledFor(status, live.valid_from, live.valid_to, live.times, *about)
    )


def _from(act: Wanted, status: ScheduleStatus, about: tuple[Granted | None, int | None, str | None]) -> CalledFor:
    first, last = (str(act.what[name]) if act.what[name] else None for name in ("valid_from", "valid_to"))
    times = NightTimes.from_json(json.loads(str(act.what["times"])))
    days = [date.fromisoformat(day) if day else None for day in (first, last)]
    return CalledFor(status, days[0], days[1], times, *about)
