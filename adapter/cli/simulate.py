"""``adapter simulate``: both simulated vendors, served on this machine."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from adapter.cli.failures import fail
from adapter.cli.options import JsonOption
from adapter.demo.persons import seed_for_trial
from connectors.mock.lifecare.simulator import DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.phoniro.night_plan import NightPlan
from connectors.mock.phoniro.state import DEFAULT_CLIENT
from connectors.mock.serve import RunningSimulators, serve

NIGHTS = NightPlan(missed=0.05, offline=0.03, second=0.1, visit=0.03, late=0.05, corrected=0.05, unlisted=0.02)
"""What becomes of looks with `--nights`."""


def simulate(
    lifecare_port: Annotated[int, typer.Option(help="Lifecare's port; 0 is any free one.", min=0, max=65535)] = 8101,
    phoniro_port: Annotated[int, typer.Option(help="Phoniro's port; 0 is any free one.", min=0, max=65535)] = 8102,
    seed: Annotated[bool, typer.Option("--seed", help="With the demo's invented persons and orders in it.")] = False,
    nights: Annotated[
        bool,
        typer.Option("--nights", help="Phoniro lives its nights: a few looks missed, late, corrected or unlisted."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run simulated Lifecare and Phoniro on this machine.

    They have only invented data, serve any number of adapters, and forget everything when they stop.
    """

    def ready(running: RunningSimulators) -> None:
        if seed:
            seed_for_trial(running.lifecare, datetime.now(UTC))
        running.phoniro.nights = NIGHTS if nights else None
        urls = {"lifecare": running.lifecare_url, "phoniro": running.phoniro_url}
        typer.echo(json.dumps(urls) if as_json else _help(urls))

    try:
        asyncio.run(serve(lifecare_port, phoniro_port, ready=ready))
    except OSError as error:
        raise fail(
            f"The simulators can't listen on these ports ({error.strerror or type(error).__name__}). Stop what has "
            "them, or give others with --lifecare-port and --phoniro-port (0 is any free one)."
        ) from None


def _help(urls: Mapping[str, str]) -> str:
    client_id, client_secret = DEFAULT_CLIENT
    return f"""\
The simulated vendors listen, on this machine only, until Ctrl-C. They hold invented data and forget it when they stop.

  Lifecare  {urls["lifecare"]}   what people do: POST /admin/acts/..., list: GET /admin/acts
  Phoniro   {urls["phoniro"]}   what stands there: GET /admin/state

To point an adapter at them, in another terminal:

  export ADAPTER_LIFECARE__BASE_URL={urls["lifecare"]}
  export ADAPTER_LIFECARE__DOMAIN={DEFAULT_DOMAIN}
  export ADAPTER_LIFECARE__KEY='{DEFAULT_KEY}'
  export ADAPTER_PHONIRO__BASE_URL={urls["phoniro"]}
  export ADAPTER_PHONIRO__CLIENT_ID={client_id}
  export ADAPTER_PHONIRO__CLIENT_SECRET={client_secret}
  export ADAPTER_PSEUDONYM_KEY='only for the simulation'
  export ADAPTER_MAPPING_FILE=mappings/example.toml
  export ADAPTER_STORE__URL=sqlite:///var/simulation.db

  adapter check
  adapter run
"""
