"""The Lifecare client against the live gateway's known behaviour."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from itertools import count
from traceback import walk_tb
from typing import Any

import httpx
import pytest
import respx

from connectors.errors import AmbiguousWrite, ContractBroken, NotFound, Refused, TooLong, Unauthorised
from connectors.http.client import HttpSettings
from connectors.lifecare import list_memory, query
from connectors.lifecare.client import LifecareClient
from connectors.lifecare.list_result import of_person, person_of
from connectors.lifecare.wire import CreateProviderJournalNoteRequest

HOST = "https://lifecare.example/WE.EC.Integration.Host"
PERSON, OTHER = "19900101TF03", "19900101TF04"
MOMENT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


async def _no_sleep(_: float) -> None:
    return None


@pytest.fixture
def gateway() -> respx.MockRouter:
    router = respx.MockRouter(assert_all_called=False, base_url=HOST)
    router.get("/api/v1/headlines").respond(json=[])
    return router


@pytest.fixture
async def client(gateway: respx.MockRouter) -> AsyncIterator[LifecareClient]:
    settings, transport = HttpSettings(per_second=1e6), httpx.MockTransport(gateway.async_handler)
    key = "aU+eJ/a="
    async with LifecareClient(HOST, "4711", key, settings=settings, transport=transport, sleep=_no_sleep) as client:
        yield client


def asked(gateway: respx.MockRouter, call: int = -1) -> httpx.Request:
    request: httpx.Request = gateway.calls[call].request
    return request


def listing(rows: list[Any]) -> Callable[[httpx.Request], httpx.Response]:
    """A list of the gateway, by ``limit`` and ``offset``."""

    def page(request: httpx.Request) -> httpx.Response:
        offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
        return httpx.Response(200, json=rows[offset : offset + limit])

    return page


def endless(row: dict[str, Any], *, asked: list[int]) -> Callable[[httpx.Request], httpx.Response]:
    """A list whose every page is full."""

    def page(request: httpx.Request) -> httpx.Response:
        offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
        asked.append(offset)
        return httpx.Response(200, json=[{**row, "Id": n} for n in range(offset, offset + limit)])

    return page


async def test_an_endless_list_is_an_error_and_never_taken_for_a_whole_one(
    client: LifecareClient, gateway: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_memory, "MOST_PAGES", 20)
    monkeypatch.setattr(list_memory, "LITTLE", 100_000)
    monkeypatch.setattr(list_memory, "LONGEST_LIST", 10_000_000)
    asked: list[int] = []
    gateway.get("/api/v1/executions").mock(side_effect=endless({"PersonId": PERSON}, asked=asked))
    with pytest.raises(TooLong, match="does not end: 21 pages were read") as caught:
        await client.list(query.EXECUTIONS)
    kept = {frame.f_code.co_filename for frame, _ in walk_tb(caught.tb)}
    assert not [name for name in kept if name.endswith("paging.py")], "the error keeps no rows alive"
    assert len(asked) == 3 + 21, "a little, and then in its turn"
    gateway.get("/api/v1/client_absences").mock(side_effect=endless({"Text": "x" * 5000}, asked=asked))
    with pytest.raises(TooLong, match="does not end: 19 pages were read"):
        await client.list(query.ABSENCES)


async def test_a_feed_reads_a_day_of_far_more_orders_than_memory_holds_whole(
    client: LifecareClient, gateway: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page (L8), because only the part of each row that the feed needs is kept."""
    monkeypatch.setattr(list_memory, "LITTLE", 500_000)
    monkeypatch.setattr(list_memory, "LONGEST_LIST", 2_000_000)
    rows = [{"Id": f"SB-{n}", "PersonId": PERSON, "Text": "x" * 2000} for n in range(1500)]
    gateway.get("/api/v1/orders").mock(side_effect=listing(rows))
    with pytest.raises(TooLong):
        await client.list(query.ORDERS)
    found = await client.each(query.ORDERS, lambda row: row.id)
    assert found.items == tuple(row["Id"] for row in rows)


async def test_lists_without_a_turn_are_so_many_at_a_time(client: LifecareClient, gateway: respx.MockRouter) -> None:
    reading, most, gate = 0, 0, asyncio.Event()

    async def slowly(request: httpx.Request) -> httpx.Response:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await gate.wait()
        reading -= 1
        return httpx.Response(200, json=[])

    client._room._little = asyncio.Semaphore(3)
    gateway.get("/api/v1/orders").mock(side_effect=slowly)
    lists = [asyncio.create_task(client.orders_of_person(PERSON)) for _ in range(6)]
    for _ in range(50):  # everybody comes as far as they can
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*lists)
    assert most == 3


