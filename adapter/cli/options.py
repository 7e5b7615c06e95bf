"""What many commands have in common: options, and how a group of them is made."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

STOCKHOLM = ZoneInfo("Europe/Stockholm")
"""For days that a command takes before it knows a municipality's own zone."""

_EARLIEST, _LATEST = 2000, 2199
"""The years that can be asked for: nothing happened before, and the calendar has an end."""


def day(text: str) -> date:
    """A day as it is typed."""
    try:
        found = date.fromisoformat(str(text))  # typer parses once more what it has asked for
    except ValueError:
        raise typer.BadParameter("that is no day; write it as 2026-11-29.") from None
    if not _EARLIEST <= found.year <= _LATEST:
        raise typer.BadParameter(f"give a day of the years {_EARLIEST} to {_LATEST}.")
    return found


def in_order(first: date | None, last: date | None) -> None:
    """Refuses a span that ends before it begins."""
    if first and last and first > last:
        raise typer.BadParameter(f"--from {first} is after --to {last}.")


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The settings' file. Default: $ADAPTER_CONFIG, else local/adapter.toml if it is there.",
        show_default=False,
        metavar="PATH",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for a program.")]
CaseArgument = Annotated[
    str, typer.Argument(metavar="CASE", help="The case's reference, as TK-7F3K2M, or the number of an order of it.")
]
_DAY: dict[str, Any] = {"parser": day, "metavar": "YYYY-MM-DD", "show_default": False}
FromOption = Annotated[date | None, typer.Option("--from", help="The first day.", **_DAY)]
ToOption = Annotated[date | None, typer.Option("--to", help="The last day.", **_DAY)]
SinceOption = Annotated[date | None, typer.Option("--since", help="With scope since: a day.", **_DAY)]

PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


def command_group() -> typer.Typer:
    """A group of commands, such as ``adapter db``; what it is for stands in ``adapter.cli.app.COMMANDS``."""
    return typer.Typer(no_args_is_help=True, **PLAIN)


def print_json(value: Any) -> None:
    """What a program reads: dataclasses by their fields, instants in UTC and days by ISO 8601."""
    from pydantic_core import to_json  # here, because `adapter --help` doesn't need it

    typer.echo(to_json(value, indent=2).decode())
