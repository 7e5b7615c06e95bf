"""``adapter compare``: the full comparison with the camera platform, now."""

from __future__ import annotations

import asyncio

import typer

from adapter.bootstrap import build
from adapter.cli.failures import fail
from adapter.cli.open_service import command_settings, missing_database, tell_left_out
from adapter.cli.options import ConfigOption
from adapter.engine.comparison import LAG, Comparison, compare
from adapter.ports import PortError
from adapter.settings import Settings

NAMES = {"left_out": f"left out, as they changed within the last {LAG.seconds // 60} minutes (compare again then)"}
"""What was found, where its name doesn't say it."""


def compare_now(config: ConfigOption = None) -> None:
    """Compare Phoniro's schedules with the cases.

    Every schedule with what the cases know of it; what drifted is put right or told (engine.drift). It is also made
    once a day by itself.
    """
    settings = command_settings(config)
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
        for name in ("changed", "missing", "unowned", "left_out", "unread"):
            if labels := getattr(result, name):
                typer.echo(f"  {NAMES.get(name, name)}: {', '.join(labels)}")


async def _compare(settings: Settings) -> dict[str, Comparison]:
    async with build(settings) as service:
        tell_left_out(service.runtime.refused)
        await service.start_store()
        return {name: await compare(service.runtime, tenant) for name, tenant in service.runtime.tenants.items()}