async def test_long_lists_are_read_whole_one_after_the_other_and_short_ones_meanwhile(
    client: LifecareClient, gateway: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long list is read again when its turn has come."""
    monkeypatch.setattr(list_memory, "LITTLE", 150_000)
    rows = [{"Id": n, "PersonId": PERSON, "Text": "x" * 2000} for n in range(250)]
    begun: list[str] = []
    hold, gate = asyncio.Event(), asyncio.Event()

    async def slowly(request: httpx.Request) -> httpx.Response:
        begun.append(request.url.path.rpartition("/")[2])
        if request.url.params["offset"] != "0":
            hold.set()
            await gate.wait()
        return listing(rows)(request)

    gateway.get("/api/v1/executions").mock(side_effect=slowly)
    gateway.get("/api/v1/client_absences").mock(side_effect=slowly)
    gateway.get("/api/v1/orders").mock(side_effect=listing([{"Id": "A"}]))
    first, second = (asyncio.create_task(client.list(of)) for of in (query.EXECUTIONS, query.ABSENCES))
    await hold.wait()
    assert len((await client.list(query.ORDERS)).items) == 1
    assert begun.count("client_absences") == 1, "the second waits for its turn"
    gate.set()
    assert [len((await task).items) for task in (first, second)] == [250, 250]


def note_request(**more: Any) -> CreateProviderJournalNoteRequest:
    return CreateProviderJournalNoteRequest(
        occurrence_time_utc=datetime(2026, 1, 31, 12, 0, 0, 999, tzinfo=UTC),
        text="[TK-7F3K2M/07]",
        client_id=12,
        provider_unit_id=3,
        headline_id=88,
        created_personnel_id=5,
        created_personnel_title="System",
        **more,
    )


async def test_domain_and_key_travel_in_the_query_string_and_nowhere_else_in_one_correct_encoding(
    client: LifecareClient, gateway: respx.MockRouter
) -> None:
    """L1, L2: a raw plus sign would arrive as a space, a percent sign encoded twice as itself."""
    gateway.get("/api/v1/orders/A-1").respond(json={"Id": "A-1"})
    await client.get(query.ORDERS, "A-1")
    request = asked(gateway)
    assert (request.url.params["domain"], request.url.params["key"]) == ("4711", "aU+eJ/a=")
    query_string = request.url.query.decode()
    assert "key=aU%2BeJ" in query_string
    assert "%25" not in query_string
    assert "aU" not in str(request.headers.raw)
    assert not {"x-api-key", "authorization", "cookie"} & set(request.headers)
    assert request.headers["Accept"] == "application/json", "what takes anything may be given anything"


async def test_nobody_logs_a_url(
    client: LifecareClient, gateway: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """L3"""
    caplog.set_level(logging.DEBUG)
    gateway.get("/api/v1/orders").respond(json=[])
    await client.orders_of_person(PERSON)
    assert "TF03" not in caplog.text
    assert "aU" not in caplog.text


async def test_only_http_1_1_is_offered() -> None:
    """L4: with its own transport the client uses only HTTP/1.1."""
    async with LifecareClient("https://lifecare.example", "1", "k") as client:
        transport = client._http._client._transport
        assert type(transport).__module__.startswith("httpx_aiohttp"), "aiohttp knows no HTTP/2"


async def test_change_feeds_give_what_was_deleted_too(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L7, L16: gt is UTC, with seconds and without a fraction; a deleted entity may hold nothing else."""
    gateway.get("/api/v1/executions").mock(
        side_effect=listing([{"Id": 1, "Deleted": True}, {"Id": 2, "PersonId": PERSON}])
    )
    rows = await client.list(query.EXECUTIONS, gt=datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=UTC))
    assert [(row.id, row.deleted) for row in rows.items] == [(1, True), (2, False)]
    assert asked(gateway).url.params["gt"] == "2026-01-31T12:00:00"


async def test_what_has_no_change_filter_is_not_asked_for_changes(client: LifecareClient) -> None:
    """L7"""
    with pytest.raises(ValueError, match="orders has no change filter"):
        await client.list(query.ORDERS, gt=MOMENT)


