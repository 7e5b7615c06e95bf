"""``adapter compare``: Phoniro's schedules beside the cases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import typer

from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.cli.open_service import open_service
from adapter.cli.options import ConfigOption
from adapter.engine.comparison import LAG, compare
from adapter.ports import PortError
from connectors.errors import VendorError

FOUND = {
    "changed": "changed",
    "missing": "missing in Phoniro",
    "unowned": "of no case",
    "left_out": f"left out, as they changed within the last {LAG.seconds // 60} minutes (compare again then)",
    "unread": "can't be read",
}
"""What a comparison finds, in words."""


def compare_now(config: ConfigOption = None) -> None:
    """Compare Phoniro's schedules with the cases.

    Each schedule is compared with what its case knows. If it differs, it is put right or only reported
    (engine.drift). The running adapter does this once a day.
    """
    with open_service(config, "compare") as service:
        asyncio.run(_compare(service))


async def _compare(service: Service) -> None:
    async with whole_lists(service):
        for name, tenant in service.runtime.tenants.items():
            found = await compare(service.runtime, tenant)
            typer.echo(
                f"{name}: {found.listed} schedules listed: {found.same} as they should be, "
                f"{found.others} of somebody else than the adapter"
            )
            for what, told in FOUND.items():
                if labels := getattr(found, what):
                    typer.echo(f"  {told}: {', '.join(labels)}")


@asynccontextmanager
async def whole_lists(service: Service) -> AsyncIterator[None]:
    """Fails in words where a list can't be read to its end, as half a list would be taken for a whole one."""
    try:
        yield
    except (PortError, VendorError) as error:
        raise fail(f"Not all schedules and orders could be read: {error}") from None
    finally:
        await service.close_vendors()
