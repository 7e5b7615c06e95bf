"""``adapter followup``: what was done in a span of days, counted by month and unit."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapter.bootstrap import Service
from adapter.cli.documents import print_document, write_document
from adapter.cli.failures import CANT_BEGIN, WRONG, fail
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption, JsonOption, print_json
from adapter.cli.reader import noted
from adapter.domain.looks import local_date
from adapter.engine.recount import recount
from adapter.followup.report import ALL, Month, Table, by_span, report
from adapter.followup.suppression import suppressed
from adapter.ops.context import Document
from adapter.presentation.console import console
from adapter.presentation.followup_page import followup_json, followup_page, write_csv
from adapter.presentation.followup_view import paper
from adapter.store import counts
from mappings.documents import FOLLOW_UP, DocumentError

_EARLIEST, _LATEST = 2000, 2199
"""Years that a day may be of: nothing was counted before, and the calendar itself has an end."""


def followup(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; today by default.")
    ] = None,
    unit: Annotated[int | None, typer.Option(help="Only this unit, by its number in Lifecare.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A folder: one file a table, for Excel.")] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", help="A file: the same with charts, on paper, without small numbers.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Count again from the source, and say what differs.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what was done, by month and unit: cases, steps, pauses, looks, reminders, messages, and how it all ran.

    From the first day of the year to today unless --from and --to say otherwise. docs/followup.md has the columns.
    Of several municipalities each has a PDF of its own, with its name at the end of the file's.
    """
    with open_service(config) as service:
        service.runtime.db.run_sync(lambda c: noted(c, service, "followup"))
        if pdf is not None:
            for name in service.tenants:
                path = pdf.with_stem(f"{pdf.stem}-{name}") if len(service.tenants) > 1 else pdf
                write_document(_on_paper(service, name, *_span(service, name, first, last), unit), path)
            return
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


def _span(service: Service, name: str, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    tenant = service.runtime.tenants[name]
    until = last.date() if last else local_date(service.runtime.clock.now(), tenant.policy.zone)
    since = first.date() if first else date(until.year, 1, 1)
    if since > until:
        raise fail(f"--from {since} is after --to {until}.", CANT_BEGIN)
    for option, day in (("--from", since), ("--to", until)):
        if not _EARLIEST <= day.year <= _LATEST:
            raise fail(f"{option} {day} can't be: give a day of the years {_EARLIEST} to {_LATEST}.", CANT_BEGIN)
    return since, until


def _of_tenant(
    service: Service, name: str, first: datetime | None, last: datetime | None, unit: int | None, *, check: bool
) -> tuple[tuple[Table, ...], list[str]]:
    since, until = _span(service, name, first, last)
    if check:
        found = service.runtime.db.run_sync(lambda c: recount(c, service.runtime.tenants[name], since, until))
        return (), [f"{d.when} {d.what}: counted {d.counted}, found {d.found}" for d in found]

    return report(_months(service, name, since, until), unit), []


def _months(service: Service, name: str, first: date, last: date) -> list[Month]:
    zone, now = service.runtime.tenants[name].policy.zone, service.runtime.clock.now()
    return service.runtime.db.run_sync(lambda c: counts.months(c, name, first, last, zone=zone, now=now))


def _on_paper(service: Service, name: str, first: date, last: date, unit: int | None) -> Document:
    below, words = service.settings.followup.suppress_below, service.words[name]
    tables = suppressed(by_span(_months(service, name, first, last)), below)
    whose, today = ALL if unit is None else unit, local_date(service.runtime.clock.now(), words.zone)
    data = paper(tables, first, last, whose, words, today=today, below=below)
    try:
        return print_document(service, name, FOLLOW_UP, data, f"{FOLLOW_UP}.pdf")
    except DocumentError as error:
        raise fail(str(error)) from None


def _tell_check(told: dict[str, tuple[tuple[Table, ...], list[str]]]) -> int:
    for name, (_, differences) in told.items():
        typer.echo(f"{name}: {'; '.join(differences) or 'what is counted agrees with its source'}")
    return WRONG if any(differences for _, differences in told.values()) else 0
