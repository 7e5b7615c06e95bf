"""Changed settings and mappings are used without a restart, whole or not at all."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from adapter import bootstrap
from adapter.bootstrap import Outside, Service
from adapter.cli.reload import Reloader, run_until_stopped, take_over
from adapter.domain.ledger import ActState
from adapter.settings.load import load_settings
from adapter.store import requests
from adapter.store.database import Database
from adapter.store.tables import acts, cases
from connectors.mock.transport import InProcessTransport
from tests.conftest import Logs
from tests.outside import edit, example_with, municipality
from tests.service import toml
from tests.world import World


class Place:
    """A municipality's files, and a service that runs on them over the vendors of a world."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.config, self.mapping = folder / "adapter.toml", example_with(folder)
        one = municipality("http://127.0.0.1:1", "http://127.0.0.1:2", mapping=self.mapping)
        store = {"url": "sqlite:///unused.db"}
        written = toml({"tenant": "exempel", "pseudonym_key": "a key for tests only", **one, "store": store})
        self.config.write_text(written, encoding="utf-8")

    def build(self) -> Service:
        handlers = {"lifecare": self.world.lifecare.handle, "phoniro": self.world.phoniro.handle}
        transports = {name: InProcessTransport(handler) for name, handler in handlers.items()}
        return bootstrap.build(load_settings(self.config), outside=Outside(transports=transports), db=self.world.db)


@asynccontextmanager
async def running(place: Place) -> AsyncIterator[list[Service]]:
    """The services that ran, the current one last."""
    stop = asyncio.Event()
    reloader = Reloader(place.config, look_seconds=0.02)
    services = [place.build()]
    task = asyncio.create_task(run_until_stopped(services[0], reloader, stop, replaced=services.append))
    try:
        await until(lambda: reloader._running is not None)
        yield services
    finally:
        stop.set()
        await task


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture
async def place(elsewhere: Path) -> AsyncIterator[Place]:
    async with World(db=Database("sqlite://")) as world:
        yield Place(elsewhere, world)


async def test_a_changed_mapping_is_in_use_within_seconds(place: Place, logs: Logs) -> None:
    async with running(place) as services:
        edit(place.config, "[store]", "[ops]\nsession_hours = 8\n[store]")
        edit(place.mapping, "renewal_gap_days = 14", "renewal_gap_days = 21")
        await until(lambda: logs.events("configuration_reloaded"))
        assert services[-1].settings.ops.session_hours == 8
        assert [line["changed"] for line in logs.events("configuration_reloaded")] == ["exempel"]
        assert services[-1].runtime.tenants["exempel"].policy.renewal_gap_days == 21


async def test_parked_acts_get_another_chance_and_all_open_cases_are_looked_at_again(place: Place, logs: Logs) -> None:
    await place.world.taken_in()

    def park(c: Connection) -> None:
        c.execute(update(acts).where(acts.c.n == 1).values(state=ActState.PARKED))

    await place.world.db.run(park)
    before = place.build()
    edit(place.mapping, "alarm_team = 7201", "alarm_team = 7202")
    await take_over(before, place.build())
    assert [line["released"] for line in logs.events("configuration_reloaded")] == [1]
    assert (await place.world.acts())[0].state is ActState.PENDING
    (again,) = await place.world.db.run(lambda c: requests.all_requests(c))
    assert (again.tenant, again.content["scope"], again.content["mode"]) == ("exempel", "open", "apply")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("mapping", "alarm_team = 7201", "alarm_taem = 7201", "mapping.toml: units.alarm_taem: is unknown"),
        ("config", "base_url", "base_ulr", "did you mean base_url?"),
        ("config", "sqlite:///unused.db", "sqlite:///other.db", "store: can't change while the adapter runs"),
        ("config", "[store]", "[ops]\nport = 9\n[store]", "ops.port: can't change while the adapter runs"),
    ],
)
async def test_what_cannot_be_used_is_refused_whole_and_loudly_and_what_was_before_stays(
    place: Place, logs: Logs, file: str, old: str, new: str, told: str
) -> None:
    async with running(place) as services:
        edit(place.mapping, "renewal_gap_days = 14", "renewal_gap_days = 21")
        edit(getattr(place, file), old, new)
        await until(lambda: logs.events("configuration_refused"))
        (refused,) = logs.events("configuration_refused")
        assert refused["level"] == "error"
        assert told in "\n".join(refused["problems"])
        assert len(services) == 1
        edit(getattr(place, file), new, old)
        await until(lambda: logs.events("configuration_reloaded"))
        assert services[-1].runtime.tenants["exempel"].policy.renewal_gap_days == 21
        assert len(logs.events("configuration_refused")) == 1


async def test_sighup_reads_everything_again_though_no_file_looks_changed(place: Place, logs: Logs) -> None:
    async with running(place):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: logs.events("configuration_reloaded"))
        assert logs.events("configuration_reloaded")[0]["changed"] == ""


async def test_a_municipality_comes_and_goes_and_one_that_leaves_open_cases_is_told(place: Place, logs: Logs) -> None:
    await place.world.taken_in()
    async with running(place) as services:
        edit(place.config, 'tenant = "exempel"', 'tenant = "annan"')
        await until(lambda: logs.events("tenant_unattended"))
        (told,) = logs.events("configuration_reloaded")
        assert (told["added"], told["removed"]) == ("annan", "exempel")
        (left,) = logs.events("tenant_unattended")
        assert (left["tenants"], left["cases"], left["level"]) == ("exempel", 1, "error")
        assert list(services[-1].runtime.tenants) == ["annan"]
        await until(lambda: any("a second case" in str(line["error"]) for line in logs.events("feed_failed")))
        assert len(logs.events("case_opened")) == 1, "it may be the same one under a new name"
        await place.world.db.run(lambda c: c.execute(update(cases).values(tenant="annan")))
