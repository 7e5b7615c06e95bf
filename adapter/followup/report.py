"""The report: tables by month and unit, made from the tallies. It has codes and numbers; the words are elsewhere."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil, floor

from adapter.domain.routine import STEPS
from adapter.followup.tallies import ALL, LOOKS, TROUBLE, UNANSWERED, UNKNOWN, Tally
from adapter.followup.uptime import ADAPTER, NOTHING, Span, Uptime

SPAN = "all"
"""In the column of the month: all months together."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Each row has a cell for each of ``columns``. A cell is None if there are no values for its median."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Month:
    """What was counted from ``first`` to ``last`` (local days in one month). ``active_before``: how many persons had
    active e-tillsyn when it began, by unit. ``uptime``: when the adapter ran and when a vendor was down."""

    first: date
    last: date
    tallies: Sequence[Tally]
    active_before: Mapping[int, int]
    uptime: Uptime = NOTHING


def months_between(first: date, last: date) -> list[tuple[date, date]]:
    """The months from ``first`` to ``last`` (both included), each with its first and last day in that span."""
    found = []
    while first <= last:
        after = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        found.append((first, min(last, after - timedelta(days=1))))
        first = after
    return found


def report(months: Iterable[Month], unit: int | None = None, *, every: bool = False) -> tuple[Table, ...]:
    """All tables, for one unit or for all together. If there are several units, or with ``every``, each unit's rows
    follow those of all together."""
    views = [view for month in months for view in _views(month, unit, every=every)]
    return tuple(
        Table(name, ("month", "unit", *columns), tuple((*view.of, *row) for view in views for row in rows(view)))
        for name, columns, rows in _TABLES
    )


def by_span(months: Sequence[Month]) -> tuple[Table, ...]:
    """All tables for every unit. In each table the rows of the months are followed by rows for all months together
    (``SPAN``), with medians of their own."""
    if not months:
        return report(())
    tallies = [t for month in months for t in month.tallies]
    whole = Month(months[0].first, months[-1].last, tallies, months[0].active_before, months[0].uptime)
    pairs = zip(report(months, every=True), report([whole], every=True), strict=True)
    return tuple(
        replace(monthly, rows=(*monthly.rows, *((SPAN, *row[1:]) for row in spanning.rows)))
        for monthly, spanning in pairs
    )


class _View:
    """A month, for one unit or for all."""

    def __init__(self, month: Month, unit: int, tallies: Mapping[str, Mapping[int, int]]) -> None:
        """``tallies``: for each ``what`` the number of each value."""
        self.of = (f"{month.first:%Y-%m}", unit)
        self.month = month
        self.tallies = tallies
        self.active_before = sum(n for of, n in month.active_before.items() if unit in (ALL, of))

    def number(self, what: str) -> int:
        return sum(self.tallies.get(what, {}).values())

    def kinds(self, what: str) -> list[str]:
        """The names counted under ``what.*``, without that beginning."""
        return sorted(name[len(what) + 1 :] for name in self.tallies if name.startswith(f"{what}."))

    def total(self, what: str) -> int:
        return sum(self.number(f"{what}.{kind}") for kind in self.kinds(what))

    def lengths(self, what: str) -> tuple[int | None, int | None]:
        """Median and 90th percentile."""
        rows = sorted(self.tallies.get(what, {}).items())
        return percentile(rows, 50), percentile(rows, 90)


def percentile(rows: Sequence[tuple[int, int]], percent: int) -> int | None:
    """The smallest value that at least ``percent`` of all don't exceed. ``rows``: the values, rising, and how often
    each occurred."""
    wanted, seen = ceil(sum(number for _, number in rows) * percent / 100), 0
    for value, number in rows:
        seen += number
        if seen >= wanted:
            return value
    return None


