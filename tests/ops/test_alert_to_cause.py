"""From an alert to its cause: the place where people look names the fault, and every error has a rule."""

import io
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from logging import ERROR

import pytest
from rich.console import Console, RenderableType

from adapter.engine.comparison import compare
from adapter.log_events import EVENTS, log
from adapter.ops.error_log import ErrorLog
from adapter.presentation.case_cards import card, cards_page
from adapter.presentation.case_summary import CaseSummary
from adapter.store import cases, events
from connectors.mock.phoniro.schemas import HandChange
from tests.conftest import Logs
from tests.ops.conftest import Site
from tests.ops.test_alerts import ALERTS, runbook_by_alert
from tests.ops.test_pages import busy
from tests.world import ANNA, World, down

ERRORS = [event for event in EVENTS.values() if event.level == ERROR]


async def shown(site: Site, path: str = "/") -> str:
    async with site.client() as client:
        return (await client.get(path)).text


def console_text(page: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=1200).print(page)
    return out.getvalue()


async def order_of(world: World) -> str:
    case = await world.case()
    (order,) = world.db.run_sync(lambda c: cases.chain(c, case))
    return order


@pytest.fixture
def counting(site: Site) -> Iterator[ErrorLog]:
    """The site's own count of the errors in the log."""
    logger = logging.getLogger("adapter")
    logger.addHandler(site.ops.errors)
    yield site.ops.errors
    logger.removeHandler(site.ops.errors)


def test_each_event_of_level_error_has_a_rule_and_stands_under_its_heading_of_the_runbook() -> None:
    runbook = runbook_by_alert()
    assert [e.name for e in ERRORS if e.alert not in ALERTS] == []
    assert [e.name for e in ERRORS if f"`{e.name}`" not in runbook[str(e.alert)]] == []


async def test_what_can_be_looked_at_against_the_end_is_named_on_page_metric_and_log(site: Site, logs: Logs) -> None:
    world = site.world
    ref = await busy(world)
    down(world.phoniro)
    world.lifecare.change("orders", await order_of(world), EndDate=world.today)
    await world.pass_time(days=1)
    page, metrics = await shown(site), await shown(site, "/metrics")
    first = page[page.index('id="unsafe"') : page.index('id="unwatched"')]
    assert ref in first
    assert "går fortfarande att titta" in first
    assert page.index('id="unsafe"') < page.index('id="needs"')
    assert f'adapter_supervision_unsafe{{case="{ref}",tenant="exempel",why="after_end"}} 1.0' in metrics
    told = [(line["case"], line["schedule"], line["act"]) for line in logs.events("supervision_not_stopped")]
    assert told == [(ref, f"{ref}-1", "change"), (ref, f"{ref}-1", "end")]
    summary = CaseSummary.of(await world.case())
    assert summary.late or summary.parked, "so `case list --late` shows it too"
    listed = console_text(
        cards_page([card(summary, site.ops.words_of(), world.clock.now(), "after_end")], several=False)
    )
    assert "fast tillsynen ska vara avslutad" in " ".join(listed.split())
    world.phoniro_faults.clear()
    await world.pass_time(hours=1)
    assert 'id="unsafe"' not in await shown(site)
    assert "adapter_supervision_unsafe{" not in await shown(site, "/metrics")


async def test_a_stop_that_is_not_seen_is_told_once_its_time_is_over_though_nothing_reads_its_case(site: Site) -> None:
    world = site.world
    ref = await busy(world)
    down(world.phoniro)
    world.lifecare.absence(ANNA, world.today - timedelta(days=1), world.today + timedelta(days=5))
    await world.settle()
    assert "adapter_supervision_unsafe{" not in await shown(site, "/metrics")
    world.clock.time += world.tenant.policy.by_hand_after
    assert f'case="{ref}",tenant="exempel",why="not_stopped"}} 1.0' in await shown(site, "/metrics")


