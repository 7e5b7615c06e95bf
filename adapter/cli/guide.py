"""``adapter guide``: the page of a role, made from the mapping."""

import asyncio
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from adapter import bootstrap
from adapter.bootstrap import Service
from adapter.cli.open_service import command_settings, tell_left_out
from adapter.cli.options import ConfigOption
from adapter.cli.output_files import of_tenant, write_pdf
from adapter.presentation.console import console
from adapter.presentation.guide_page import GuideRole, guide_page
from mappings.documents import GUIDE

_PATIENCE = 5.0
"""Seconds for the case system to name its headings."""


def show_guide(
    role: Annotated[GuideRole, typer.Argument(help="The role.")],
    pdf: Annotated[Path | None, typer.Option("--pdf", "-o", help="A file to write it to, as PDF.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show the guide (lathund) of a role: which heading means what, how to write times, what comes back, whom to ask.

    The guide is made from the mapping. Lifecare is asked for the names of the headings; if it doesn't answer, the
    adapter's own names and the mapping's codes are used. A municipality can have its own template, lathund.typ, in the
    folder `documents` beside its mapping.
    """
    service = bootstrap.build(command_settings(config))
    tell_left_out(service.runtime.refused)
    asyncio.run(_learn_headings(service))
    for name, printer in service.printers.items():
        made = printer.guide(role)
        if pdf is None:
            console().print(guide_page(made))
        else:
            write_pdf(printer, GUIDE, asdict(made), of_tenant(pdf, name, service))


async def _learn_headings(service: Service) -> None:
    async with service:
        for name, tenant in service.runtime.tenants.items():
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await tenant.source.read_headings()
            if not service.tenants[name].headings:
                typer.echo(
                    f"Lifecare of {name} doesn't name its headings now; they have the adapter's names.", err=True
                )
