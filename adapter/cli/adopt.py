"""``adapter adopt``: proposes which of Phoniro's schedules are taken over at going live."""

import asyncio
from typing import Annotated

import tomlkit
import typer

from adapter.bootstrap import Service, build
from adapter.cli.compare import whole_lists
from adapter.cli.open_service import command_settings, missing_database, tell_left_out
from adapter.cli.options import ConfigOption
from adapter.cli.who_reads import noted_if_possible
from adapter.domain.facts import OrderStatus, Signal
from adapter.engine.comparison import OURS
from adapter.engine.request_file import NEEDED
from adapter.settings.model import Settings
from connectors.errors import NotFound
from connectors.rows import BrokenRow

WAY_IN = (*NEEDED, Signal.INSTALLATION_BOOKED, Signal.APPENDIX_SIGNED)
"""What is proposed as done: all that the routine asks for before a camera is up, so that nobody is reminded of it."""

HEAD = """# Proposed by `adapter adopt`. Go through each entry: is the schedule that order's, and was `done` done?
# Say who checked it and why it is taken over, then save it as the adopt file (engine.adopt_file).
"""


def propose(
    own: Annotated[
        bool, typer.Option("--own", help="The adapter's own schedules too: after the database or its key was lost.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Propose the adopt file for going live.

    Matches Phoniro's running schedules with Lifecare's orders. The proposal is printed, and nothing is stored: check
    each entry, fill in who checked it and why, and save it as the adopt file.
    """
    typer.echo(asyncio.run(_propose(command_settings(config), own=own)))


async def _propose(settings: Settings, *, own: bool) -> str:
    async with build(settings) as service, whole_lists(service):
        tell_left_out(service.runtime.refused)
        if not missing_database(settings):
            noted_if_possible(service.runtime.db, service.tenants, "adopt")
        lines = [HEAD]
        for name in service.tenants:
            found = await proposals(service, name, own=own)
            but = "" if own else " but the adapter's own"
            lines += found or [f"# {name}: no schedule runs in Phoniro{but}; there is nothing to take over\n"]
    return "\n".join(lines)


async def proposals(service: Service, tenant: str, *, own: bool = False) -> list[str]:
    """An entry for each running schedule that isn't ours (or is, with ``own``) and whose person has one executed camera
    order; a comment for each that can't be matched. Nothing personal is in them."""
    parts, source = service.tenants[tenant], service.runtime.tenants[tenant].source
    found: list[str] = []
    async for schedule in parts.phoniro.schedules():
        if isinstance(schedule, BrokenRow):
            found.append(f"# schedule {schedule.id}: can't be read ({schedule.problem}); find its order by hand\n")
            continue
        if schedule.status == "ended" or (not own and OURS.fullmatch(schedule.external_reference)):
            continue
        try:
            customer = await parts.phoniro.get_customer(schedule.customer_external_id)
        except NotFound:
            customer = None
        person_id = customer.personal_identity_number if customer else None
        orders = (await source.orders(person_id))[0] if person_id else ()
        running = [o for o in orders if o.is_camera and o.status is OrderStatus.ACCEPTED]
        if len(running) != 1:
            why = "the person isn't named in Phoniro" if not person_id else f"{len(running)} executed camera orders"
            found.append(f"# schedule {schedule.id}: no proposal ({why}); find its order by hand\n")
            continue
        several = {"tenant": tenant} if len(service.tenants) > 1 else {}
        done = [signal.value for signal in WAY_IN]
        entry = {**several, "order": running[0].id, "schedule": schedule.id, "done": done, "who": "", "why": ""}
        found.append(tomlkit.dumps({"adopt": [entry]}))
    return found
