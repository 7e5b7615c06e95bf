"""``adapter followup``: what was done in a span of days, counted by month and unit."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from adapter.bootstrap import Service
from adapter.cli.failures import WRONG
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption, FromOption, JsonOption, ToOption, in_order, print_json
from adapter.cli.output_files import of_tenant, write_file, write_pdf
from adapter.domain.wall_clock import local_date
from adapter.engine.recount import recount
from adapter.engine.runtime import Tenant
from adapter.followup.report import Month, by_span, report
from adapter.followup.suppression import suppressed
from adapter.followup.tallies import ALL
from adapter.presentation.console import console
from adapter.presentation.followup_page import cell, followup_csv, followup_json, followup_page
from adapter.presentation.followup_view import paper
from adapter.store import counts
from mappings.documents import FOLLOW_UP


def followup(
    first: FromOption = None,
    last: ToOption = None,
    unit: Annotated[int | None, typer.Option(help="Only this unit, by its number in Lifecare.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A folder: one file a table, for Excel.")] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", help="A file: the same with charts, on paper, without small numbers.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Count again from the source, and say what differs.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was done, by month and unit: cases, steps, pauses, looks, reminders, messages, and how it all ran.

    Without --from and --to: from the first day of the year to today. docs/followup.md explains the columns. --csv and
    --pdf can be given together. If there are several municipalities, each gets its own PDF, with its name at the end of
    the file's name.
    """
    if check + as_json + bool(csv or pdf) > 1:
        raise typer.BadParameter("give --check or --json alone; --csv and --pdf may be given together.")
    with open_service(config, "followup") as service:
        several, told, differs = len(service.tenants) > 1, dict[str, Any](), False
        for name, tenant in service.runtime.tenants.items():
            words, now = service.words[name], service.runtime.clock.now()
            today = local_date(now, words.zone)
            until = last or today
            since = first or date(until.year, 1, 1)
            in_order(since, until)
            if check:
                differs = _counted_wrongly(service, tenant, since, until) or differs
                continue
            months = service.runtime.db.run_sync(
                partial(counts.months, tenant=name, first=since, last=until, zone=words.zone, now=now)
            )
            tables = report(months, unit)
            if unit is not None and unit not in (units := _units(months)):
                known = ", ".join(f"{n} ({cell('unit', n, words)})" for n in units) or "none"
                typer.echo(
                    f"Nothing is counted of unit {unit} on these days. Units that have something: {known}.", err=True
                )
            if pdf is not None:
                below = service.settings.followup.suppress_below
                whose, spans = ALL if unit is None else unit, suppressed(by_span(months), below)
                data = paper(spans, since, until, whose, words, today=today, below=below)
                write_pdf(service.printers[name], FOLLOW_UP, data, of_tenant(pdf, name, service))
            if csv is not None:
                folder = csv / name if several else csv
                for table in tables:
                    write_file(followup_csv(table, words), folder / f"{table.name}.csv")
            if as_json:
                told[name] = followup_json(tables)
            elif not (csv or pdf):
                console().print(*([name] if several else []), followup_page(tables, words), sep="\n")
    if told:
        print_json(told)
    if differs:
        raise typer.Exit(WRONG)


def _counted_wrongly(service: Service, tenant: Tenant, first: date, last: date) -> bool:
    found = service.runtime.db.run_sync(partial(recount, tenant=tenant, first=first, last=last))
    differences = [f"{d.when} {d.what}: counted {d.counted}, found {d.found}" for d in found]
    typer.echo(f"{tenant.name}: {'; '.join(differences) or 'what is counted agrees with its source'}")
    return bool(found)


def _units(months: Sequence[Month]) -> list[int]:
    """The units of which anything is counted."""
    rows = (row for table in report(months, every=True) for row in table.rows)
    return sorted({row[1] for row in rows if isinstance(row[1], int)} - {ALL})
