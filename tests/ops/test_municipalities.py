"""The status page and the metrics of several municipalities: a fault of one is shown only for that one."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx

from adapter.observability import configure_logging
from adapter.ops import figures
from adapter.ops.app import create_app
from adapter.ops.context import OpsContext
from adapter.ops.unsafe_supervision import Safety
from adapter.ops.vendor_calls import VendorCalls
from adapter.store import cases
from adapter.store.queries import overview
from tests.conftest import Logs
from tests.ops.conftest import ops_of
from tests.tenants.test_apart import Country, country

NAMES = ("aby", "beby", "ceby")


@asynccontextmanager
async def several() -> AsyncIterator[tuple[Country, OpsContext]]:
    async with country(*NAMES) as land:
        await land.poll(*NAMES)
        yield land, ops_of(land.service, land.calls)


async def shown(ops: OpsContext, path: str) -> str:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ops)), base_url="http://127.0.0.1") as client:
        return (await client.get(path)).text


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the tables in the section with this heading, in the order in which they are read."""
    section = page[page.index(f'id="{heading}"') :].partition("</section>")[0]
    found = re.findall(r'<tr><th scope="row">(.*?)</tr>', section)
    return [[cell.strip() for cell in re.sub(r"(?:<[^>]+>)+", "|", row).strip("|").split("|")] for row in found]


async def test_each_municipality_has_its_own_line_for_a_vendor_with_what_is_wrong_and_the_worst_is_first() -> None:
    async with several() as (land, ops):
        land.clock.time += timedelta(minutes=1)
        land.calls.record("aby", "lifecare", "GET orders", 401, "Unauthorised", 0.1)
        land.calls.record("beby", "phoniro", "GET schedules", 503, "Transient", 0.1)
        for tenant, vendor in (("aby", "lifecare"), ("ceby", "lifecare"), ("ceby", "mail")):
            ops.runtime.breakers.of(tenant, vendor).down_since = land.clock.now()
        page, metrics = await shown(ops, "/"), await shown(ops, "/metrics")
    lines = rows(page, "vendors")
    told = {(vendor, tenant): state for vendor, tenant, _, state in lines}
    assert [line[:3] for line in lines[2:]] == [
        ["E-post", "ceby", "–"],  # held back, though it was never called
        ["Phoniro", "beby", "–"],
        ["Lifecare", "beby", "nyss"],
    ]
    assert "Nya försök görs" in told["Lifecare", "ceby"]
    assert "svarade inte" in told["Phoniro", "beby"]
    assert told["Lifecare", "beby"] == "svarar"
    first = page[: page.index('id="runs"')]
    assert "Behöver ses till: " in first
    assert "Lifecare, ceby: svarar inte som den ska" in first
    assert "Lifecare, aby: godtar inte inloggningen" in first
    assert 'adapter_breaker_open{tenant="ceby",vendor="lifecare"} 1.0' in metrics
    assert 'adapter_breaker_open{tenant="beby",vendor="lifecare"} 0.0' in metrics


async def test_a_feed_that_fails_is_named_with_its_municipality_before_those_that_are_read() -> None:
    async with several() as (land, ops):
        land.clock.time = land.clock.time.replace(hour=land.clock.time.hour + 3)
        await land.poll("aby", "ceby")
        page = await shown(ops, "/")
    feeds = rows(page, "sources")
    late = [row for row in feeds if row[3] == "inte läst på länge"]
    assert {row[1] for row in late} == {"beby"}
    assert feeds[: len(late)] == late
    assert {row[1] for row in feeds} == set(NAMES)
    assert page[: page.index('id="runs"')].count("Läsning av Lifecare, beby: inte läst på länge.") == 1


async def test_supervision_that_must_not_be_makes_a_municipality_unwell() -> None:
    async with several() as (land, ops):
        now = land.clock.now()
        stored = await land.service.runtime.db.run(lambda c: overview(c, "aby", now))
        ops.runtime.breakers.of("aby", "phoniro").down_since = now
        view = figures.numbers(
            ops.words_of("aby"), "aby", stored, Safety(active=2, unsafe={"TK-7F3K2M": "after_end"}), now, 600
        )
    assert not view.well
    assert ("Aktiva efter avslut", "1") in [figure[:2] for figure in view.figures]


def test_each_call_is_a_line_in_the_log_at_debug(logs: Logs) -> None:
    calls = VendorCalls(lambda: datetime(2026, 11, 24, tzinfo=UTC))
    calls.record("aby", "mail", "send", None, "ok", 0.1)
    assert logs.lines() == []
    configure_logging("DEBUG", json=True, stream=logs)
    calls.record("aby", "mail", "send", None, "ok", 0.1)
    [line] = logs.events("vendor_call")
    assert (line["tenant"], line["vendor"], line["call"], line["outcome"]) == ("aby", "mail", "send", "ok")


def test_a_vendor_that_is_called_for_the_first_time_while_a_page_asks_for_all_breaks_no_page() -> None:
    """Calls are counted in the event loop, and a page is made in a thread of its own."""
    calls = VendorCalls(lambda: datetime(2026, 11, 24, tzinfo=UTC))

    class Meanwhile(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            calls.record("aby", "mail", "send", None, "ok", 0.1)
            return str.__eq__(self, other)

    calls.record("aby", "lifecare", "GET orders", 200, "ok", 0.1)
    assert {*calls.states(Meanwhile("aby"))} == {"lifecare"}
    assert {*calls.states("aby")} == {"lifecare", "mail"}


async def test_a_case_an_order_that_can_not_be_used_and_each_call_are_shown_as_their_municipality_s() -> None:
    async with several() as (land, ops):
        care = land.lifecare["beby"]
        care.seed_person("19900101TF03")
        order = care.order("19900101TF03", "camera", start=care.today(), order_date=care.today())
        care.change("orders", order.order_id, PersonId=None)
        land.order("beby", 0)
        await land.poll("beby")
        (case,) = await land.service.runtime.db.run(lambda c: list(cases.all_cases(c, "beby")))
        page, metrics, of_case = [await shown(ops, path) for path in ("/", "/metrics", f"/cases/{case.ref}")]
    assert "beby" in of_case[of_case.index("<h1>") : of_case.index("</h1>")]
    assert 'adapter_orders_unusable{tenant="beby"} 1.0' in metrics
    assert 'adapter_orders_unusable{tenant="aby"} 0.0' in metrics
    card = re.search(rf'<li class="card"><div><strong>{order.order_id}</strong>(.*?)</li></ul></li>', page, re.DOTALL)
    assert card
    assert "beby" in card[1]
    assert "anger raden" in card[1]
    assert "1 beställning i Lifecare går inte att använda" in page
    counted = re.findall(r"^adapter_vendor_calls_total\{(.+?)\}", metrics, re.MULTILINE)
    for name in NAMES:
        assert any(f'tenant="{name}"' in labels and 'vendor="lifecare"' in labels for labels in counted), name
