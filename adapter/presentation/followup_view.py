"""The follow-up as a section for each table, with sentences, charts and rows.

The printed paper and the status page show the same. A new table needs no code here: a table with codes gets horizontal
bars for the whole span, any other gets a chart by month for each of its first counts. The text table has the names of
the table and its columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from string import Formatter

from adapter.followup.charts import Bar, horizontal, vertical
from adapter.followup.report import SPAN, Cell, Table, months_between
from adapter.followup.suppression import HIDDEN, OF_NOBODY, STATES, codes, counts
from adapter.followup.tallies import ALL
from adapter.presentation.followup_page import cell
from adapter.presentation.words import Words
from mappings.messages.swedish import month as month_name
from mappings.messages.swedish import number

_BY_MONTH = {"cases": ("ordered", "started", "ended", "active"), "looks": ("due", "second_try", "missed", "unanswered")}
"""The columns that are drawn by month. For other tables these are the first counts."""
_OF_CODES: dict[str, tuple[str, ...]] = {
    "steps": ("hours_median", "hours_p90"),
    "service": ("outage_minutes",),
    "outages": (),
}
"""For a table with codes: the column that is drawn, and a larger one that is the outline around it. The rows keep the
table's order. For other tables with codes the first count is drawn, the largest first."""
_MOST_MONTHS_DRAWN, _MOST_CODES_DRAWN = 3, 20

_DAY = 24


@dataclass(frozen=True, slots=True)
class Chart:
    """``told`` is the sentence beside the picture."""

    told: str
    svg: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows to read. The first ``texts`` columns hold words, the others numbers."""

    title: str
    texts: int
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: str
    about: str
    told: tuple[str, ...]
    charts: tuple[Chart, ...]
    grids: tuple[Grid, ...]


def sections(tables: Sequence[Table], first: date, last: date, unit: int, words: Words) -> tuple[Section, ...]:
    """``tables``: from ``report.by_span`` for the days ``first`` to ``last``, suppressed or not. ``unit``: one unit, or
    ALL for all together and then also each by itself."""
    months = [start for start, _ in months_between(first, last)]
    return tuple(_View(table, months, unit, words).section() for table in tables)


def paper(
    tables: Sequence[Table], first: date, last: date, unit: int, words: Words, *, today: date, below: int
) -> dict[str, object]:
    """The data for the template of the printed follow-up. ``tables`` are suppressed already; ``below`` is the limit."""
    whose = cell("unit", unit, words) if unit != ALL else words.say("followup", "every_unit")
    return {
        "unit": whose,
        "period": span_text(first, last, words),
        "made": words.day(today),
        "below": below if below > 1 else 0,
        "hidden": HIDDEN,
        "sections": [asdict(section) for section in sections(tables, first, last, unit, words)],
    }


def span_text(first: date, last: date, words: Words) -> str:
    """``oktober 2026``, ``oktober 2026 – december 2026``; with days if a month isn't whole."""
    whole = first.day == 1 and (last + timedelta(days=1)).day == 1
    ends = [month_name(first), month_name(last)] if whole else [words.day(first), words.day(last)]
    return " – ".join(dict.fromkeys(ends))


def months_by_name(first: date, last: date) -> list[tuple[str, str]]:
    """Each month from ``first`` to ``last``, as ``2026-10`` and as ``oktober 2026``."""
    return [(f"{start:%Y-%m}", month_name(start)) for start, _ in months_between(first, last)]


