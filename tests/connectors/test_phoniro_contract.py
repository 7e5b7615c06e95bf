"""Every request that the Phoniro client can send is one that the assumed contract allows."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, get_args
from urllib.parse import parse_qsl, unquote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import VendorError
from connectors.http.client import HttpSettings
from connectors.phoniro.client import PhoniroClient
from connectors.phoniro.wire import WEEKDAYS, Customer, EndReason, NewSchedule, PauseReason, Rule, ScheduleChanges
from tests.connectors.phoniro_examples import AT, CUSTOMER, ID, new_schedule
from tests.contracts import hold, needs_phoniro, openapi, place_of, resolved

pytestmark = needs_phoniro

Call = Callable[[PhoniroClient], Awaitable[object]]


def _sent(*calls: Call) -> list[httpx.Request]:
    """The requests of these calls. Each gets a useless answer, which is an error for the client."""
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600}
        return httpx.Response(200, json=token if request.url.path == "/connect/token" else {})

    async def run() -> None:
        transport = httpx.MockTransport(handler)
        limits = HttpSettings(per_second=1e6)
        async with PhoniroClient("https://phoniro.example", "i", "s", transport=transport, settings=limits) as client:
            for call in calls:
                with pytest.raises(VendorError):
                    await call(client)

    asyncio.run(run())
    return requests


def _check(request: httpx.Request) -> str:
    """Validate a request against its operation, and return the operation's name."""
    path, values = place_of(request.url.raw_path.decode().partition("?")[0])
    shared, operation = openapi()["paths"][path].get("parameters", []), openapi()["paths"][path][request.method.lower()]
    for value, parameter in zip(values, shared, strict=True):
        hold(parameter["schema"], unquote(value))
    parameters = [resolved(one) for one in (*shared, *operation.get("parameters", []))]
    query = {one["name"]: one for one in parameters if one["in"] == "query"}
    for name, value in request.url.params.multi_items():
        schema = query[name]["schema"]
        hold(schema, int(value) if schema.get("type") == "integer" else value)
    for one in parameters:
        if one["in"] == "query" and one.get("required"):
            assert one["name"] in request.url.params
        if one["in"] == "header" and one.get("required"):
            assert request.headers[one["name"]]
    _check_body(operation, request)
    return f"{request.method} {path}"


def _check_body(operation: dict[str, Any], request: httpx.Request) -> None:
    media_type = request.headers.get("Content-Type", "").partition(";")[0]
    if request.method == "PATCH":
        # The contract names the four fields and refers to the schema of a new schedule for their types.
        assert media_type == "application/merge-patch+json"
        whole = openapi()["components"]["schemas"]["NewSchedule"]["properties"]
        allowed = {name: whole[name] for name in ("validFrom", "validTo", "rules", "cameraId")}
        schema: dict[str, Any] = {"type": "object", "minProperties": 1, "properties": allowed}
    elif "requestBody" in operation:
        schema = operation["requestBody"]["content"][media_type]["schema"]
    else:
        assert request.content == b""
        return
    body = (
        dict(parse_qsl(request.content.decode())) if media_type.endswith("urlencoded") else json.loads(request.content)
    )
    assert set(body) <= set(resolved(schema)["properties"])
    hold(schema, body)


PLAIN = st.text(max_size=30)
EXTERNAL_IDS = st.text(min_size=1, max_size=64)
INSTANTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-11, minutes=-30))]),
)
TIMES = st.lists(st.times().map(lambda one: one.replace(second=0, microsecond=0)), min_size=1, max_size=12, unique=True)


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    protected = draw(st.booleans())
    names = ("first_name", "last_name", "street_address", "postal_code", "city", "phone")
    personal = {} if protected else {name: draw(st.none() | PLAIN) for name in names}
    if not protected:
        personal["personal_identity_number"] = draw(st.none() | st.from_regex(r"19900101TF[0-9]{2}", fullmatch=True))
    return Customer(
        external_id=draw(EXTERNAL_IDS), organisation_id=draw(PLAIN), protected_identity=protected, **personal
    )


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    cut = draw(st.integers(0, len(days) - 1))
    parts = [part for part in (days[:cut], days[cut:]) if part]
    return tuple(Rule(weekdays=tuple(part), times=tuple(draw(TIMES))) for part in parts)