async def test_a_list_is_read_to_its_end(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L8: also if the server puts fewer rows on a page than it was asked for."""
    units = [{"Id": number} for number in range(95)]

    def page(request: httpx.Request) -> httpx.Response:
        offset, limit = int(request.url.params["offset"]), min(int(request.url.params["limit"]), 10)
        return httpx.Response(200, json=units[offset : offset + limit])

    gateway.get("/api/v1/provider_units").mock(side_effect=page)
    assert [unit.id for unit in (await client.list(query.PROVIDER_UNITS)).items] == list(range(95))


async def test_a_list_that_never_stands_still_is_given_up(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L8"""
    ids = count()
    gateway.get("/api/v1/provider_units").mock(
        side_effect=lambda _: httpx.Response(200, json=[{"Id": next(ids)} for _ in range(100)])
    )
    with pytest.raises(ContractBroken, match="list kept shifting"):
        await client.list(query.PROVIDER_UNITS)
    assert len(gateway.calls) == 12, "read once and five times anew, two pages each"


async def test_the_gateways_words_reach_the_error_redacted(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L9, L13"""
    said = f"No such PersonId {PERSON}, key=aU%2be or aU+eJ/a="
    gateway.get("/api/v1/orders").respond(400, json={"Message": said})
    with pytest.raises(Refused) as caught:
        await client.orders_of_person(PERSON)
    told = "No such PersonId [redacted], key=[redacted] or [redacted]"
    assert str(caught.value) == f"lifecare GET orders answered 400: {told}"


@pytest.mark.parametrize(
    "nothing", [httpx.Response(404), httpx.Response(404, json={"Message": "x"}), httpx.Response(200, json=[])]
)
async def test_a_list_without_matches_is_empty_and_one_entity_missing_is_an_error(
    client: LifecareClient, gateway: respx.MockRouter, nothing: httpx.Response
) -> None:
    """L10"""
    nothing.headers["Date"] = "Sat, 31 Jan 2026 12:00:00 GMT"
    gateway.get("/api/v1/orders").mock(return_value=nothing)
    gateway.get(f"/api/v1/clients/{PERSON}").respond(404)
    rows = await client.orders_of_person(PERSON)
    assert (rows.items, rows.broken, rows.server_time) == ((), (), MOMENT)
    with pytest.raises(NotFound) as caught:
        await client.client(PERSON)
    assert "TF03" not in str(caught.value)


@pytest.mark.parametrize("id", ["", ".", ".."])
async def test_an_id_that_no_address_can_hold_is_not_there_and_is_not_asked_for(
    client: LifecareClient, gateway: respx.MockRouter, id: str
) -> None:
    with pytest.raises(NotFound, match="nothing was sent"):
        await client.get(query.ORDERS, id)
    assert not gateway.calls


async def test_another_persons_rows_are_never_passed_on(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L11: not even if they are broken, too."""
    rows = [
        {"Id": 1, "PersonId": "19900101-TF03"},
        {"Id": 2, "PersonId": OTHER},
        {"Id": 3},
        {"Id": 4, "PersonId": OTHER, "StartDate": "soon"},
    ]
    gateway.get("/api/v1/executions").mock(side_effect=listing(rows))
    found = await client.list(query.EXECUTIONS, q=query.q(query.EXECUTIONS, PersonId=PERSON), scope=of_person(PERSON))
    assert [row.id for row in found.items] == [1]
    assert [(row.id, row.problem, row.raw) for row in found.broken] == [
        (id, "person_id (belongs to another person)", None) for id in ("2", "3", "4")
    ]


async def test_one_entity_of_another_person_is_refused(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L11"""
    gateway.get(f"/api/v1/clients/{PERSON}").respond(json={"Id": 1, "PersonId": OTHER})
    gateway.get("/api/v1/sol_decisions/7").respond(json={"Id": 7, "PersonId": OTHER})
    for read in (client.client(PERSON), client.get(query.DECISIONS, 7, person_id=PERSON)):
        with pytest.raises(ContractBroken, match="another person") as caught:
            await read
        assert "TF04" not in str(caught.value)
    assert (await client.get(query.DECISIONS, 7)).person_id == OTHER, "a feed doesn't know yet whose it is"


async def test_notes_and_services_of_others_are_dropped_by_what_they_stand_on(
    client: LifecareClient, gateway: respx.MockRouter
) -> None:
    """L11: a note and an ordered service don't name a person."""
    gateway.get("/api/v1/documentations").mock(
        side_effect=listing([{"Id": "a", "ExecutionId": 1}, {"Id": "b", "ExecutionId": 2}])
    )
    gateway.get("/api/v1/ordered_services").mock(side_effect=listing([{"OrderId": "A"}, {"OrderId": "B"}]))
    notes = await client.documentations(execution_id=1, headline_id="88", status="Current")
    assert asked(gateway).url.params["q"] == "ExecutionId='1' and HeadlineId='88' and Status='Current'"
    assert [note.id for note in notes.items] == ["a"]
    assert [row.problem for row in notes.broken] == ["execution_id (belongs to another execution)"]
    services = await client.ordered_services("A")
    assert [service.order_id for service in services.items] == ["A"]


async def test_access_says_which_resource_the_key_is_not_licensed_for(
    client: LifecareClient, gateway: respx.MockRouter
) -> None:
    """L12"""
    gateway.get("/api/v1/client_absences").respond(401, json={"Message": "No licence"})
    gateway.get(path__regex="/api/v1/.*").respond(404)
    access = await client.access()
    assert set(access) == {resource.name for resource in query.RESOURCES}
    denied = {name: error for name, error in access.items() if error}
    assert set(denied) == {"client_absences"}
    assert isinstance(denied["client_absences"], Unauthorised)


async def test_one_bad_row_breaks_itself_and_says_so_without_its_value(
    client: LifecareClient, gateway: respx.MockRouter
) -> None:
    """L5, L6, L14: an invalid date is neither dropped nor taken for an open end."""
    rows = [{"Id": "A"}, {"Id": "B", "PersonId": PERSON, "EndDate": "2026-02-30T00:00:00"}, "nonsense", {"Id": None}]
    gateway.get("/api/v1/orders").mock(side_effect=listing(rows))
    found = await client.list(query.ORDERS, q=query.q(query.ORDERS, UpdateTime=date(2026, 1, 31)))
    assert asked(gateway).url.params["q"] == "UpdateTime='2026-01-31'"
    assert [order.id for order in found.items] == ["A"]
    assert [(row.id, person_of(row), row.problem) for row in found.broken] == [
        ("B", PERSON, "EndDate (calendar_date)"),
        (None, None, "row (model_type)"),
        (None, None, "Id (string_type)"),
    ]
    assert "2026-02-30" not in str(found.broken)
    assert "TF03" not in str(found)


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"{}", b"", b'"x"'])
async def test_a_list_that_is_none_breaks_the_contract(
    client: LifecareClient, gateway: respx.MockRouter, body: bytes
) -> None:
    gateway.get("/api/v1/orders").respond(content=body)
    with pytest.raises(ContractBroken):
        await client.list(query.ORDERS)


async def test_a_note_is_written_as_the_vendor_spells_it(client: LifecareClient, gateway: respx.MockRouter) -> None:
    """L1, L16, LA3"""
    gateway.post("/api/v2/provider_notes").respond(json={"id": 9, "clientId": 12, "unitId": 3})
    note = await client.create_provider_note(note_request(execution_id=4))
    assert (note.id, note.client_id) == (9, 12)
    assert asked(gateway).url.params["domain"] == "4711"
    assert httpx.Response(200, content=asked(gateway).content).json() == {
        "occurrenceTimeUtc": "2026-01-31T12:00:00Z",
        "text": "[TK-7F3K2M/07]",
        "clientId": 12,
        "providerUnitId": 3,
        "headlineId": 88,
        "executionId": 4,
        "createdPersonnelId": 5,
        "createdPersonnelTitle": "System",
    }


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, html="<html>"),
        httpx.Response(200, json={"id": None}),
        httpx.Response(200, json={"id": 9, "clientId": 13}),
        httpx.ReadTimeout("x"),
    ],
)
async def test_a_note_whose_answer_says_nothing_sure_is_unknown_and_not_sent_again(
    client: LifecareClient, gateway: respx.MockRouter, answer: httpx.Response | Exception
) -> None:
    """LA4, P4"""
    route = gateway.post("/api/v2/provider_notes")
    route.mock(side_effect=[answer])
    with pytest.raises(AmbiguousWrite):
        await client.create_provider_note(note_request())
    assert route.call_count == 1
