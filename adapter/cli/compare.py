"""``adapter compare``: the full comparison with the camera platform, now."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from adapter.bootstrap import build
from adapter.cli.failures import fail
from adapter.engine.compare import Comparison, compare
from adapter.ports import PortError
from adapter.settings import load_settings


def run_comparison(config: Path | None) -> None:
    try:
        found = asyncio.run(_compare(config))
    except PortError as error:
        raise fail(f"The schedules couldn't all be listed: {error}") from None
    for tenant, result in found.items():
        typer.echo(
            f"{tenant}: {result.listed} schedules listed, {result.same} as they should be, {result.others} others'"
        )
        for name in ("changed", "missing", "unowned"):
            if labels := getattr(result, name):
                typer.echo(f"  {name}: {', '.join(labels)}")


async def _compare(config: Path | None) -> dict[str, Comparison]:
    async with build(load_settings(config)) as service:
        await service.start_store()
        return {name: await compare(service.runtime, tenant) for name, tenant in service.runtime.tenants.items()}
