"""``adapter audit``: who read what."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection

from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption, JsonOption, command_group, print_json
from adapter.cli.reader import noted
from adapter.domain.looks import day_end, day_start
from adapter.presentation.console import console
from adapter.store import reads
from adapter.store.reads import Read

app = command_group("Who read what, and what was done.")

CaseOption = Annotated[str | None, typer.Option("--case", help="Only of this case, by its reference.")]
FromOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")]


def span(first: datetime | None, last: datetime | None, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """The instants (UTC) from which, and before which, something happened on these local days."""
    return first and day_start(first.date(), zone), last and day_end(last.date(), zone)


@app.command("reads")
def list_reads(
    case: CaseOption = None,
    first: FromOption = None,
    last: ToOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who read what, when and from where: on the status page and by command, kept for `audit_days` of the mapping.

    Looking is written down as well.
    """
    with open_service(config) as service:

        def find(c: Connection) -> list[Read]:
            found = []
            for name, tenant in service.runtime.tenants.items():
                since, until = span(first, last, tenant.policy.zone)
                found += reads.find(c, name, ref=case.upper() if case else None, since=since, until=until)
            noted(c, service, "reads", tuple(service.tenants))
            return found

        found = service.runtime.db.run_sync(find)
    if as_json:
        print_json([asdict(read) | {"at": read.at.isoformat()} for read in found])
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("at (UTC)", "who", "what", "case", "from", "municipality"):
        table.add_column(heading)
    for read in found:
        table.add_row(f"{read.at:%Y-%m-%d %H:%M:%S}", read.who, read.what, read.ref or "", read.place, read.tenant)
    console().print(table)