DATES = st.dates(date(2, 1, 1), date(9998, 12, 31))
"""Days that the wire models accept, with room for a day, a zone and a month on both sides."""

# Not ``st.builds``: it would make up the vendor's names of the fields (``validFrom``) beside those given here.
NEW_SCHEDULES = st.fixed_dictionaries(
    {
        "external_reference": st.text(min_size=1, max_size=100),
        "customer_external_id": EXTERNAL_IDS,
        "organisation_id": PLAIN,
        "time_zone": st.just("Europe/Stockholm"),
        "valid_from": DATES,
        "valid_to": st.none() | DATES,
        "rules": rules(),
        "tolerance_minutes": st.integers(0, 120),
        "retry_after_minutes": st.integers(1, 60),
    }
).map(lambda given: NewSchedule(**given))
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "valid_from": DATES,
        "valid_to": st.none() | DATES,
        "rules": rules(),
    },
).filter(bool)


@settings(max_examples=60, deadline=None)
@given(
    customer=customers(),
    new=NEW_SCHEDULES,
    changes=CHANGES.map(lambda given: ScheduleChanges(**given)),
    at=INSTANTS,
    end_reason=st.sampled_from(get_args(EndReason)),
    pause_reason=st.sampled_from(get_args(PauseReason)),
)
def test_every_body_that_can_be_sent_is_one_that_the_contract_allows(
    customer: Customer,
    new: NewSchedule,
    changes: ScheduleChanges,
    at: datetime,
    end_reason: EndReason,
    pause_reason: PauseReason,
) -> None:
    requests = _sent(
        lambda client: client.put_customer(customer),
        lambda client: client.create_schedule(new),
        lambda client: client.patch_schedule(ID, changes, '"1"'),
        lambda client: client.end_schedule(ID, at, end_reason),
        lambda client: client.pause_schedule(ID, pause_reason),
        lambda client: client.resume_schedule(ID),
    )
    for request in requests:
        _check(request)


async def _drained(rows: Any) -> None:
    async for _ in rows:
        pass


def test_the_client_speaks_of_nothing_but_the_contract_and_of_all_of_it() -> None:
    requests = _sent(
        lambda client: client.organisations(),
        lambda client: client.get_customer("c-1"),
        lambda client: client.put_customer(CUSTOMER),
        lambda client: client.find_schedule("TK-7F3K2M-1"),
        lambda client: _drained(client.schedules()),
        lambda client: client.get_schedule(ID),
        lambda client: client.create_schedule(new_schedule()),
        lambda client: client.patch_schedule(ID, ScheduleChanges(valid_to=None), '"1"'),
        lambda client: client.end_schedule(ID, AT, "other"),
        lambda client: client.pause_schedule(ID, "other"),
        lambda client: client.resume_schedule(ID),
        lambda client: _drained(client.supervisions(AT, AT)),
    )
    spoken = {_check(request) for request in requests}
    known = {
        f"{method.upper()} {path}"
        for path, item in openapi()["paths"].items()
        for method in item
        if method != "parameters"
    }
    # Customers are looked up by their id; nobody needs the list of them.
    assert spoken == known - {"GET /api/v1/customers"}


def test_the_reasons_are_the_contracts() -> None:
    def reasons(act: str) -> set[str]:
        body = openapi()["paths"][f"/api/v1/supervision-schedules/{{id}}/{act}"]["post"]["requestBody"]
        return set(body["content"]["application/json"]["schema"]["properties"]["reason"]["enum"])

    assert (set(get_args(EndReason)), set(get_args(PauseReason))) == (reasons("end"), reasons("pause"))
    weekdays = openapi()["components"]["schemas"]["Rule"]["properties"]["weekdays"]["items"]["enum"]
    assert list(WEEKDAYS) == weekdays
