"""``adapter guide``: the page of a role, made from the mapping."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from adapter import bootstrap
from adapter.bootstrap import Service
from adapter.cli.documents import print_document, role_guide, write_document
from adapter.cli.failures import CANT_BEGIN, fail
from adapter.cli.open_service import command_settings, tell_left_out
from adapter.cli.options import ConfigOption
from adapter.presentation.console import console
from adapter.presentation.guide import GUIDES, guide_page, guide_paper
from mappings.documents import GUIDE, DocumentError

_PATIENCE = 5.0
"""Seconds for the case system to name its headings."""


def show_guide(
    role: Annotated[str, typer.Argument(help=f"Whose: {', '.join(GUIDES)}.")],
    pdf: Annotated[Path | None, typer.Option("--pdf", "-o", help="A file to write it to, as PDF.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show the guide (lathund) of a role: which heading means what, how to write times, what comes back, whom to ask.

    Made from the mapping. Lifecare is asked for the names of the headings; where it can't tell them, they have the
    adapter's own and the mapping's code. A municipality's own template, lathund.typ, stands in the folder `documents`
    beside its mapping.
    """
    if role not in GUIDES:
        raise fail(f"There is no guide for {role}; there are {', '.join(GUIDES)}.", CANT_BEGIN)
    service = bootstrap.build(command_settings(config))
    tell_left_out(service.runtime.refused)
    asyncio.run(_learn_headings(service))
    several = len(service.tenants) > 1
    for name in service.tenants:
        made = role_guide(service, name, role)
        assert made is not None
        if pdf is None:
            console().print(guide_page(made))
            continue
        path = pdf.with_stem(f"{pdf.stem}-{name}") if several else pdf
        try:
            document = print_document(service, name, GUIDE, guide_paper(made), path.name)
        except DocumentError as error:
            raise fail(str(error)) from None
        write_document(document, path)


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
