"""The program ``adapter``: which commands there are, in the order in which an operator meets them.

Each command stands in a module of its own, which is imported only when the command is called for. So ``adapter --help``
answers at once, without the database's and the vendors' libraries.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from adapter.cli.failures import UNEXPECTED, failures_in_words, tell_unexpected
from adapter.cli.options import PLAIN

COMMANDS = {
    "init": ("init:init", "Ask for a first configuration, write it and check it."),
    "check": ("check:check", "Check settings, mapping, database, Lifecare, Phoniro and mail."),
    "run": ("run:run", "Run the adapter until it is stopped."),
    "health": ("health:health", "Ask the running adapter whether it is alive."),
    "case": ("cases:app", "Look at cases: what is done, awaited and next."),
    "nights": ("cases:nights", "Show the last fourteen nights of a case, look by look."),
    "plan": ("cases:plan", "Show what would be done for a case now, and why."),
    "resync": ("resync:app", "Have cases read again, and see the results."),
    "compare": ("compare:compare_now", "Compare Phoniro's schedules with the cases."),
    "adopt": ("adopt:propose", "Propose the adopt file for going live."),
    "followup": ("followup:followup", "Show what was done, by month and unit."),
    "guide": ("guide:show_guide", "Show the guide (lathund) of a role."),
    "audit": ("audit:app", "See who read what, and whether the audit was changed."),
    "purge": ("purge:purge", "Delete personal data that is old enough."),
    "times": ("times:app", "Try how the adapter would read a note with agreed times."),
    "config": ("config:app", "See the settings that are in force."),
    "logs": ("logs:app", "Understand the log."),
    "db": ("db:app", "The adapter's own database."),
    "simulate": ("simulate:simulate", "Run simulated Lifecare and Phoniro on this machine."),
    "demo": ("demo:demo", "Play three persons' lives with simulated vendors."),
}
"""Of each command: the module and the name in it, which is a function or a group of commands, and what it is for."""


class Commands(TyperGroup):
    """Finds a command in ``COMMANDS``. What goes wrong in it is told in words."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        place, purpose = COMMANDS[cmd_name]
        module, _, name = place.partition(":")
        found = getattr(import_module(f"adapter.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.help = purpose
            return group
        alone = typer.Typer(**PLAIN)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        with failures_in_words():
            return super().invoke(ctx)


app = typer.Typer(name="adapter", cls=Commands, no_args_is_help=True, **PLAIN)


def _tell(asked: bool) -> None:
    if asked:
        typer.echo(f"adapter {version('trygghetskamera-adapter')}")
        raise typer.Exit


@app.callback(
    epilog="Start with `adapter demo`; before going live, `adapter check`. docs/settings.md describes every setting."
)
def adapter(
    _version: Annotated[
        bool, typer.Option("--version", help="Say the version.", is_eager=True, callback=_tell)
    ] = False,
) -> None:
    """Carries night supervision by camera from Lifecare to Phoniro and the alarm team, and undoes it when it ends."""


def main() -> None:
    """The program. Ends with 0, with 1 where something is wrong, with 2 where it can't begin (arguments, settings)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no ✓ gets a question mark
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets words, never a traceback with values
        tell_unexpected(error)
        sys.exit(UNEXPECTED)