def _views(month: Month, unit: int | None, *, every: bool) -> list[_View]:
    found: dict[int, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for of in (ALL, *(of for of, n in month.active_before.items() if n)):
        found[of] = defaultdict(dict)
    for _, of, what, value, number in month.tallies:
        for values in (found[ALL][what], found[of][what]) if of != ALL else (found[ALL][what],):
            values[value] = values.get(value, 0) + number
    if unit is not None:
        return [_View(month, unit, found[unit])]
    shown = sorted(found) if every or len(found) > 2 else [ALL]
    return [_View(month, of, found[of]) for of in shown]


def _cases(v: _View) -> list[tuple[Cell, ...]]:
    counted = [v.number(what) for what in ("ordered", "adopted", "started", "withdrawn")]
    ended = v.total("ended") + v.number("elsewhere.ended")
    return [(*counted, ended, v.active_before + v.number("active"), *v.lengths("lead"))]


def _steps(v: _View) -> list[tuple[Cell, ...]]:
    found = [step for step in STEPS if step in v.kinds("step")]
    return [(s, STEPS[s].role.value, v.number(f"step.{s}"), *v.lengths(f"step.{s}")) for s in found]


def _pauses(v: _View) -> list[tuple[Cell, ...]]:
    causes = sorted({*v.kinds("paused"), *v.kinds("pause")})
    rows: list[tuple[Cell, ...]] = [
        (c, v.number(f"paused.{c}"), v.number(f"pause.{c}"), *v.lengths(f"pause.{c}")) for c in causes
    ]
    elsewhere = [v.number(f"elsewhere.{status}") for status in ("paused", "open")]
    return [*rows, ("elsewhere", *elsewhere, None, None)] if any(elsewhere) else rows


def _unwatched(v: _View) -> list[tuple[Cell, ...]]:
    return [(cause, v.number(f"unwatched.{cause}")) for cause in v.kinds("unwatched")]


_LOOKS = (*LOOKS.values(), UNANSWERED, UNKNOWN)


def _looks(v: _View) -> list[tuple[Cell, ...]]:
    counted = [v.number(what) for what in _LOOKS]
    # A look of the night before a month's first day is told in the month.
    return [(sum(counted), *counted, *v.lengths("told"))] if any(counted) or v.number("told") else []


def _reminders(v: _View) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for what in v.kinds("reminded"):
        levels = v.tallies[f"reminded.{what}"].items()
        rows.append((what, sum(n for level, n in levels if level < 3), sum(n for level, n in levels if level >= 3)))
    return rows


def _messages(v: _View) -> list[tuple[Cell, ...]]:
    return [(kind, what, v.number(f"{kind}.{what}")) for kind in ("message", "mail") for what in v.kinds(kind)]


def _service(v: _View) -> list[tuple[Cell, ...]]:
    """The vendors that were called, and the adapter itself. These rows belong to no unit."""
    if v.of[1] != ALL:
        return []
    days, up = (v.month.first, v.month.last), v.month.uptime
    rows = [_vendor(v, vendor) for vendor in sorted({kind.split(".")[0] for kind in v.kinds("call")})]
    if known := up.known(*days):
        down = up.down(ADAPTER, *days)
        begun = len(up.outages_of(ADAPTER, *days))
        rows.append((ADAPTER, None, None, None, None, begun, _minutes(down), _share(known - down, known)))
    return rows


def _vendor(v: _View, vendor: str) -> tuple[Cell, ...]:
    days, up = (v.month.first, v.month.last), v.month.uptime
    outcomes = [kind for kind in v.kinds("call") if kind.split(".")[0] == vendor]
    failed = sum(v.number(f"call.{kind}") for kind in outcomes if kind.split(".")[1] in TROUBLE)
    answers: dict[int, int] = {}
    for kind in outcomes:
        for value, number in v.tallies[f"call.{kind}"].items() if kind.split(".")[1] not in TROUBLE else ():
            answers[value] = answers.get(value, 0) + number
    times = sorted(answers.items())
    ran, down = up.ran(*days), up.down(vendor, *days)
    outages = (len(up.outages_of(vendor, *days)), _minutes(down), _share(ran - down, ran))
    return (vendor, failed + sum(answers.values()), failed, percentile(times, 50), percentile(times, 95), *outages)


def _outages(v: _View) -> list[tuple[Cell, ...]]:
    if v.of[1] != ALL:
        return []
    up = v.month.uptime
    systems = sorted({span.system for span in up.spans})
    found = [outage for system in systems for outage in up.outages_of(system, v.month.first, v.month.last)]

    def local(at: datetime) -> str:
        return f"{at.astimezone(up.zone):%Y-%m-%d %H:%M}"

    def row(outage: Span) -> tuple[Cell, ...]:
        ended = None if up.lasts(outage) else local(outage.until)
        return (outage.system, local(outage.since), ended, _minutes(outage.until - outage.since))

    return [row(outage) for outage in sorted(found, key=lambda o: (o.since, o.system))]


def _minutes(length: timedelta) -> int:
    """Whole minutes, rounded up."""
    return ceil(length / timedelta(minutes=1))


def _share(part: timedelta, whole: timedelta) -> float | None:
    """Percent with two decimals, rounded down, so that 100 always means all of it."""
    return floor(part / whole * 10_000) / 100 if whole else None


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
    (
        "service",
        ("system", "calls", "failed", "answer_p50", "answer_p95", "outages", "outage_minutes", "available"),
        _service,
    ),
    ("outages", ("system", "begun_at", "ended_at", "minutes"), _outages),
)
