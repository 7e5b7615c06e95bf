"""What the schedule in Phoniro is now, and what it shall be. A case's page begins with it."""

from dataclasses import dataclass
from datetime import date, datetime

from rich.console import Group, RenderableType
from rich.text import Text

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.nights import Granted, NightTimes
from adapter.domain.schedule import change_of, next_step, pause_causes
from adapter.domain.situation import Situation
from adapter.presentation.console import table
from adapter.presentation.words import Words
from mappings.messages.swedish import looks, times_text


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
    order = s.period.order_id if s.period else None
    return CalledFor(*_wanted_schedule(s), granted=s.mandate.granted(s.today), unit=s.unit, order=order)


def _wanted_schedule(s: Situation) -> tuple[ScheduleStatus | None, date | None, date | None, NightTimes | None]:
    live, newest = s.live, s.ledger.schedule
    if s.mandate.over:
        ended = (ScheduleStatus.ENDED, newest.valid_from) if newest else (None, None)
        return *ended, s.mandate.last_day, newest.times if newest else None
    status = ScheduleStatus.PAUSED if live and pause_causes(s) else ScheduleStatus.OPEN
    if act := change_of(s, live) if live else next_step(s):
        days = (act.what["valid_from"], act.what["valid_to"])
        first, last = (date.fromisoformat(str(day)) if day else None for day in days)
        return status, first, last, NightTimes.from_text(act.what["times"])
    if live:
        return status, live.valid_from, live.valid_to, live.times
    return None, None, None, s.evidence.agreed.times


@dataclass(frozen=True, slots=True)
class Pair:
    """One property of the schedule: its name, its value now, what it shall be, and whether the two differ."""

    name: str
    now: str
    shall: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class ScheduleDiff:
    """``seen`` says when Phoniro was last read. It is empty if there never was a schedule."""

    seen: str
    pairs: tuple[Pair, ...]


def schedule_diff(record: ScheduleRecord | None, shall: CalledFor, words: Words, now: datetime) -> ScheduleDiff:
    """``record`` is the case's newest schedule, as last seen. If it has ended as it shall, nothing of it differs."""
    known = record is not None and not (record.status is shall.status is ScheduleStatus.ENDED)

    def pair(code: str, is_now: str, shall_be: str, *, differs: bool = False) -> Pair:
        return Pair(words.heading(code), is_now, shall_be, differs)

    status = words.say("schedule_states", record.status.value if record else "none")
    wanted = words.say("schedule_states", shall.status.value if shall.status else "none")
    times, wanted_times = _times(record.times if record else None), _times(shall.times)
    first, last = (words.day(day) for day in (shall.valid_from, shall.valid_to))
    seen_first = words.day(record.valid_from) if record else "–"
    seen_last, last = (_last(record.valid_to, words) if record else "–"), _last(shall.valid_to, words)
    pairs = [
        pair("phase", status, wanted, differs=status != wanted),
        pair("times", times, wanted_times, differs=known and times != wanted_times),
        pair("first_day", seen_first, first if shall.valid_from else "–", differs=known and seen_first != first),
        pair("last_day", seen_last, last if shall.status else "–", differs=known and seen_last != last),
        pair("granted", "–", _granted(shall.granted, words)),
        pair("unit", "–", words.unit(shall.unit)),
        pair("order", "–", shall.order or "–"),
    ]
    seen = words.heading("seen", when=words.ago(record.seen_at, now)) if record else ""
    return ScheduleDiff(seen, tuple(pairs))


def _times(times: NightTimes | None) -> str:
    return str(times_text(times)).replace("\n", "; ") if times else "–"


def _last(day: date | None, words: Words) -> str:
    return words.day(day) if day else words.heading("open_end")


def _granted(granted: Granted | None, words: Words) -> str:
    if granted is None or granted.per_night is None:
        return words.heading("granted_unknown")
    nights = "" if granted.nights is None else f", {', '.join(d.swedish for d in sorted(granted.nights))}"
    return f"{looks(granted.per_night)} per natt{nights}"


def schedule_diff_table(shown: ScheduleDiff, words: Words) -> RenderableType:
    """For a terminal."""
    rows = table("", words.heading("now"), words.heading("shall"))
    for pair in shown.pairs:
        style = "bold red" if pair.differs else ""
        rows.add_row(Text(pair.name, style="dim"), Text(pair.now, style=style), Text(pair.shall, style=style))
    return Group(rows, *([Text(shown.seen, style="dim")] if shown.seen else []))
