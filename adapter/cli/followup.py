"""``adapter followup``: what was done in a span of days, counted by month and unit."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.cli.failures import CANT_BEGIN, WRONG, fail
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption, JsonOption, print_json
from adapter.domain.looks import local_date
from adapter.engine.recount import recount
from adapter.followup.report import Table, report
from adapter.presentation.console import console
from adapter.presentation.followup_page import followup_json, followup_page, write_csv
from adapter.store import counts


def followup(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; today by default.")
    ] = None,
    unit: Annotated[int | None, typer.Option(help="Only this unit, by its number in Lifecare.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A folder: one file a table, for Excel.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Count again from the source, and say what differs.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what was done, by month and unit: cases, steps, pauses, looks, reminders, messages, and how it all ran.

    From the first day of the year to today unless --from and --to say otherwise. docs/followup.md has the columns.
    """
    with open_service(config) as service:
        told = {name: _of_tenant(service, name, first, last, unit, check=check) for name in service.tenants}
        if check:
            raise typer.Exit(_tell_check(told))
        if as_json:
            print_json({name: followup_json(tables) for name, (tables, _) in told.items()})
            return
        for name, (tables, _) in told.items():
            if len(told) > 1:
                typer.echo(name)
            if csv is None:
                console().print(followup_page(tables, service.words[name]))
                continue
            try:
                written = write_csv(tables, csv / name if len(told) > 1 else csv, service.words[name])
            except OSError as error:
                raise fail(f"The files can't be written to {csv}: {error.strerror}.") from None
            for path in written:
                typer.echo(str(path))


def _of_tenant(
    service: Service, name: str, first: datetime | None, last: datetime | None, unit: int | None, *, check: bool
) -> tuple[tuple[Table, ...], list[str]]:
    tenant = service.runtime.tenants[name]
    now, zone = service.runtime.clock.now(), tenant.policy.zone
    until = last.date() if last else local_date(now, zone)
    since = first.date() if first else date(until.year, 1, 1)
    if since > until:
        raise fail(f"--from {since} is after --to {until}.", CANT_BEGIN)
    if check:
        found = service.runtime.db.run_sync(lambda c: recount(c, tenant, since, until))
        return (), [f"{d.when} {d.what}: counted {d.counted}, found {d.found}" for d in found]

    def read(c: Connection) -> tuple[Table, ...]:
        return report(counts.months(c, name, since, until, zone=zone, now=now), unit)

    return service.runtime.db.run_sync(read), []


def _tell_check(told: dict[str, tuple[tuple[Table, ...], list[str]]]) -> int:
    for name, (_, differences) in told.items():
        typer.echo(f"{name}: {'; '.join(differences) or 'what is counted agrees with its source'}")
    return WRONG if any(differences for _, differences in told.values()) else 0
