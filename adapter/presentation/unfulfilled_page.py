"""Decisions that are not executed or are interrupted, in words: for the terminal, the status page, programs and
Excel."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from adapter.domain.unfulfilled import Level, Listed
from adapter.presentation.case_page import counted
from adapter.presentation.console import table
from adapter.presentation.followup_page import excel_csv
from adapter.presentation.words import Words

COLUMNS = ("case", "tenant", "order", "unit", "kind", "since", "days", "level", "why")
"""The columns. Their headings are in the section ``unfulfilled`` of the text table."""


def cells(tenant: str, row: Listed, words: Words) -> dict[str, str]:
    """A row in words, by column."""
    return {
        "case": row.case,
        "tenant": tenant,
        "order": row.item.order or "",
        "unit": words.unit(row.unit) if row.unit else "",
        "kind": words.say("unfulfilled", row.item.kind.value),
        "since": row.item.since.isoformat(),
        "days": str(row.days),
        "level": words.say("unfulfilled", row.level.value),
        "why": " ".join(words.say("waiting", code) for code in row.item.why),
    }


def unfulfilled_page(rows: Sequence[tuple[str, Listed]], words: Words, *, several: bool) -> RenderableType:
    """The list for a terminal. ``several``: name the municipality."""
    if not rows:
        return Text(words.say("unfulfilled", "none"))
    columns = {c: words.say("unfulfilled", c) for c in COLUMNS if several or c != "tenant"}
    shown = table(*columns.values(), right=[columns["days"]])
    for tenant, row in rows:
        texts, style = cells(tenant, row, words), "bold red" if row.level is Level.REPORT else ""
        shown.add_row(*(Text(texts[column], style=style if column == "level" else "") for column in columns))
    return Group(shown, counted(len(rows), words))


def unfulfilled_json(tenant: str, row: Listed) -> dict[str, Any]:
    """Codes; ``since`` is a local date."""
    of = {"case": row.case, "tenant": tenant, "order": row.item.order, "unit": row.unit, "since": row.item.since}
    return {**of, "days": row.days, "kind": row.item.kind, "level": row.level, "why": row.item.why}


def unfulfilled_csv(rows: Iterable[tuple[str, Listed]], words: Words) -> bytes:
    """For Excel."""
    return excel_csv(
        [words.say("unfulfilled", column) for column in COLUMNS],
        (list(cells(tenant, row, words).values()) for tenant, row in rows),
    )
