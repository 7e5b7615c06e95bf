"""``adapter compare``: the full comparison with the camera platform, now."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from adapter.bootstrap import build
from adapter.cli.failures import fail, failures_in_words
from adapter.cli.opening import missing_database, quiet_settings, tell_left_out
from adapter.engine.compare import Comparison, compare
from adapter.ports import PortError
from adapter.settings import Settings


def run_comparison(config: Path | None) -> None:
    with failures_in_words():
        settings = quiet_settings(config)
        if missing := missing_database(settings):
            raise fail(f"There is no database {missing} yet, and so nothing to compare with. Start the adapter first.")
        try:
            found = asyncio.run(_compare(settings))
        except PortError as error:
            raise fail(f"Not all schedules could be listed: {error}") from None
    for tenant, result in found.items():
        typer.echo(
            f"{tenant}: {result.listed} schedules listed, {result.same} as they should be, {result.others} others'"
        )
        for name in ("changed", "missing", "unowned"):
            if labels := getattr(result, name):
                typer.echo(f"  {name}: {', '.join(labels)}")


async def _compare(settings: Settings) -> dict[str, Comparison]:
    async with build(settings) as service:
        tell_left_out(service.runtime.refused)
        await service.start_store()
        return {name: await compare(service.runtime, tenant) for name, tenant in service.runtime.tenants.items()}
