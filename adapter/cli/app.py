"""The commands, with the help that a stranger reads. What they do stands in the modules beside."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from adapter.cli.failures import UNEXPECTED, tell
from adapter.cli.operate import register
from adapter.cli.options import ConfigOption, JsonOption

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's reference, as TK-7F3K2M.")]

ORDER = ("init", "check", "run", "case", "plan", "resync", "compare", "adopt", "purge", "config", "logs", "db")
"""As an operator meets them; what isn't named follows."""


class InOrder(TyperGroup):
    """The commands in the order in which they are needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="adapter",
    cls=InOrder,
    help="Carries night supervision by camera from Lifecare to Phoniro and the alarm team, and back out again.",
    epilog="Start with `adapter demo`; before going live, `adapter check`. docs/settings.md describes every setting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
case_app = typer.Typer(help="Look at cases: what is done, awaited and next.", no_args_is_help=True)
db_app = typer.Typer(help="The adapter's own database.", no_args_is_help=True)
app.add_typer(case_app, name="case")
app.add_typer(db_app, name="db")
register(app)


@app.command()
def run(
    once: Annotated[
        bool, typer.Option("--once", help="One cycle: read what changed, do all that is due, and stop.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run the adapter until it is stopped.

    It logs to standard output. SIGTERM or Ctrl-C lets what is under way finish; a second one stops at once. Nothing is
    lost either way.
    """
    # Hardly anything that is imported is garbage, and looking for it is a tenth of the start. The service turns it on.
    gc.disable()
    from adapter.cli.run import run_service

    raise typer.Exit(run_service(config, once=once))


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check settings, mapping, database, Lifecare, Phoniro and mail.

    Reads only. Exits with 1 if anything must be mended; each such line says what to do.
    """
    from adapter.cli.check import run_check

    raise typer.Exit(run_check(config, as_json=as_json))


@case_app.command("list")
def case_list(
    late: Annotated[bool, typer.Option("--late", help="Only cases with a step that is late.")] = False,
    phase: Annotated[
        str | None,
        typer.Option(help="Only cases in this phase: preparing, active, paused, ending, closing or closed."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the cases, with what each one awaits.

    Orders that can't be used, and so have no case, follow with why; however the list is narrowed.
    """
    from adapter.cli.cases import list_cases

    list_cases(config, late=late, phase=phase, everything=everything, as_json=as_json)


@case_app.command("show")
def case_show(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one case: what is done, awaited and next.

    Every step by its evidence, what is awaited from whom and since when, what was done, and what comes next.
    """
    from adapter.cli.cases import show_case

    show_case(config, case, as_json=as_json)


@case_app.command("document")
def case_document(
    case: CaseArgument,
    kind: Annotated[str, typer.Option(help="bilaga-1, or checklista for the installation visit.")] = "bilaga-1",
    target: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write a document of a case as PDF.

    Bilaga 1 in two copies, or the checklist of the installation visit. Name and personal number are left blank for the
    pen. A municipality's own templates stand in the folder `documents` beside its mapping.
    """
    from adapter.cli.documents import write_document

    write_document(config, case, kind, target)


@app.command()
def adopt(config: ConfigOption = None) -> None:
    """Propose the adopt file for going live.

    Phoniro's running schedules are matched with Lifecare's orders. The proposal is printed and nothing is stored: check
    each entry, say who did and why, and save it as the adopt file.
    """
    from adapter.cli.adopt import propose

    propose(config)


@app.command("compare")
def compare_all(config: ConfigOption = None) -> None:
    """Compare Phoniro's schedules with the cases.

    Every schedule with what the cases know of it; what drifted is put right or told (engine.drift). It is also made
    once a day by itself.
    """
    from adapter.cli.compare import run_comparison

    run_comparison(config)


@app.command()
def plan(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what would be done for a case now, and why. Reads the case afresh; nothing is done or stored."""
    from adapter.cli.cases import plan_case

    plan_case(config, case, as_json=as_json)


@app.command()
def simulate(
    lifecare_port: Annotated[int, typer.Option(help="Lifecare's port; 0 is any free one.", min=0, max=65535)] = 8101,
    phoniro_port: Annotated[int, typer.Option(help="Phoniro's port; 0 is any free one.", min=0, max=65535)] = 8102,
    seed: Annotated[bool, typer.Option("--seed", help="With the demo's invented persons and orders in it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve both vendors, simulated, on this machine.

    They hold invented data only, take any number of adapters, and forget everything when they stop.
    """
    from adapter.cli.simulate import simulate_vendors

    simulate_vendors(lifecare_port, phoniro_port, seed=seed, as_json=as_json)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, and say where.")] = False,
) -> None:
    """Play three lives with simulated vendors.

    Three invented persons, both vendors simulated, and the adapter in processes of their own; then the promises are
    checked on what happened. Needs no settings and no network, and takes under a minute. Exits with 0 only if every
    promise held.
    """
    from adapter.demo.play import play

    raise typer.Exit(play(keep=keep))


@db_app.command("upgrade")
def db_upgrade(config: ConfigOption = None) -> None:
    """Bring the database's tables up to date.

    The database is made if it isn't there. Safe to repeat.
    """
    from adapter.cli.db import upgrade

    upgrade(config)


@db_app.command("status")
def db_status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say which database it is and what is in it.

    Whether its tables are up to date, the cases by phase, and the acts that wait.
    """
    from adapter.cli.db import status

    raise typer.Exit(status(config, as_json=as_json))


@db_app.command("backup")
def db_backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    config: ConfigOption = None,
) -> None:
    """Copy an SQLite database while the adapter runs.

    For PostgreSQL use pg_dump.
    """
    from adapter.cli.db import backup

    backup(config, target)


@db_app.command("restored")
def db_restored(config: ConfigOption = None) -> None:
    """Say that the database was put back from a backup.

    Before the adapter is started on it. What waited to be sent may have been sent since the backup: all of it is then
    looked for before it is sent.
    """
    from adapter.cli.db import restored

    restored(config)


def main() -> None:
    """The program. Ends with 0, with 1 where something is wrong, with 2 where it can't begin (arguments, settings)."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets words, never a traceback with values
        tell(error)
        sys.exit(UNEXPECTED)
