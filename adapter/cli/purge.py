"""``adapter purge``: forget now what is due to be forgotten; the running adapter does it daily by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from adapter.cli.opening import reading
from adapter.engine.forget import forget


def purge(config: Path | None, *, dry_run: bool) -> None:
    with reading(config) as service:
        found = asyncio.run(forget(service.runtime, dry_run=dry_run))
        for name, refs in found.items():
            days = service.runtime.tenants[name].retention.days
            what = "to be purged" if dry_run else "purged"
            typer.echo(f"{name}: {len(refs)} {what}, closed more than {days} days ago")
            for ref in refs:
                typer.echo(f"  {ref}")
