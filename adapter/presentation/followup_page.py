"""The follow-up's tables in words: for the terminal, for programs, and as files for Excel."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.text import Text

from adapter.followup.report import Cell, Table
from adapter.followup.tallies import ALL
from adapter.presentation.console import table as empty_table
from adapter.presentation.words import Words

_SECTIONS = {
    "step": ("step_names", "steps"),
    "role": ("roles",),
    "cause": ("unwatched", "causes", "followup_codes"),
    "about": ("step_names", "steps", "unwatched", "causes", "mails", "followup_codes"),
    "kind": ("followup_kinds",),
    "message": ("letters", "mails"),
    "system": ("followup_systems",),
}
"""The sections of the text table with the words for a column's codes."""
_ANY_WIDTH = 10_000


def cell(column: str, value: Cell, words: Words) -> str:
    """A cell in words; empty for None."""
    if value is None:
        return ""
    if column == "unit":
        unit = int(value)
        return (
            words.say("followup", "all_units" if unit == ALL else "no_unit") if unit in (ALL, 0) else words.unit(unit)
        )
    if isinstance(value, float):
        return f"{value:.2f}".replace(".", ",")
    code = str(value)
    section = next((s for s in _SECTIONS.get(column, ()) if words.texts.has(s, code)), None)
    text = words.say(section, code) if section else code
    return f"{code} {text}" if column in ("step", "about") and section in ("steps", "step_names") else text


def followup_page(tables: Sequence[Table], words: Words) -> Group:
    """All tables, each under its name."""
    parts: list[Any] = []
    for table in tables:
        rows = _Rows(table, words) if table.rows else Text(words.say("followup", "nothing"))
        parts += [Text(words.say("followup_tables", table.name), style="bold"), rows, Text()]
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table. Where the terminal is so narrow that words and numbers would be cut, the rows stand side by
    side, as many as there is room for."""

    table: Table
    words: Words

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [self.words.say("followup", column) for column in self.table.columns]
        cells = [[cell(*each, self.words) for each in zip(self.table.columns, r, strict=True)] for r in self.table.rows]
        numbers = [
            name
            for name, column, *values in zip(names, self.table.columns, *self.table.rows, strict=True)
            if column != "unit" and any(isinstance(value, int | float) for value in values)
        ]
        shown = empty_table(*names, right=numbers)
        for row in cells:
            shown.add_row(*row)
        if Measurement.get(console, options.update(max_width=_ANY_WIDTH), shown).minimum <= options.max_width:
            yield shown
            return
        widest = max(len(word) for row in cells for text in row for word in text.split())
        abreast = max((options.max_width - max(map(len, names))) // (widest + 3), 1)
        for n in range(0, len(cells), abreast):
            some = cells[n : n + abreast]
            of = [f"{month} {unit}" for month, unit, *_ in some]
            turned = empty_table("", *of, right=of)
            for name, *values in list(zip(names, *some, strict=True))[2:]:
                turned.add_row(name, *values)
            yield from ([Text()] if n else [])
            yield turned


def followup_json(tables: Sequence[Table]) -> dict[str, list[dict[str, Cell]]]:
    """Codes and numbers. ``unit`` is the unit's number, or null for all units together."""
    return {
        table.name: [
            {c: None if c == "unit" and v == ALL else v for c, v in zip(table.columns, row, strict=True)}
            for row in table.rows
        ]
        for table in tables
    }


def followup_csv(table: Table, words: Words) -> bytes:
    """For Excel."""
    rows = ([cell(c, v, words) for c, v in zip(table.columns, row, strict=True)] for row in table.rows)
    return excel_csv([words.say("followup", column) for column in table.columns], rows)


def excel_csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A file that Swedish Excel opens: semicolons, UTF-8 with a byte order mark."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([head, *rows])
    return text.getvalue().encode("utf-8-sig")
