"""Decisions that are not executed or interrupted, in words: for the terminal, the status page, a program and Excel."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adapter.domain.unfulfilled import Level, Listed
from adapter.presentation.words import Words

COLUMNS = ("case", "tenant", "order", "unit", "kind", "since", "days", "level", "why")
"""Of each row and of the file; their headings stand in the section ``unfulfilled`` of the text table."""


def cells(tenant: str, row: Listed, words: Words) -> dict[str, str]:
    """A row in words, by column. The unit by its name, where it has one."""
    unit = str(row.unit or "")
    return {
        "case": row.case,
        "tenant": tenant,
        "order": row.item.order or "",
        "unit": words.say("units", unit) if words.texts.has("units", unit) else unit,
        "kind": words.say("unfulfilled", row.item.kind.value),
        "since": row.item.since.isoformat(),
        "days": str(row.days),
        "level": words.say("unfulfilled", row.level.value),
        "why": " ".join(words.say("waiting", code) for code in row.item.why),
    }


def unfulfilled_page(rows: Sequence[tuple[str, Listed]], words: Words, *, several: bool) -> RenderableType:
    """The list for a terminal; each row with its municipality."""
    if not rows:
        return Text(words.say("unfulfilled", "none"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    columns = [column for column in COLUMNS if several or column != "tenant"]
    for column in columns:
        table.add_column(words.say("unfulfilled", column), justify="right" if column == "days" else "left")
    for tenant, row in rows:
        said, style = cells(tenant, row, words), "bold red" if row.level is Level.REPORT else ""
        table.add_row(*(Text(said[column], style=style if column == "level" else "") for column in columns))
    count = words.heading("list_one" if len(rows) == 1 else "list_count", count=len(rows))
    return Group(table, Text(count, style="dim"))


def unfulfilled_json(tenant: str, row: Listed) -> dict[str, Any]:
    """Codes; ``since`` is a local date."""
    codes = {"kind": row.item.kind.value, "level": row.level.value, "why": list(row.item.why)}
    of = {"case": row.case, "tenant": tenant, "order": row.item.order, "unit": row.unit}
    return {**of, "since": row.item.since.isoformat(), "days": row.days, **codes}


def write_unfulfilled_csv(rows: Iterable[tuple[str, Listed]], path: Path, words: Words) -> None:
    """As Swedish Excel opens it: semicolons, UTF-8 with a byte order mark. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file, delimiter=";", lineterminator="\r\n")
        lines.writerow(words.say("unfulfilled", column) for column in COLUMNS)
        lines.writerows(cells(tenant, row, words).values() for tenant, row in rows)
