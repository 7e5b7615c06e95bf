"""The follow-up's tables in words: for the terminal, for programs, and as files for Excel."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from adapter.followup.report import ALL, Cell, Table
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


def heading(column: str, words: Words) -> str:
    return words.say("followup", column)


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
        parts.append(Text(words.say("followup_tables", table.name), style="bold"))
        if not table.rows:
            parts += [Text(words.say("followup", "nothing")), Text()]
            continue
        names = {column: heading(column, words) for column in table.columns}
        numbers = [
            names[column]
            for column, *values in zip(table.columns, *table.rows, strict=True)
            if column != "unit" and any(isinstance(value, int | float) for value in values)
        ]
        shown = empty_table(*names.values(), right=numbers)
        for row in table.rows:
            shown.add_row(*(cell(c, v, words) for c, v in zip(table.columns, row, strict=True)))
        parts += [shown, Text()]
    return Group(*parts)


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
    return excel_csv([heading(column, words) for column in table.columns], rows)


def excel_csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A file that Swedish Excel opens: semicolons, UTF-8 with a byte order mark."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([head, *rows])
    return text.getvalue().encode("utf-8-sig")