class _View:
    """One table, shown for one unit or for all."""

    def __init__(self, table: Table, months: Sequence[date], unit: int, words: Words) -> None:
        unit = ALL if table.name in OF_NOBODY else unit  # such a table concerns no unit and is always shown
        self.table, self.months, self.unit, self.words = table, months, unit, words
        self.about, self.counts = codes(table), counts(table)
        self.numbers = tuple(c for c in range(2, len(table.columns)) if c not in self.about)
        self.of_span = [row for row in table.rows if row[0] == SPAN and row[1] == unit]
        if self.about and table.name not in _OF_CODES:
            self.of_span.sort(key=lambda row: _known(row[self.counts[0]]) if self.counts else 0, reverse=True)
        self.of_month = {row[0]: row for row in table.rows if row[1] == unit}

    def section(self) -> Section:
        name, say = self.table.name, self.words.say
        told = self._sentences() if self.of_span and not self.about else ()
        return Section(
            name=name,
            title=say("followup_tables", name),
            about=say("followup_about", name) if self.words.texts.has("followup_about", name) else "",
            told=tuple(told) if self.of_span else (say("followup", "nothing"),),
            charts=tuple(self._horizontal() if self.about else self._vertical()) if self.of_span else (),
            grids=tuple(self._grids()) if self.of_span else (),
        )

    def _sentences(self) -> Iterator[str]:
        """The sentences in the text table about this table. One with a number that is unknown or suppressed is left
        out."""
        known = {
            self.table.columns[c]: self._cell(c, value)
            for c, value in enumerate(self.of_span[0])
            if c in self.numbers and value not in (None, HIDDEN)
        } | self._share_done()
        for line in self.words.texts.sections.get("followup_told", {}).get(self.table.name, "").splitlines():
            if {name for _, name, _, _ in Formatter().parse(line) if name} <= known.keys():
                yield line.format_map(known)

    def _share_done(self) -> dict[str, str]:
        """How many percent of the due looks were done."""
        row = dict(zip(self.table.columns, self.of_span[0], strict=True))
        done = [row.get(name) for name in ("due", "ok", "second_try", "visit")]
        numbers = [n for n in done if isinstance(n, int)]
        return {"share": number(100 * sum(numbers[1:]) / numbers[0])} if len(numbers) == 4 and numbers[0] else {}

    def _vertical(self) -> Iterator[Chart]:
        names = _BY_MONTH.get(self.table.name)
        if len(self.months) < 2:
            return
        drawn = [self.table.columns.index(name) for name in names] if names else self.counts[:_MOST_MONTHS_DRAWN]
        for c in drawn:
            cells = [self._in(month)[c] for month in self.months]
            if any(map(_known, cells)):
                told = self._caption(c, cells)
                bars = [_bar(f"{month_name(m)}", v, self._cell(c, v)) for m, v in zip(self.months, cells, strict=True)]
                yield Chart(told, vertical(bars, told))

    def _caption(self, c: int, cells: Sequence[Cell]) -> str:
        total = self.of_span[0][c]
        params = {"what": self._heading(c), "total": self._cell(c, total)}
        seen = [(v, m) for v, m in zip(cells, self.months, strict=True) if isinstance(v, int)]
        most, when = max(seen)
        code = "most" if total == HIDDEN else "state" if self.table.columns[c] in STATES else "sum"
        return self.words.say("followup_charts", code, most=self._cell(c, most), when=month_name(when), **params)

    def _horizontal(self) -> Iterator[Chart]:
        names = _OF_CODES.get(self.table.name, [self.table.columns[c] for c in self.counts[:1]])
        if not names:
            return
        c, *more = (self.table.columns.index(name) for name in names)
        rows = [row for row in self.of_span if row[c] is not None]
        most = max(rows, key=lambda row: _known(row[c]), default=None)
        if most is None or not _known(most[c]):
            return
        bars = [
            _bar(
                self._name(row),
                row[c],
                " / ".join(dict.fromkeys(self._cell(n, row[n]) for n in (c, *more))),
                row[more[0]] if more else None,
            )
            for row in rows[:_MOST_CODES_DRAWN]
        ]
        what = " / ".join(self._heading(n) for n in (c, *more))
        own = f"codes_{self.table.name}"
        code = own if self.words.texts.has("followup_charts", own) else "codes"
        told = self.words.say("followup_charts", code, what=what, name=self._name(most), most=self._cell(c, most[c]))
        yield Chart(told, horizontal(bars, told))

    def _grids(self) -> Iterator[Grid]:
        if self.about:
            head = [self._heading(c) for c in (*self.about, *self.numbers)]
            rows = [[self._cell(c, row[c]) for c in (*self.about, *self.numbers)] for row in self.of_span]
            yield Grid("", len(self.about), tuple(head), tuple(map(tuple, rows)))
            return
        numbers = tuple(self._heading(c) for c in self.numbers)
        months = [(month_name(m), *(self._cell(c, self._in(m)[c]) for c in self.numbers)) for m in self.months]
        yield Grid(self.words.say("followup", "by_month"), 1, (self._heading(0), *numbers), tuple(months))
        apart = [row for row in self.table.rows if row[0] == SPAN and row[1] != ALL] if self.unit == ALL else []
        if len(apart) > 1:
            units = [(cell("unit", r[1], self.words), *(self._cell(c, r[c]) for c in self.numbers)) for r in apart]
            by_unit = self.words.say("followup", "by_unit")
            yield Grid(by_unit, 1, (self._heading(1), *numbers), tuple(sorted(units)))

    def _in(self, month: date) -> tuple[Cell, ...]:
        """The row of a month. Without one nothing was counted in it, and its counts are 0."""
        nothing = tuple(0 if c in self.counts else None for c in range(len(self.table.columns)))
        return self.of_month.get(f"{month:%Y-%m}", nothing)

    def _name(self, row: tuple[Cell, ...]) -> str:
        return ", ".join(self._cell(c, row[c]) for c in self.about)

    def _heading(self, c: int) -> str:
        """A column's short name, or its full one if it has no short one."""
        name = self.table.columns[c]
        section = "followup_short" if self.words.texts.has("followup_short", name) else "followup"
        return self.words.say(section, name)

    def _cell(self, c: int, value: Cell) -> str:
        name = self.table.columns[c]
        if not isinstance(value, int):
            return cell(name, value, self.words) if c in self.about or isinstance(value, float) else str(value or "–")
        if name.startswith("hours"):
            code = "hours" if value < 2 * _DAY else "days"
            return self.words.say("followup_charts", code, count=number(value if code == "hours" else value // _DAY))
        return number(value)


def _known(value: Cell) -> int:
    return value if isinstance(value, int) else 0


def _bar(name: str, value: Cell, shown: str, more: Cell = None) -> Bar:
    return Bar(name, value if isinstance(value, int) else None, shown, more if isinstance(more, int) else None)
