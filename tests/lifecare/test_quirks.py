"""L1 to L16, each held by the connector against the simulated gateway that behaves so."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from adapter import settings
from connectors.errors import ContractBroken, Unauthorised, VendorError
from connectors.http import HttpSettings
from connectors.http.client import production_transport
from connectors.lifecare import query
from connectors.lifecare.client import LifecareClient, LifecareSettings
from connectors.mock.lifecare import BASE, DEFAULT_DOMAIN, DEFAULT_KEY, SimulatedLifecare
from connectors.mock.routing import Answer, Request
from connectors.mock.transport import InProcessTransport

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANNA, BERIT = "19900101TF03", "19900101TF04"
AT_ONCE = HttpSettings(attempts=1, per_second=1e6)


@dataclass
class Gateway:
    """The simulated Lifecare with two persons, what was asked of it, and the connector."""

    lifecare: SimulatedLifecare = field(default_factory=lambda: SimulatedLifecare(lambda: NOW))
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        for person in (ANNA, BERIT):
            self.lifecare.seed_person(person)

    def handle(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.lifecare.handle(request)

    def client(self, key: str = DEFAULT_KEY, page_size: int = 100) -> LifecareClient:
        given = LifecareSettings(f"http://lifecare{BASE}", DEFAULT_DOMAIN, key, page_size, AT_ONCE)
        return LifecareClient(given, transport=InProcessTransport(self.handle))


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[LifecareClient]:
    async with gateway.client() as connector:
        yield connector


async def test_l1_the_query_string_is_the_one_carrier_of_the_key(gateway: Gateway, client: LifecareClient) -> None:
    await client.client(ANNA)
    (request,) = gateway.asked
    assert [value for name, value in request.query if name == "key"] == [DEFAULT_KEY]
    assert request.header("x-api-key") is None
    assert request.header("authorization") is None


@pytest.mark.parametrize("form", [DEFAULT_KEY, quote(DEFAULT_KEY, safe=""), quote(DEFAULT_KEY, safe="").lower()])
async def test_l2_a_key_is_accepted_in_either_form(gateway: Gateway, form: str) -> None:
    read = settings.LifecareSettings(base_url="https://lifecare.example", domain=DEFAULT_DOMAIN, key=SecretStr(form))
    async with gateway.client(read.key.get_secret_value()) as connector:
        assert (await connector.client(ANNA)).person_id == ANNA


async def test_l3_neither_log_nor_error_shows_key_or_person(
    gateway: Gateway, client: LifecareClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.lifecare.settings.error_shape = "html"
    with pytest.raises(VendorError) as wrong:
        await client.client("19900101TF99")
    shown = caplog.text + str(wrong.value) + repr(wrong.value.__cause__) + repr(wrong.value.__context__)
    for secret in (DEFAULT_KEY, quote(DEFAULT_KEY, safe=""), "TF99"):
        assert secret not in shown


async def test_l4_the_transport_knows_http_1_1_alone() -> None:
    transport = production_transport()
    assert type(transport).__module__.startswith("httpx_aiohttp"), "aiohttp has no HTTP/2 at all"
    await transport.aclose()


async def test_l5_whatever_is_sought_stands_within_its_quotes(client: LifecareClient) -> None:
    found = await client.documentations(headline_id="S1' or Status='Current", status="Current")
    assert found.items == ()


def test_l6_a_field_that_is_not_searchable_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="Status"):
        query.q(query.ORDERS, Status="Sent")


async def test_l7_change_feeds_show_what_was_deleted_and_other_lists_take_no_change_filter(
    gateway: Gateway, client: LifecareClient
) -> None:
    order = gateway.lifecare.order(ANNA)
    gateway.lifecare.delete("sol_decisions", order.decision_id)
    (decision,) = (await client.list(query.DECISIONS, gt=datetime(2026, 3, 1, tzinfo=UTC))).items
    assert decision.deleted
    with pytest.raises(ValueError, match="change filter"):
        await client.list(query.ORDERS, gt=NOW)


@pytest.mark.parametrize("by", [-2, 2])
async def test_l8_no_row_is_missed_when_rows_shift_between_pages(gateway: Gateway, by: int) -> None:
    orders = {gateway.lifecare.order(ANNA).order_id for _ in range(17)}
    gateway.lifecare.settings.page_cap = 5
    gateway.lifecare.shift_rows(by, times=2)
    async with gateway.client(page_size=5) as connector:
        rows = await connector.orders_of_person(ANNA)
    assert {row.id for row in rows.items} == orders


@pytest.mark.parametrize(
    ("shape", "said"),
    [("message", "denied"), ("string", "denied"), ("html", "denied"), ("empty", "no message")],
)
async def test_l9_the_message_is_kept_whatever_its_shape(gateway: Gateway, shape: Any, said: str) -> None:
    gateway.lifecare.settings.error_shape = shape
    async with gateway.client("another key") as connector:
        with pytest.raises(Unauthorised, match=said):
            await connector.client(ANNA)


@pytest.mark.parametrize("setting", ["404", "[]"])
async def test_l10_nothing_found_is_empty_and_a_404_is_told_apart(
    gateway: Gateway, client: LifecareClient, setting: Any
) -> None:
    gateway.lifecare.settings.empty_list = setting
    rows = await client.orders_of_person(ANNA)
    assert rows.items == ()
    assert rows.silent == (setting == "404")


async def test_l11_what_is_another_persons_is_never_passed_on(gateway: Gateway, client: LifecareClient) -> None:
    order = gateway.lifecare.order(ANNA)
    execution = gateway.lifecare.start_execution(order.order_id)
    with pytest.raises(ContractBroken, match="another person"):
        await client.get(query.EXECUTIONS, execution, person_id=BERIT)
    assert (await client.get(query.EXECUTIONS, execution, person_id=ANNA)).id == execution


async def test_l12_the_resource_without_a_licence_is_named_and_the_others_work(
    gateway: Gateway, client: LifecareClient
) -> None:
    gateway.lifecare.settings.unlicensed.add("executions")
    refused = {name: error for name, error in (await client.access()).items() if error is not None}
    assert list(refused) == ["executions"]
    assert isinstance(refused["executions"], Unauthorised)


@pytest.mark.parametrize("written", [ANNA, "19900101-TF03", "19900101-tf03 "])
async def test_l13_a_person_number_is_accepted_with_and_without_its_hyphen(
    gateway: Gateway, client: LifecareClient, written: str
) -> None:
    assert (await client.client(written)).person_id == ANNA


async def test_l14_a_calendar_date_is_its_first_ten_characters(gateway: Gateway, client: LifecareClient) -> None:
    day = date(2026, 1, 31)
    for _ in range(40):
        gateway.lifecare.order(ANNA, start=day)
    rows = (await client.orders_of_person(ANNA)).items
    assert {row.start_date for row in rows} == {day}
    assert {row.update_time for row in rows} == {NOW}


async def test_l15_an_open_end_is_none_in_all_its_forms(gateway: Gateway, client: LifecareClient) -> None:
    for _ in range(40):
        gateway.lifecare.order(ANNA)
    rows = await client.orders_of_person(ANNA)
    assert {row.end_date for row in rows.items} == {None}


async def test_l16_an_instant_is_sent_with_its_seconds(gateway: Gateway, client: LifecareClient) -> None:
    await client.list(query.EXECUTIONS, gt=datetime(2026, 3, 1, 12, 0, 0, 999_000, tzinfo=UTC))
    sent = gateway.asked[0].param("gt") or ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", sent)
    assert gateway.lifecare.received()[0].status in (200, 404)
