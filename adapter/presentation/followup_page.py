"""The follow-up's tables in words: for the terminal, for a program, and as files that Excel opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from adapter.followup.report import ALL, Cell, Table
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
"""Where the words of a column's codes stand."""


def heading(column: str, words: Words) -> str:
    return words.say("followup", column)


def cell(column: str, value: Cell, words: Words) -> str:
    """A cell as it is read; empty where there is nothing to tell."""
    if value is None:
        return ""
    if column == "unit":
        return _unit(int(value), words)
    if isinstance(value, float):
        return f"{value:.2f}".replace(".", ",")
    code = str(value)
    section = next((s for s in _SECTIONS.get(column, ()) if words.texts.has(s, code)), None)
    text = words.say(section, code) if section else code
    return f"{code} {text}" if column in ("step", "about") and section in ("steps", "step_names") else text


def _unit(unit: int, words: Words) -> str:
    if unit == ALL:
        return words.say("followup", "all_units")
    if not unit:
        return words.say("followup", "no_unit")
    return words.say("units", str(unit)) if words.texts.has("units", str(unit)) else str(unit)


def followup_page(tables: Sequence[Table], words: Words) -> Group:
    """All tables, each under its name."""
    parts: list[Any] = []
    for table in tables:
        parts.append(Text(words.say("followup_tables", table.name), style="bold"))
        if not table.rows:
            parts += [Text(words.say("followup", "nothing")), Text()]
            continue
        shown = RichTable(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in table.columns:
            number = (
                any(isinstance(row[table.columns.index(column)], int | float) for row in table.rows)
                and column != "unit"
            )
            shown.add_column(heading(column, words), justify="right" if number else "left")
        for row in table.rows:
            shown.add_row(*(cell(c, v, words) for c, v in zip(table.columns, row, strict=True)))
        parts += [shown, Text()]
    return Group(*parts)


def followup_json(tables: Sequence[Table]) -> dict[str, list[dict[str, Cell]]]:
    """Codes and numbers; the unit's number, or null for all units together."""
    return {
        table.name: [
            {c: None if c == "unit" and v == ALL else v for c, v in zip(table.columns, row, strict=True)}
            for row in table.rows
        ]
        for table in tables
    }


def csv_text(table: Table, words: Words) -> str:
    """As Swedish Excel opens it, once it is encoded as UTF-8 with a byte order mark (``utf-8-sig``): semicolons."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    rows.writerow(heading(column, words) for column in table.columns)
    rows.writerows([cell(c, v, words) for c, v in zip(table.columns, row, strict=True)] for row in table.rows)
    return text.getvalue()


def write_csv(tables: Sequence[Table], folder: Path, words: Words) -> list[Path]:
    """One file a table. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        path = folder / f"{table.name}.csv"
        path.write_text(csv_text(table, words), encoding="utf-8-sig", newline="")
        written.append(path)
    return written
