"""What many commands have in common: options, and how a group of them is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

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
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's reference, as TK-7F3K2M.")]

PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


def command_group(purpose: str) -> typer.Typer:
    """A group of commands, such as ``adapter db``."""
    return typer.Typer(help=purpose, no_args_is_help=True, **PLAIN)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
