"""Leaves small numbers out of what is handed on, so that nobody can be recognised by them.

A count under the limit is left out; 0 is shown. Numbers are parts of sums: units add up to all, months to the span,
outcomes to the due looks. If subtraction from a sum would reveal a number, the next smallest number is left out too. A
length is left out together with its count. The number of persons with active e-tillsyn is rounded to whole multiples of
the limit, because otherwise it would reveal starts and ends. Each sum is protected by itself, within one span: a person
who compares papers for several spans can still calculate some numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from adapter.followup.report import SPAN, Cell, Table
from adapter.followup.tallies import ALL

HIDDEN = ".."
"""Shown instead of a number that is left out, as in Sweden's official statistics."""

OF_NOBODY = frozenset({"service", "outages"})
"""Tables that count neither persons nor what was done for them. All their numbers are shown."""

STATES = ("active",)
"""Columns that show a number at the end of a month. They don't add up over months."""

_LENGTHS = ("_median", "_p90", "_p50", "_p95")
"""Columns whose names end so hold a length."""
_LENGTH_OF = {
    "lead": ("started",),
    "hours": ("done", "over"),
    "told": ("missed", "camera_offline", "unanswered"),
}
"""By the first word of a length's name: the counts that it belongs to. The length is shown if one of them is shown and
isn't small. A length with another name is left out as soon as any number in its row is."""
_SUM_OF_THE_OTHERS = {"looks": "due"}

_Key = tuple[int, int]
"""A cell: row and column."""


@dataclass(frozen=True, slots=True)
class _Sum:
    total: _Key
    parts: tuple[_Key, ...]


def suppressed(tables: Sequence[Table], below: int) -> tuple[Table, ...]:
    """The same tables, with ``HIDDEN`` where a number is left out. ``tables`` come from ``report.by_span``. A limit of
    1 or 0 leaves out nothing."""
    return tuple(_suppressed(t, below) if below > 1 and t.name not in OF_NOBODY else t for t in tables)


def codes(table: Table) -> tuple[int, ...]:
    """The columns with codes, which say what a row is about besides its month and unit."""
    columns = range(2, len(table.columns))
    return tuple(n for n in columns if any(isinstance(row[n], str) and row[n] != HIDDEN for row in table.rows))


def counts(table: Table) -> tuple[int, ...]:
    """The columns that hold counts."""
    about, columns = codes(table), range(2, len(table.columns))
    return tuple(n for n in columns if n not in about and not table.columns[n].endswith(_LENGTHS))


def _suppressed(table: Table, below: int) -> Table:
    counted = counts(table)
    values = {(r, c): int(row[c] or 0) for r, row in enumerate(table.rows) for c in counted}
    hidden = {key for key, value in values.items() if value and value < below}
    sums = tuple(_sums(table))
    least = {key: 1 if value else 0 for key, value in values.items()}
    for s in (*sums, *sums):  # twice, because a part of one sum may be the total of another
        least[s.total] = max(least[s.total], sum(least[key] for key in s.parts))
    while [s for s in sums if _mend(s, values, least, hidden, below)]:
        pass  # again, because a number left out of one sum may reveal one in another
    states = [c for c, name in enumerate(table.columns) if name in STATES]
    rows = []
    for r, row in enumerate(table.rows):
        cells: list[Cell] = [HIDDEN if (r, c) in hidden else cell for c, cell in enumerate(row)]
        for c, name in enumerate(table.columns):
            if name.endswith(_LENGTHS) and cells[c] is not None and _too_few(table, cells, name, below):
                cells[c] = HIDDEN
            if c in states and (r, c) not in hidden:
                cells[c] = (values[r, c] + below // 2) // below * below
        rows.append(tuple(cells))
    return replace(table, rows=tuple(rows))


def _mend(s: _Sum, values: dict[_Key, int], least: dict[_Key, int], hidden: set[_Key], below: int) -> bool:
    """Leave out one more number if the hidden ones could be calculated from the rest of the sum. Because 0 is shown,
    everybody knows that a hidden number is at least its ``least``."""
    gone = [key for key in s.parts if key in hidden]
    come_to, known = sum(values[key] for key in gone), sum(least[key] for key in gone)
    enough = len(gone) > 1 and come_to >= below and come_to > known
    if gone if s.total in hidden else not gone or enough:
        return False
    shown = [key for key in s.parts if key not in hidden and values[key]]
    more = min(shown, key=lambda key: values[key], default=s.total)
    if more in hidden:
        return False
    hidden.add(more)
    return True


def _sums(table: Table) -> Iterator[_Sum]:
    about, counted = codes(table), counts(table)
    places = {(row[0], row[1], tuple(row[c] for c in about)): r for r, row in enumerate(table.rows)}
    months = list(dict.fromkeys(month for month, _, _ in places if month != SPAN))
    units = list(dict.fromkeys(unit for _, unit, _ in places if unit != ALL))
    for (month, unit, what), r in places.items():
        of_months = [(m, unit, what) for m in months] if month == SPAN else []
        of_units = [(month, u, what) for u in units] if unit == ALL else []
        for parts in (of_months, of_units):
            rows = [places[part] for part in parts if part in places]
            for c in counted if rows else ():
                if table.columns[c] not in STATES:
                    yield _Sum((r, c), tuple((row, c) for row in rows))
    if (name := _SUM_OF_THE_OTHERS.get(table.name)) is not None:
        due = table.columns.index(name)
        for r in places.values():
            yield _Sum((r, due), tuple((r, c) for c in counted if c != due))


def _too_few(table: Table, cells: Sequence[Cell], name: str, below: int) -> bool:
    of = [table.columns.index(c) for c in _LENGTH_OF.get(name.split("_")[0], ()) if c in table.columns]
    return not any(isinstance(n := cells[c], int) and n >= below for c in of) if of else HIDDEN in cells
