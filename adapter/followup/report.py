"""The report: tables by month and unit, made of what was counted. Codes and numbers; the words stand elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil

from adapter.domain.routine import STEPS
from adapter.followup.tallies import LOOKS, UNANSWERED, UNKNOWN, Tally

ALL = -1
"""Stands for all units together."""
SPAN = "all"
"""Stands for all months together, in the column of the month."""

Cell = str | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` have a cell for each of ``columns``; None where there is nothing to tell a median of."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Month:
    """What was counted from ``first`` to ``last`` (local calendar days, of one month); ``active_before``: how many were
    looked after when it began, by unit."""

    first: date
    last: date
    tallies: Sequence[Tally]
    active_before: Mapping[int, int]


def months_between(first: date, last: date) -> list[tuple[date, date]]:
    """The months of a span of days, both included: each with its first and last day within the span."""
    found = []
    while first <= last:
        after = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        found.append((first, min(last, after - timedelta(days=1))))
        first = after
    return found


def report(months: Iterable[Month], unit: int | None = None, *, every: bool = False) -> tuple[Table, ...]:
    """All tables, of one unit or of all of them: each unit's own rows follow those of all together, where there is more
    than one unit, or ``every`` one is asked for."""
    views = [view for month in months for view in _views(month, unit, every=every)]
    return tuple(
        Table(name, ("month", "unit", *columns), tuple((*view.of, *row) for view in views for row in rows(view)))
        for name, columns, rows in _TABLES
    )


def by_span(months: Sequence[Month]) -> tuple[Table, ...]:
    """All tables of every unit, and in each after the months' rows those of all months together (``SPAN``), with
    medians of their own."""
    if not months:
        return report(())
    whole = Month(
        months[0].first, months[-1].last, [t for month in months for t in month.tallies], months[0].active_before
    )
    pairs = zip(report(months, every=True), report([whole], every=True), strict=True)
    return tuple(
        replace(monthly, rows=(*monthly.rows, *((SPAN, *row[1:]) for row in spanning.rows)))
        for monthly, spanning in pairs
    )


class _View:
    """A month of one unit, or of all."""

    def __init__(self, month: Month, unit: int, tallies: Mapping[str, Mapping[int, int]]) -> None:
        """``tallies``: by what, how many of each value."""
        self.of = (f"{month.first:%Y-%m}", unit)
        self.tallies = tallies
        self.active_before = sum(n for of, n in month.active_before.items() if unit in (ALL, of))

    def number(self, what: str) -> int:
        return sum(self.tallies.get(what, {}).values())

    def kinds(self, what: str) -> list[str]:
        """What is counted under ``what.*``, without that."""
        return sorted(name[len(what) + 1 :] for name in self.tallies if name.startswith(f"{what}."))

    def total(self, what: str) -> int:
        return sum(self.number(f"{what}.{kind}") for kind in self.kinds(what))

    def lengths(self, what: str) -> tuple[int | None, int | None]:
        """Median and 90th percentile."""
        rows = sorted(self.tallies.get(what, {}).items())
        return percentile(rows, 50), percentile(rows, 90)


def percentile(rows: Sequence[tuple[int, int]], percent: int) -> int | None:
    """The smallest value that so many percent don't exceed, of values (rising) and how often each was seen."""
    wanted, seen = ceil(sum(number for _, number in rows) * percent / 100), 0
    for value, number in rows:
        seen += number
        if seen >= wanted:
            return value
    return None


def _views(month: Month, unit: int | None, *, every: bool) -> list[_View]:
    found: dict[int, dict[str, dict[int, int]]] = {ALL: {}}
    for of in (of for of, n in month.active_before.items() if n):
        found[of] = {}
    for t in month.tallies:
        for of in (ALL, t.unit):
            values = found.setdefault(of, {}).setdefault(t.what, {})
            values[t.value] = values.get(t.value, 0) + t.number
    if unit is not None:
        return [_View(month, unit, found.get(unit, {}))]
    shown = sorted(found) if every or len(found) > 2 else [ALL]
    return [_View(month, of, found[of]) for of in shown]


def _cases(v: _View) -> list[tuple[Cell, ...]]:
    counted = [v.number(what) for what in ("ordered", "adopted", "started", "withdrawn")]
    return [(*counted, v.total("ended"), v.active_before + v.number("active"), *v.lengths("lead"))]


def _steps(v: _View) -> list[tuple[Cell, ...]]:
    found = [step for step in STEPS if step in v.kinds("step")]
    return [(s, STEPS[s].role.value, v.number(f"step.{s}"), *v.lengths(f"step.{s}")) for s in found]


def _pauses(v: _View) -> list[tuple[Cell, ...]]:
    causes = sorted({*v.kinds("paused"), *v.kinds("pause")})
    return [(c, v.number(f"paused.{c}"), v.number(f"pause.{c}"), *v.lengths(f"pause.{c}")) for c in causes]


def _unwatched(v: _View) -> list[tuple[Cell, ...]]:
    return [(cause, v.number(f"unwatched.{cause}")) for cause in v.kinds("unwatched")]


_LOOKS = (*LOOKS.values(), UNANSWERED, UNKNOWN)


def _looks(v: _View) -> list[tuple[Cell, ...]]:
    counted = [v.number(what) for what in _LOOKS]
    return [(sum(counted), *counted, *v.lengths("told"))] if any(counted) else []


def _reminders(v: _View) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for what in v.kinds("reminded"):
        levels = v.tallies[f"reminded.{what}"].items()
        rows.append((what, sum(n for level, n in levels if level < 3), sum(n for level, n in levels if level >= 3)))
    return rows


def _messages(v: _View) -> list[tuple[Cell, ...]]:
    return [(kind, what, v.number(f"{kind}.{what}")) for kind in ("message", "mail") for what in v.kinds(kind)]


_Rows = Callable[[_View], list[tuple[Cell, ...]]]
_TABLES: tuple[tuple[str, tuple[str, ...], _Rows], ...] = (
    (
        "cases",
        ("ordered", "adopted", "started", "withdrawn", "ended", "active", "lead_median", "lead_p90"),
        _cases,
    ),
    ("steps", ("step", "role", "done", "hours_median", "hours_p90"), _steps),
    ("pauses", ("cause", "begun", "over", "hours_median", "hours_p90"), _pauses),
    ("unwatched", ("cause", "nights"), _unwatched),
    ("looks", ("due", *(what.split(".")[1] for what in _LOOKS), "told_median", "told_p90"), _looks),
    ("reminders", ("about", "reminders", "escalations"), _reminders),
    ("messages", ("kind", "message", "number"), _messages),
)
