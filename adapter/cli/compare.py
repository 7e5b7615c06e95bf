"""``adapter compare``: the full comparison with the camera platform, now."""

from __future__ import annotations

import asyncio

import typer

from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption
from adapter.cli.reader import noted
from adapter.engine.comparison import LAG, Comparison, compare
from adapter.ports import PortError

NAMES = {"left_out": f"left out, as they changed within the last {LAG.seconds // 60} minutes (compare again then)"}
"""What was found, where its name doesn't say it."""


def compare_now(config: ConfigOption = None) -> None:
    """Compare Phoniro's schedules with the cases.

    Every schedule with what the cases know of it; what drifted is put right or told (engine.drift). It is also made
    once a day by itself.
    """
    with open_service(config) as service:
        service.runtime.db.run_sync(lambda c: noted(c, service, "compare"))
        try:
            found = asyncio.run(_compare(service))
        except PortError as error:
            raise fail(f"Not all schedules could be listed: {error}") from None
    for tenant, result in found.items():
        typer.echo(
            f"{tenant}: {result.listed} schedules listed, {result.same} as they should be, {result.others} others'"
        )
        for name in ("changed", "missing", "unowned", "left_out", "unread"):
            if labels := getattr(result, name):
                typer.echo(f"  {NAMES.get(name, name)}: {', '.join(labels)}")


async def _compare(service: Service) -> dict[str, Comparison]:
    try:
        return {name: await compare(service.runtime, tenant) for name, tenant in service.runtime.tenants.items()}
    finally:
        await service.close_vendors()
