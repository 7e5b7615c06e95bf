"""Dates, times and numbers in Swedish. Clock times have a colon, as notes should have: 01.12 may be a date."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from adapter.domain.nights import NightTimes, Weekday

_MONTHS = (
    *("januari", "februari", "mars", "april", "maj", "juni"),
    *("juli", "augusti", "september", "oktober", "november", "december"),
)


_MORNING = 7


def day(value: date) -> str:
    """``tisdag den 3 november 2026``."""
    return f"{Weekday(value.weekday()).swedish} den {value.day} {_MONTHS[value.month - 1]} {value.year}"


def month(value: date) -> str:
    """``november 2026``."""
    return f"{_MONTHS[value.month - 1]} {value.year}"


def number(value: int | float) -> str:
    """``1 234``, ``99,2``: a narrow space between thousands, a comma before the one decimal."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.replace(",", "\u202f").replace(".", ",")


def moment(value: datetime) -> str:
    """``tisdag den 3 november 2026 klockan 22:30``. The time is not converted to another zone. After midnight the night
    is named as people say it: ``... klockan 02:15 (natten mot tisdag)``."""
    return f"{day(value.date())} klockan {value:%H:%M}{night_towards(value.date(), value.time())}"


def night_towards(value: date, at: time) -> str:
    """`` (natten mot tisdag)`` for a time after midnight, else nothing."""
    return f" (natten mot {Weekday(value.weekday()).swedish})" if at.hour < _MORNING else ""


def period(first: date | None, last: date | None) -> str:
    """``från och med … till och med …``; an open end is ``tills vidare``."""
    start = f"från och med {day(first)}" if first else ""
    if last is None:
        return f"{start} och tills vidare".removeprefix(" och ")
    return f"{start} till och med {day(last)}".strip()


def looks(count: int) -> str:
    """``1 tillsyn``, ``3 tillsyner``."""
    return f"{count} tillsyn" if count == 1 else f"{count} tillsyner"


def listed(words: Sequence[str]) -> str:
    """``a, b och c``."""
    return " och ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


@dataclass(frozen=True, slots=True)
class TimesText:
    """Agreed times as lines, one for each group of nights. ``count``: how many there are per night, at most."""

    lines: str
    count: str

    def __str__(self) -> str:
        return self.lines


def times_text(times: NightTimes) -> TimesText:
    """As people write it: ``Varje natt: 22:30, 02:15 och 05:00 (3 tillsyner)``, else a line per group of nights."""
    if times.is_same_every_night:
        return TimesText(_line("Varje natt", times.nights[0]), looks(times.max_per_night))
    lines = [_line(f"Nätter som börjar {_nights(days)}", at) for days, at in times.groups()]
    if not all(times.nights):
        lines.append("Övriga nätter: ingen tillsyn")
    even = len({count for count in times.per_night() if count}) == 1
    return TimesText("\n".join(lines), looks(times.max_per_night) if even else f"högst {looks(times.max_per_night)}")


def night_rows(times: NightTimes) -> list[tuple[str, tuple[time, ...], str]]:
    """Rows of a table: the nights, their times, and the times as people write them. Nights without looks are left
    out."""
    if times.is_same_every_night:
        groups = [("varje natt", times.nights[0])]
    else:
        groups = [(_nights(days), at) for days, at in times.groups() if at]
    return [(nights, at, listed([f"{t:%H:%M}" for t in at])) for nights, at in groups]


def _line(nights: str, at: Iterable[time]) -> str:
    clock = [f"{t:%H:%M}" for t in at]
    return f"{nights}: {listed(clock)} ({looks(len(clock))})" if clock else f"{nights}: ingen tillsyn"


def _nights(days: Sequence[Weekday]) -> str:
    """The names of the nights. Three or more in a row are ``måndag till torsdag``."""
    runs: list[list[Weekday]] = []
    for weekday in days:
        if runs and runs[-1][-1] + 1 == weekday:
            runs[-1].append(weekday)
        else:
            runs.append([weekday])
    words: list[str] = []
    for run in runs:
        words += [f"{run[0].swedish} till {run[-1].swedish}"] if len(run) > 2 else [d.swedish for d in run]
    return listed(words)
