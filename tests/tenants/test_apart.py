"""Many municipalities in one service: nothing that happens to one affects another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from adapter.bootstrap import Outside, Service, build
from adapter.engine.feed_reader import read_feeds
from adapter.engine.jobs import Jobs
from adapter.engine.worker import work
from adapter.ops.vendor_calls import VendorCalls
from adapter.settings.model import Settings
from adapter.store import cases
from adapter.store.database import Database
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from connectors.mock.routing import Handler
from connectors.mock.transport import InProcessTransport
from tests.outside import EXAMPLE, example_with, have_ordered, municipality, person
from tests.world import MONDAY, Mail, VirtualClock

QUIET = [f"quiet-{n:02d}" for n in range(8)]
NOISY = "noisy"


class Hosts(httpx.AsyncBaseTransport):
    """Each host is its own vendor. A host in ``hanging`` never answers."""

    def __init__(self) -> None:
        self.transports: dict[str, httpx.AsyncBaseTransport] = {}
        self.hanging: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in self.hanging:
            await asyncio.Event().wait()
        await asyncio.sleep(0)  # gives the others a turn, as on a network
        return await self.transports[request.url.host].handle_async_request(request)


@dataclass
class Country:
    """The service and all vendors. ``wrote`` is the municipality of each note, in the order of writing."""

    service: Service
    clock: VirtualClock
    hosts: Hosts
    lifecare: dict[str, SimulatedLifecare]
    wrote: list[str]
    calls: VendorCalls

    def order(self, tenant: str, first: int, count: int = 1) -> None:
        """Orders with everything done that e-tillsyn needs."""
        for i in range(first, first + count):
            have_ordered(self.lifecare[tenant], person(i))

    async def poll(self, *tenants: str) -> None:
        for tenant in tenants:
            await read_feeds(self.service.runtime, self.service.runtime.tenants[tenant])

    async def phases(self, tenant: str) -> list[str]:
        found = await self.service.runtime.db.run(lambda c: list(cases.all_cases(c, tenant)))
        return [case.phase.value for case in found]


@asynccontextmanager
async def country(*names: str, mappings: dict[str, Path] | None = None) -> AsyncIterator[Country]:
    clock, hosts, wrote = VirtualClock(MONDAY), Hosts(), list[str]()
    lifecare: dict[str, SimulatedLifecare] = {}
    tenants: dict[str, Any] = {}

    def noting(name: str, handler: Handler) -> Handler:
        def handle(request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                wrote.append(name)
            return handler(request)

        return handle

    for name in names:
        lifecare[name] = SimulatedLifecare(clock.now, domain=name)
        hosts.transports[f"lifecare.{name}.example"] = InProcessTransport(noting(name, lifecare[name].handle))
        hosts.transports[f"phoniro.{name}.example"] = InProcessTransport(SimulatedPhoniro(clock.now).handle)
        urls = f"https://lifecare.{name}.example", f"https://phoniro.{name}.example"
        tenants[name] = municipality(*urls, domain=name, mapping=(mappings or {}).get(name, EXAMPLE))
    settings = Settings.model_validate({"pseudonym_key": "a key for tests only", "tenants": tenants})
    calls = VendorCalls(clock.now)
    vendors = {"lifecare": hosts, "phoniro": hosts}
    outside = Outside(transports=vendors, mail=Mail(), calls=calls.of)
    async with build(settings, clock=clock, outside=outside, db=Database("sqlite://")) as service:
        await service.start_store()
        yield Country(service, clock, hosts, lifecare, wrote, calls)


async def test_a_flood_in_one_municipality_delays_the_others_by_little() -> None:
    """One municipality gets ten orders, of four notes each, before each of the others gets one order."""
    async with country(NOISY, *QUIET) as land:
        land.order(NOISY, 0, 10)
        await land.poll(NOISY)
        land.clock.time = land.clock.time.replace(second=1)
        for n, tenant in enumerate(QUIET):
            land.order(tenant, 1000 + n)
        await land.poll(*QUIET)
        await work(land.service.runtime)
        last_of_quiet = max(place for place, name in enumerate(land.wrote) if name != NOISY)
        before = land.wrote[:last_of_quiet].count(NOISY)
        assert before < 20, f"{before} of 40 notes of the flood went before the last one of the others"
        assert [await land.phases(tenant) for tenant in QUIET] == [["active"]] * len(QUIET)
        assert set(await land.phases(NOISY)) == {"active"}


async def test_vendors_of_one_municipality_that_never_answer_hold_up_nobody_else() -> None:
    async with country(NOISY, *QUIET) as land, asyncio.timeout(90):
        land.order(NOISY, 0, 10)
        await land.poll(NOISY)
        land.hosts.hanging |= {f"lifecare.{NOISY}.example", f"phoniro.{NOISY}.example"}
        for n, tenant in enumerate(QUIET):
            land.order(tenant, 1000 + n)
        await land.poll(*QUIET)
        working = asyncio.create_task(work(land.service.runtime))
        while land.wrote.count(QUIET[-1]) < 5 or {*land.wrote} != {*QUIET} or len(land.wrote) < 32:
            assert not working.done()
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert set(await land.phases(NOISY)) == {"preparing"}


async def test_a_hook_is_followed_while_the_vendors_of_another_municipality_never_answer() -> None:
    async with country(NOISY, QUIET[0]) as land, asyncio.timeout(90):
        land.hosts.hanging.add(f"lifecare.{NOISY}.example")
        land.order(QUIET[0], 0)
        land.service.runtime.asked.update(dict.fromkeys((NOISY, QUIET[0]), land.clock.now()))
        planned = Jobs(land.service.runtime).scheduler.get_jobs()
        hangs, other = (asyncio.create_task(job.func()) for job in planned if "out of turn" in job.name)
        await other
        hangs.cancel()
        await asyncio.gather(hangs, return_exceptions=True)
        assert await land.phases(QUIET[0]) == ["preparing"]


async def test_a_mapping_that_lacks_a_unit_parks_its_own_municipality_s_acts_only(tmp_path: Path) -> None:
    """Lifecare doesn't know the alarm team's unit, and refuses the notes to it."""
    bad = example_with(tmp_path, ("alarm_team = 7201", "alarm_team = 9999"))
    async with country(NOISY, QUIET[0], mappings={NOISY: bad}) as land:
        for n, tenant in enumerate((NOISY, QUIET[0])):
            land.order(tenant, n)
            await land.poll(tenant)
        await work(land.service.runtime)
        assert land.wrote.count(QUIET[0]) == 5
        assert await land.phases(QUIET[0]) == ["active"]
        assert await land.phases(NOISY) == ["active"], "the person is looked after all the same"
