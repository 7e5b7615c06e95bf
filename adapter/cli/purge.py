"""``adapter purge``: forget now what is due to be forgotten; the running adapter does it daily by itself."""

import asyncio
from typing import Annotated

import typer

from adapter.cli.failures import fail
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption
from adapter.engine.retention import forget


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which cases it would be.")] = False,
    case: Annotated[str | None, typer.Option(help="This closed case alone, and before its time.")] = None,
    config: ConfigOption = None,
) -> None:
    """Delete now the personal data that is old enough.

    Deletes personal data of cases that were closed more than `retention_days` (of the mapping) ago. The running adapter
    does this every day by itself. With --case, one closed case is purged before its time.
    """
    ref = case.upper() if case else None
    with open_service(config, "purge") as service:
        found = asyncio.run(forget(service.runtime, dry_run=dry_run, ref=ref))
        if ref and not any(found.values()):
            raise fail(f"No case {ref} is closed and not purged yet: `adapter case show {ref}` tells how it stands.")
        for name, refs in found.items():
            if ref and not refs:
                continue
            days = service.runtime.tenants[name].retention.days
            what = "to be purged" if dry_run else "purged"
            which = "" if ref else f", closed more than {days} days ago"
            typer.echo(f"{name}: {len(refs)} {what}{which}")
            for purged in refs:
                typer.echo(f"  {purged}")