async def test_a_schedule_that_no_case_owns_is_missing_or_was_changed_by_hand_is_named(site: Site) -> None:
    world = site.world
    ref = await busy(world)
    mine = world.phoniro.schedules[0]
    orphan = mine.new.model_copy(update={"external_reference": "TK-ZZZZZZ-1"})
    other = world.phoniro.add_schedule(orphan)
    later = world.today + timedelta(days=400)
    world.phoniro.change_by_hand(mine.id, HandChange.model_validate({"validTo": later}))
    await compare(world.rt, world.tenant)
    page, metrics = await shown(site), await shown(site, "/metrics")
    assert "hör till något ärende, så någon kan titta (1): TK-ZZZZZZ-1" in page
    assert f"har rättats automatiskt: {ref}-1" in page
    for how, count in {"unowned": 1, "missing": 0, "changed": 1}.items():
        assert f'adapter_schedules_adrift{{how="{how}",tenant="exempel"}} {count}.0' in metrics
    for schedule in (mine, other):
        world.phoniro.lose(schedule.id)
    await compare(world.rt, world.tenant)
    page, metrics = await shown(site), await shown(site, "/metrics")
    assert f"inte längre finns i Phoniro, så ingen kan titta: {ref}-1" in page
    assert 'adapter_schedules_adrift{how="missing",tenant="exempel"} 1.0' in metrics
    assert "TK-ZZZZZZ" not in page


async def test_a_schedule_whose_case_was_just_making_it_is_nobodys_only_until_the_case_knows_it(site: Site) -> None:
    """The comparison can run between a creation and its answer. A day later that is no alarm any more."""
    world = site.world
    ref = await busy(world)
    found: events.Data = {"unowned": f"{ref}-1", "missing": "", "changed": "", "mended": True}
    world.db.run_sync(lambda c: events.record(c, "exempel", None, "comparison", found, now=world.clock.now()))
    assert 'adapter_schedules_adrift{how="unowned",tenant="exempel"} 0.0' in await shown(site, "/metrics")


async def test_what_is_refused_or_fails_and_costs_nothing_yet_stands_on_the_page(
    site: Site, counting: ErrorLog
) -> None:
    world = site.world
    log("configuration_refused", problems=["mapping.toml: nothing in it"])
    log("job_failed", job="forget", error=ValueError("of nobody's interest"))
    await world.ask('[[resync]]\nid = "x"\nscope = "everywhere"\nwho = "IT"\nwhy = "a test"\n')
    page, metrics = await shown(site), await shown(site, "/metrics")
    assert "måste startas om" in page
    assert "misslyckades" in page
    assert "forget" in page
    assert "resync.toml:" in page
    assert "adapter_configuration_refused 1.0" in metrics
    assert world.rt.requests_refused
    assert "adapter_requests_refused 0.0" not in metrics
    counted = dict(re.findall(r'adapter_errors_logged_total\{event="(\w+)"\} (\d)', metrics))
    assert {name: int(counted[name]) for name in ("configuration_refused", "job_failed", "request_refused")} == {
        "configuration_refused": 1,
        "job_failed": 1,
        "request_refused": len(world.rt.requests_refused),
    }
    assert counted.keys() == {event.name for event in ERRORS}
    counting.forget("configuration_refused")
    await world.ask("")
    page, metrics = await shown(site), await shown(site, "/metrics")
    assert "måste startas om" not in page
    assert "resync.toml:" not in page
    assert "adapter_requests_refused 0.0" in metrics


async def test_open_cases_that_nobody_serves_are_counted_and_told(site: Site) -> None:
    world = site.world
    await busy(world)
    now = world.clock.now()

    opened = partial(cases.open_case, tenant="gone", person_id="x", evidence_after=world.today, order_ids=["A"])
    world.db.run_sync(lambda c: opened(c, now=now))
    assert 'adapter_cases_unattended{tenant="gone"} 1.0' in await shown(site, "/metrics")
    assert "gone betjänas inte, men har öppna ärenden (1)" in await shown(site)


async def test_a_planned_absence_is_no_alarm_and_needs_nobody(site: Site) -> None:
    world: World = site.world
    ref = await busy(world)
    world.lifecare.absence(ANNA, world.today, world.today + timedelta(days=5))
    await world.pass_time(days=1)
    page = await shown(site, f"/cases/{ref}")
    assert "brukaren är borta" in page
    assert '"lead bad"' not in page
    overview = await shown(site)
    assert "Allt går som det ska." in overview
    assert 'class="bad"' not in overview
    assert ref not in overview
