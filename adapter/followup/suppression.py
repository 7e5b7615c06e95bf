"""Small numbers left out of what is handed on, so that nobody can be recognised by them.

A count under the limit is left out; 0 is shown. So that it can't be had by subtraction, each sum (units to all, months
to the span, outcomes to the looks that were due) that would give one away loses its next smallest number too. A length
is left out with the count that it is of. How many are looked after is rounded to whole multiples of the limit, as
starts and ends could be had from it otherwise. Each sum is looked at by itself, within one span: whoever holds papers
of several spans against one another can still reckon some numbers out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from adapter.followup.report import ALL, SPAN, Cell, Table

HIDDEN = ".."
"""Stands for a number that is left out, as in Sweden's official statistics."""

OF_NOBODY = frozenset({"service", "outages"})
"""Tables that count no persons and nothing that was done for one: all of their numbers are shown."""

STATES = ("active",)
"""Columns of how many there are at a month's end: they don't add up."""

_LENGTHS = ("_median", "_p90", "_p50", "_p95")
"""How the names of columns end that hold a length."""
_LENGTH_OF = {
    "lead": ("started",),
    "hours": ("done", "over"),
    "told": ("missed", "camera_offline", "unanswered"),
}
"""By how a length's name begins: the counts of which one that is shown, and no small one, is enough to show it. Of any
other length that isn't known, and any number left out of its row takes it along."""
_SUM_OF_THE_OTHERS = {"looks": "due"}

_Key = tuple[int, int]
"""A cell: its row, its column."""


@dataclass(frozen=True, slots=True)
class _Sum:
    total: _Key
    parts: tuple[_Key, ...]


def suppressed(tables: Sequence[Table], below: int) -> tuple[Table, ...]:
    """``tables`` of all units by month and for the span (``report.by_span``), with ``HIDDEN`` for what is left out. A
    limit of 1 or 0 leaves out nothing."""
    return tuple(_suppressed(t, below) if below > 1 and t.name not in OF_NOBODY else t for t in tables)


def codes(table: Table) -> tuple[int, ...]:
    """The columns that say what a row is about, besides its month and unit."""
    columns = range(2, len(table.columns))
    return tuple(n for n in columns if any(isinstance(row[n], str) and row[n] != HIDDEN for row in table.rows))


def counts(table: Table) -> tuple[int, ...]:
    """The columns that hold how many there were."""
    about, columns = codes(table), range(2, len(table.columns))
    return tuple(n for n in columns if n not in about and not table.columns[n].endswith(_LENGTHS))


def _suppressed(table: Table, below: int) -> Table:
    counted = counts(table)
    values = {(r, c): int(row[c] or 0) for r, row in enumerate(table.rows) for c in counted}
    hidden = {key for key, value in values.items() if value and value < below}
    sums = tuple(_sums(table))
    least = {key: 1 if value else 0 for key, value in values.items()}
    for s in (*sums, *sums):  # twice: what is a part of one may be the sum of another
        least[s.total] = max(least[s.total], sum(least[key] for key in s.parts))
    while [s for s in sums if _mend(s, values, least, hidden, below)]:
        pass  # what was left out of one sum may give away another
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
    """Leave out one number more, where those that are left out could be reckoned from what is shown of the sum. As 0 is
    shown, what is left out is known to be its ``least`` or more."""
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
