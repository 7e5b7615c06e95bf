"""The operator's commands, with the help that a stranger reads: re-syncs, settings, logs, forgetting, beginning."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.options import ConfigOption, JsonOption

resync_app = typer.Typer(help="Have cases read again, and see what came of it.", no_args_is_help=True)
config_app = typer.Typer(help="See the settings as they count.", no_args_is_help=True)
logs_app = typer.Typer(help="Understand the log.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    app.add_typer(resync_app, name="resync")
    app.add_typer(config_app, name="config")
    app.add_typer(logs_app, name="logs")
    app.command(short_help="Ask for a first configuration, write and check it.")(init)
    app.command(short_help="Forget what is due to be forgotten.")(purge)


@resync_app.command("list")
def resync_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the requests, and how far each has come.

    Also what stands in the file and wasn't taken yet, or can't be used.
    """
    from adapter.cli.resync import list_resyncs

    list_resyncs(config, as_json=as_json)


@resync_app.command("show")
def resync_show(
    id: Annotated[str, typer.Argument(help="The request's id.", metavar="ID")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one request, case by case.

    What was done for each, or would be done (mode plan).
    """
    from adapter.cli.resync import show_resync

    show_resync(config, id, as_json=as_json)


@resync_app.command("add")
def resync_add(
    scope: Annotated[
        str, typer.Option(help="everything, tenant, since, cases, orders, open or parked; see config/resync.toml.")
    ],
    who: Annotated[str, typer.Option(help="Who asks: a role rather than a name.")],
    why: Annotated[str, typer.Option(help="Why; nothing personal.")],
    mode: Annotated[str, typer.Option(help="plan (only say what would be done) or apply.")] = "plan",
    id: Annotated[str | None, typer.Option(help="An id never used before. Default: made of the time.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The municipality, where there are several.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="With scope cases; may be given more than once.")] = None,
    order: Annotated[list[str] | None, typer.Option(help="With scope orders; may be given more than once.")] = None,
    since: Annotated[datetime | None, typer.Option(help="With scope since: a date.", formats=["%Y-%m-%d"])] = None,
    config: ConfigOption = None,
) -> None:
    """Write a request into the re-sync file.

    The running adapter takes it within seconds.

    For example: adapter resync add --scope since --since 2026-11-21 --who "IT on call" --why "the feed was down"
    """
    from adapter.cli.resync import add_resync

    day = since.date() if since else None
    keys = {"id": id, "scope": scope, "mode": mode, "tenant": tenant, "cases": case, "orders": order, "since": day}
    add_resync(config, {**keys, "who": who, "why": why})


@config_app.command("show")
def config_show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, secrets masked.

    As it counts: environment over secret files over the configuration file over defaults.
    """
    from adapter.cli.config import show_config

    show_config(config, as_json=as_json)


@logs_app.command("explain")
def logs_explain(
    case: Annotated[str | None, typer.Option(help="Only this case, where the log holds several.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone to tell times in.")] = "Europe/Stockholm",
) -> None:
    """Turn JSON log lines into the story of each case.

    They are read from standard input.

    For example: journalctl -u adapter -o cat | adapter logs explain --case TK-7F3K2M
    """
    from adapter.cli.logs import explain

    explain(case, zone)


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which cases it would be.")] = False,
    case: Annotated[str | None, typer.Option(help="This closed case alone, and before its time.")] = None,
    config: ConfigOption = None,
) -> None:
    """Forget now what is due to be: personal data of cases closed longer ago than `retention_days` of the mapping.

    The running adapter does this every day by itself. With --case one closed case is forgotten before its time.
    """
    from adapter.cli.purge import purge

    purge(config, dry_run=dry_run, case=case)


def init(
    folder: Annotated[Path, typer.Option(help="Where to write: settings, mapping, secrets, database.")] = Path("local"),
    tenant: Annotated[str | None, typer.Option(help="A short name: lower-case letters, digits, hyphens.")] = None,
    municipality: Annotated[str | None, typer.Option(help="The municipality's name, as people write it.")] = None,
    go_live: Annotated[
        datetime | None, typer.Option(help="Orders from before are left alone.", formats=["%Y-%m-%d"])
    ] = None,
    lifecare_url: Annotated[str | None, typer.Option(help="Lifecare's address.")] = None,
    lifecare_domain: Annotated[str | None, typer.Option(help="The municipality's domain at Lifecare.")] = None,
    lifecare_key_from: Annotated[Path | None, typer.Option(help="A file with Lifecare's API key.")] = None,
    phoniro_url: Annotated[str | None, typer.Option(help="Phoniro's address.")] = None,
    phoniro_client: Annotated[str | None, typer.Option(help="The OAuth 2.0 client at Phoniro.")] = None,
    phoniro_secret_from: Annotated[Path | None, typer.Option(help="A file with the client's secret.")] = None,
    check: Annotated[bool, typer.Option(help="Check it all afterwards.")] = True,
) -> None:
    """Ask for what a municipality's configuration needs, write it, and check it.

    What is given as an option isn't asked for. Nothing that is there already is overwritten. It begins as a dry run:
    everything is read, nothing is written, and what would have been done is told.
    """
    from adapter.cli.init import Answers, begin

    day = go_live.date() if go_live else None
    answers = Answers(
        tenant=tenant,
        municipality=municipality,
        go_live=day,
        lifecare_url=lifecare_url,
        lifecare_domain=lifecare_domain,
        lifecare_key_from=lifecare_key_from,
        phoniro_url=phoniro_url,
        phoniro_client=phoniro_client,
        phoniro_secret_from=phoniro_secret_from,
    )
    raise typer.Exit(begin(folder, answers, check=check))
