"""What the schedule in Phoniro is now, and what it shall be. A case's page begins with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rich.console import Group, RenderableType
from rich.text import Text

from adapter.domain.called_for import CalledFor
from adapter.domain.ledger import ScheduleRecord
from adapter.domain.nights import Granted, NightTimes
from adapter.presentation.console import table
from adapter.presentation.words import Words
from mappings.messages.swedish import looks, times_text


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
    """``record`` is the case's newest schedule, as last seen."""
    known = record is not None

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
