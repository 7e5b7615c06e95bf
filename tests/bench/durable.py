"""The least that a durable workflow must do for an order, in DBOS: read five things and a note, put the person and the
schedule, write five notes. The calls are some of those that the adapter made, each a step of its own."""

import asyncio
import importlib.util
import json
import re
import time
from collections import defaultdict
from typing import Any

import httpx

from connectors.http.client import production_transport

INSTALLED = importlib.util.find_spec("dbos") is not None
READS = ("orders", "ordered_services", "executions", "sol_decisions", "clients", "documentations")
Call = list[Any]


def least(vendors: list[list[Call]]) -> list[list[Call]]:
    """Thirteen calls for each order. The reads may be about any person; the writes are about one."""
    kinds: defaultdict[str, list[Call]] = defaultdict(list)
    for call in (call for vendor in vendors for call in vendor):
        path = httpx.URL(call[1]).path.split("/")
        kinds[f"{call[0]} {next((p for p in path if p in READS), path[-1] if call[0] == 'POST' else path[-2])}"].append(
            call
        )
    puts = _sorted(kinds["PUT customers"], "externalId")
    customers = list({call[1]: call for call in puts}.values())  # a customer may have been put twice
    notes = _sorted(kinds["POST provider_notes"], "clientId")
    each = len(notes) // len(customers)
    reads = [kinds[f"GET {name}"] for name in READS]
    schedules = _sorted(kinds["POST supervision-schedules"], "customerExternalId")
    return [
        [*(read[i] for read in reads), customers[i], schedules[i], *notes[i * each : (i + 1) * each]]
        for i in range(len(customers))
    ]


def _sorted(calls: list[Call], field: str) -> list[Call]:
    def key(call: Call) -> str:
        body = {name.lower(): value for name, value in json.loads(call[3]).items()}
        return str(body[field.lower()])

    return sorted(calls, key=key)


async def signed_in(client: httpx.AsyncClient, calls: list[Call]) -> None:
    """Give a vendor's recorded calls a token that is valid now, where they have one."""
    for method, url, headers, content in (call for call in calls if call[1].endswith("/connect/token")):
        answer = await client.request(method, url, headers=headers, content=content.encode())
        bearer = f"Bearer {answer.json()['access_token']}"
        for call in calls:
            call[2] = {name: bearer if name.lower() == "authorization" else value for name, value in call[2].items()}
        return


async def durable(vendors: list[list[Call]], connections: int, url: str) -> float:
    """Seconds that DBOS needs for the orders, all started at once, with its state in the database ``url``."""
    from dbos import DBOS  # a development extra

    clients = [httpx.AsyncClient(transport=production_transport(max_connections=connections)) for _ in vendors]
    hosts = {httpx.URL(calls[0][1]).netloc: client for calls, client in zip(vendors, clients, strict=True)}
    for client, calls in zip(clients, vendors, strict=True):
        await signed_in(client, calls)
    state = re.sub(r"^postgresql\+\w+", "postgresql", url)
    DBOS(config={"name": "bench", "log_level": "ERROR", "system_database_url": state})

    async def make(method: str, address: str, headers: dict[str, str], content: str) -> int:
        client = hosts[httpx.URL(address).netloc]
        answer = await client.request(method, address, headers=headers, content=content.encode() or None)
        if answer.is_error and answer.status_code != 404:
            raise RuntimeError(f"{method} {httpx.URL(address).path} answered {answer.status_code}")
        return answer.status_code

    async def one_order(calls: list[Call]) -> None:
        for call in calls:
            await step(*call)

    step, order = DBOS.step()(make), DBOS.workflow()(one_order)
    DBOS.launch()
    work = least(vendors)
    began = time.perf_counter()
    handles = [await DBOS.start_workflow_async(order, calls) for calls in work]
    await asyncio.gather(*(handle.get_result() for handle in handles))
    seconds = time.perf_counter() - began
    DBOS.destroy()
    for client in clients:
        await client.aclose()
    return seconds
