"""``adapter purge``: forget now what is due to be forgotten; the running adapter does it daily by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from adapter.cli.failures import fail
from adapter.cli.opening import reading
from adapter.engine.forget import forget


def purge(config: Path | None, *, dry_run: bool, case: str | None) -> None:
    ref = case.upper() if case else None
    with reading(config) as service:
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
