"""The Phoniro client's requests, and its errors for every way in which a call can fail."""

import asyncio
import gc
import json
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from connectors.errors import (
    AmbiguousWrite,
    Conflict,
    ContractBroken,
    NotSent,
    Refused,
    Transient,
    Unauthorised,
    VendorError,
)
from connectors.http.client import HttpSettings, writing_while
from connectors.phoniro import paging
from connectors.phoniro.client import PhoniroClient
from connectors.phoniro.wire import Schedule, ScheduleChanges
from connectors.rows import BrokenRow
from tests.connectors.phoniro_examples import AT, CUSTOMER, ID, SCHEDULE, new_schedule
from tests.simulation.loop import VirtualLoop

BASE = "https://phoniro.example"
SCHEDULES = "/api/v1/supervision-schedules"
LISTING = "GET schedules"
SECRET = "en-hemlighet-som-aldrig-syns"
Write = Callable[[PhoniroClient], Any]
UNREPEATED: dict[str, tuple[str, str, Write]] = {
    "create": ("POST", SCHEDULES, lambda c: c.create_schedule(new_schedule())),
    "patch": ("PATCH", f"{SCHEDULES}/{ID}", lambda c: c.patch_schedule(ID, ScheduleChanges(valid_to=None), '"1"')),
    "end": ("POST", f"{SCHEDULES}/{ID}/end", lambda c: c.end_schedule(ID, AT, "deceased")),
    "pause": ("POST", f"{SCHEDULES}/{ID}/pause", lambda c: c.pause_schedule(ID, "absence")),
    "resume": ("POST", f"{SCHEDULES}/{ID}/resume", lambda c: c.resume_schedule(ID)),
}


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def phoniro() -> Iterator[respx.MockRouter]:
    """Hands out token-1, token-2, ... of one hour each."""
    with respx.MockRouter(base_url=BASE, assert_all_called=False) as router:
        route = router.post("/connect/token", name="token")
        route.side_effect = lambda _: httpx.Response(200, json=_token(f"token-{route.call_count + 1}"))
        yield router


def _token(value: str, **changes: Any) -> dict[str, Any]:
    return {"access_token": value, "token_type": "Bearer", "expires_in": 3600} | changes


@pytest.fixture
async def client(phoniro: respx.MockRouter, clock: Clock) -> AsyncIterator[PhoniroClient]:
    async def no_sleep(seconds: float) -> None:
        clock.seconds += seconds

    async with PhoniroClient(
        BASE,
        "adapter",
        SECRET,
        settings=HttpSettings(per_second=1e6),
        transport=httpx.MockTransport(phoniro.async_handler),
        sleep=no_sleep,
        monotonic=clock,
    ) as client:
        yield client


def _answer(status: int = 200, etag: str | None = '"1"', **changes: Any) -> httpx.Response:
    return httpx.Response(status, json=SCHEDULE | changes, headers={"ETag": etag} if etag else {})


def _page(items: list[Any], following: str | None = None) -> httpx.Response:
    return httpx.Response(200, json={"items": items, "nextCursor": following})


def _bearer(route: respx.Route) -> list[str]:
    return [call.request.headers["Authorization"] for call in route.calls]


# -- the token ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("life", "used"), [(3600, 3539.0), (30, 14.0)])
async def test_the_token_is_asked_for_as_rfc_6749_says_and_used_until_a_minute_before_its_end_or_for_half_its_life(
    phoniro: respx.MockRouter, client: PhoniroClient, clock: Clock, life: int, used: float
) -> None:
    token = phoniro["token"]
    token.side_effect = lambda _: httpx.Response(200, json=_token(f"token-{token.call_count + 1}", expires_in=life))
    read = phoniro.get(f"{SCHEDULES}/{ID}").mock(return_value=_answer())
    for seconds in (0.0, used, 1.0):
        clock.seconds += seconds
        await client.get_schedule(ID)
    assert _bearer(read) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert parse_qs(token.calls[0].request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["adapter"],
        "client_secret": [SECRET],
        "scope": ["supervision"],
    }


async def test_callers_at_the_same_time_share_one_renewal(phoniro: respx.MockRouter, client: PhoniroClient) -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        for _ in range(50):  # lets all other tasks go on as far as they can
            await asyncio.sleep(0)
        return httpx.Response(200, json=_token("t"))

    phoniro["token"].side_effect = slow
    read = phoniro.get(f"{SCHEDULES}/{ID}").mock(return_value=_answer())
    await asyncio.gather(*(client.get_schedule(ID) for _ in range(20)))
    assert (read.call_count, phoniro["token"].call_count) == (20, 1)


async def test_a_late_401_to_an_old_token_does_not_cost_the_new_one(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    all_sent, renewed = asyncio.Event(), asyncio.Event()
    old: list[httpx.Request] = []

    async def revoked(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] != "Bearer token-1":
            renewed.set()
            return _answer()
        old.append(request)
        if len(old) == 5:
            all_sent.set()
        await (all_sent if request is old[0] else renewed).wait()
        return httpx.Response(401)

    phoniro.get(f"{SCHEDULES}/{ID}").mock(side_effect=revoked)
    await asyncio.gather(*(client.get_schedule(ID) for _ in range(5)))
    assert phoniro["token"].call_count == 2


@pytest.mark.parametrize("act", UNREPEATED)
async def test_a_write_answered_401_is_sent_once_more_with_a_new_token(
    phoniro: respx.MockRouter, client: PhoniroClient, act: str
) -> None:
    method, path, write = UNREPEATED[act]
    seen: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["Authorization"], request.content))
        return httpx.Response(401) if len(seen) == 1 else _answer()

    phoniro.request(method, path).mock(side_effect=answer)
    await write(client)
    (first, body), (second, again) = seen
    assert (first, second) == ("Bearer token-1", "Bearer token-2")
    assert body == again


@pytest.mark.parametrize(("status", "sent"), [(401, 2), (403, 1)])
async def test_a_token_that_is_never_accepted_ends_as_unauthorised(
    phoniro: respx.MockRouter, client: PhoniroClient, status: int, sent: int
) -> None:
    route = phoniro.post(SCHEDULES).mock(return_value=httpx.Response(status))
    with pytest.raises(Unauthorised) as caught:
        await client.create_schedule(new_schedule())
    assert (caught.value.status, caught.value.call, route.call_count) == (status, "POST schedule", sent)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            httpx.Response(400, json={"error": "invalid_client", "error_description": f"{SECRET} is wrong"}),
            Unauthorised,
        ),
        (httpx.Response(400, json={"error": "invalid_client", "error_description": "x" * 150 + SECRET}), Unauthorised),
        (httpx.Response(401), Unauthorised),
        (httpx.Response(503, text="down"), Transient),
        (httpx.Response(502, text="<html>bad gateway</html>"), Transient),
        (httpx.ReadTimeout("slow"), Transient),
        (httpx.ConnectError("no"), Transient),
        (httpx.Response(200, text="<html>log in</html>"), ContractBroken),
        (httpx.Response(200, json=_token("a\r\nX-Evil: 1")), ContractBroken),
        (httpx.Response(200, json=_token("t", token_type="MAC")), ContractBroken),
        (httpx.Response(200, json=_token("t", expires_in=0)), ContractBroken),
    ],
)
async def test_a_write_is_not_sent_and_never_unknown_when_no_token_can_be_had(
    phoniro: respx.MockRouter, client: PhoniroClient, answer: Any, kind: type[VendorError]
) -> None:
    route = phoniro.post(SCHEDULES).mock(return_value=_answer(201))
    phoniro["token"].side_effect = [answer] * 3
    with pytest.raises(VendorError) as caught:
        await client.create_schedule(new_schedule())
    assert (type(caught.value), caught.value.call, route.called) == (kind, "POST token", False)
    assert SECRET[:12] not in str(caught.value) + repr(caught.value)


async def test_who_lost_the_right_to_write_while_a_token_was_fetched_sends_nothing(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    token = phoniro["token"]
    token.side_effect = lambda _: httpx.Response(200, json=_token("t"))
    route = phoniro.post(SCHEDULES).mock(return_value=_answer(201))
    with writing_while(lambda: not token.called), pytest.raises(NotSent):
        await client.create_schedule(new_schedule())
    assert (token.called, route.called) == (True, False)


async def test_neither_token_nor_secret_is_ever_in_an_error_or_a_log(
    phoniro: respx.MockRouter, client: PhoniroClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    phoniro.post(SCHEDULES).mock(
        side_effect=lambda request: httpx.Response(422, json={"title": f"got {request.headers['Authorization'][7:]}"})
    )
    with pytest.raises(Refused) as caught:
        await client.create_schedule(new_schedule())
    seen = str(caught.value) + repr(caught.value) + repr(caught.value.__dict__) + caplog.text
    assert "token-1" not in seen
    assert SECRET not in seen


@pytest.mark.parametrize(
    ("token_takes", "told"),
    [
        (40, [("POST token", "ok", 40), (LISTING, "ok", 2), (LISTING, "ok", 2)]),
        (70, [("POST token", "Transient", 70), ("POST token", "GivenUp", 50)]),
    ],
    ids=["late", "never"],
)
def test_a_call_is_told_of_once_it_was_sent_and_from_then_on(
    token_takes: int, told: list[tuple[str, str, int]]
) -> None:
    """Two calls wait for the same token; while none comes, neither was an exchange, nor begins to wait anew."""
    heard: list[tuple[str, str, int]] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        token = request.url.path == "/connect/token"
        await asyncio.sleep(token_takes if token else 2)
        if token_takes > 60:
            raise httpx.ReadTimeout("slow")
        return httpx.Response(200, json=_token("t")) if token else _page([])

    async def asked() -> tuple[BaseException | None, ...]:
        async with PhoniroClient(
            BASE,
            "adapter",
            SECRET,
            transport=httpx.MockTransport(answer),
            on_call=lambda _, call, __, outcome, seconds: heard.append((call, outcome, round(seconds))),
        ) as client:

            async def listed() -> None:
                async for _ in client.schedules():
                    pass

            return await asyncio.gather(listed(), listed(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        ended = runner.run(asked())
    assert heard == told
    assert token_takes == 40 or all("there was no token" in str(error) for error in ended)


# -- writes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", UNREPEATED)
@pytest.mark.parametrize(
    ("fate", "kind"),
    [
        (httpx.ReadTimeout("slow"), AmbiguousWrite),
        (httpx.Response(200, json={"id": ID}), AmbiguousWrite),
        (httpx.Response(503), Transient),
    ],
)
async def test_a_post_or_patch_is_sent_once_whatever_becomes_of_it(
    phoniro: respx.MockRouter, client: PhoniroClient, act: str, fate: Any, kind: type[VendorError]
) -> None:
    method, path, write = UNREPEATED[act]
    route = phoniro.request(method, path).mock(side_effect=[fate])
    with pytest.raises(VendorError) as caught:
        await write(client)
    assert (type(caught.value), route.call_count) == (kind, 1)


@pytest.mark.parametrize("status", [412, 428])
async def test_a_version_that_is_old_or_missing_is_a_conflict(
    phoniro: respx.MockRouter, client: PhoniroClient, status: int
) -> None:
    phoniro.patch(f"{SCHEDULES}/{ID}").mock(return_value=httpx.Response(status, json={"title": "version"}))
    with pytest.raises(Conflict) as caught:
        await client.patch_schedule(ID, ScheduleChanges(valid_to=None), None)
    assert caught.value.status == status


@pytest.mark.parametrize("seen", ['"1"', 'W/"1"', '"1-gzip"', 'W/"1--gzip"', '"1-br"'])
async def test_a_patch_carries_the_version_made_strong_and_only_the_changes(
    phoniro: respx.MockRouter, client: PhoniroClient, seen: str
) -> None:
    """PA1: a version that a compressing proxy has changed would never match."""
    phoniro.get(f"{SCHEDULES}/{ID}").mock(return_value=_answer(etag=seen))
    route = phoniro.patch(f"{SCHEDULES}/{ID}").mock(return_value=_answer(etag='"2-odd"'))
    read = await client.get_schedule(ID)
    for etag in (read.etag, seen):  # an earlier version of the adapter may have stored it as it was seen
        changed = await client.patch_schedule(ID, ScheduleChanges(valid_to=date(2026, 5, 1)), etag)
        request = route.calls.last.request
        assert (request.headers["If-Match"], changed.etag) == ('"1"', '"2-odd"')
        assert request.headers["Content-Type"] == "application/merge-patch+json"
        assert json.loads(request.content) == {"validTo": "2026-05-01"}
    of_schedules = [call.request for call in phoniro.calls if "schedules" in call.request.url.path]
    assert {request.headers["Accept-Encoding"] for request in of_schedules} == {"identity"}


async def test_an_answer_about_another_schedule_is_not_taken_for_ours(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    other = "5b0f8f5e-2f0b-4c0e-9f39-1d6b7d8a0002"
    phoniro.get(f"{SCHEDULES}/{ID}").mock(return_value=_answer(id=other))
    phoniro.post(f"{SCHEDULES}/{ID}/pause").mock(return_value=_answer(id=other))
    phoniro.post(SCHEDULES).mock(return_value=_answer(201, externalReference="TK-OTHER-1"))
    with pytest.raises(ContractBroken):
        await client.get_schedule(ID)
    with pytest.raises(AmbiguousWrite):
        await client.pause_schedule(ID, "other")
    with pytest.raises(AmbiguousWrite):
        await client.create_schedule(new_schedule())


async def test_put_customer_is_repeated_until_it_is_answered(phoniro: respx.MockRouter, client: PhoniroClient) -> None:
    route = phoniro.put("/api/v1/customers/c-1")
    route.side_effect = [httpx.ReadTimeout("slow"), httpx.Response(201, json=CUSTOMER.to_json())]
    assert await client.put_customer(CUSTOMER) == CUSTOMER
    assert route.call_count == 2


async def test_a_protected_persons_data_and_a_personal_number_as_id_never_leave(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    with pytest.raises(Refused, match="firstName is filled in; nothing was sent"):
        await client.put_customer(CUSTOMER.model_copy(update={"first_name": "Test"}))
    for number in ("19900101TF03", "19900101-TF03"):
        with pytest.raises(Refused, match="nothing was sent") as caught:
            await client.get_customer(number)
        assert "TF03" not in str(caught.value)
    assert phoniro.calls.call_count == 0


# -- reads -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dots", ["", ".", ".."])
async def test_an_id_that_would_be_another_path_is_not_sent(
    phoniro: respx.MockRouter, client: PhoniroClient, dots: str
) -> None:
    with pytest.raises(Refused):
        await client.get_schedule(dots)
    assert phoniro.calls.call_count == 0


async def test_what_is_found_by_reference_is_read_by_id_so_that_it_is_current(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    listed = phoniro.get(SCHEDULES).mock(return_value=_page([SCHEDULE | {"status": "planned"}]))
    phoniro.get(f"{SCHEDULES}/{ID}").mock(return_value=_ended())
    found = await client.find_schedule("TK-7F3K2M-1")
    assert found is not None
    assert (found.schedule.status, found.etag) == ("ended", '"7"')
    assert listed.calls[0].request.url.params["externalReference"] == "TK-7F3K2M-1"


def _ended() -> httpx.Response:
    return httpx.Response(200, json=SCHEDULE | {"status": "ended"}, headers={"ETag": '"7"'})


async def test_a_list_that_ignores_the_filter_does_not_make_us_take_another_schedule(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    phoniro.get(SCHEDULES).mock(return_value=_page([SCHEDULE | {"externalReference": "TK-7F3K2M-10"}]))
    assert await client.find_schedule("TK-7F3K2M-1") is None


async def test_a_row_that_cannot_be_read_and_may_be_the_one_is_never_none(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    """After the answer "none" the schedule would be created a second time."""
    rows = phoniro.get(SCHEDULES)
    single = phoniro.get(f"{SCHEDULES}/{ID}")
    rows.return_value = _page([{"status": "active"}])
    with pytest.raises(ContractBroken):
        await client.find_schedule("TK-7F3K2M-1")
    rows.return_value = _page([{"id": ID, "externalReference": "TK-7F3K2M-1"}])
    single.return_value = httpx.Response(200, json={"id": ID})
    with pytest.raises(ContractBroken):
        await client.find_schedule("TK-7F3K2M-1")
    rows.return_value = _page([{"id": ID}])
    single.return_value = _answer(externalReference="TK-OTHER-1")
    assert await client.find_schedule("TK-7F3K2M-1") is None


async def test_a_broken_row_loses_no_other_row_and_shows_no_value(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    broken = SCHEDULE | {"validFrom": "hemligt", "externalReference": "TK-2"}
    phoniro.get(SCHEDULES).mock(side_effect=[_page([SCHEDULE, broken, "x"], "2"), _page([SCHEDULE])])
    rows = [row async for row in client.schedules()]
    assert [type(row) is BrokenRow for row in rows] == [False, True, True, False]
    assert isinstance(rows[1], BrokenRow)
    assert (rows[1].id, rows[1].says("externalReference")) == (ID, "TK-2")
    assert "validFrom" in rows[1].problem
    assert "hemligt" not in repr(rows[1])


async def test_the_filter_and_the_cursor_are_sent_on_every_page(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    route = phoniro.get("/api/v1/supervisions").mock(side_effect=[_page([], "a+b/c="), _page([])])
    assert [row async for row in client.supervisions(AT, AT.replace(hour=9))] == []
    common = {"from": "2026-03-02T07:30:00Z", "to": "2026-03-02T09:30:00Z", "limit": "500"}
    assert [dict(call.request.url.params) for call in route.calls] == [common, common | {"cursor": "a+b/c="}]


@pytest.mark.parametrize("cursors", [["1", "1"], ["1", "2", "1"]])
async def test_a_cursor_that_repeats_ends_in_an_error_and_not_in_a_circle(
    phoniro: respx.MockRouter, client: PhoniroClient, cursors: list[str]
) -> None:
    route = phoniro.get(SCHEDULES).mock(side_effect=[_page([SCHEDULE], cursor) for cursor in cursors])
    with pytest.raises(ContractBroken, match="repeats"):
        _ = [row async for row in client.schedules()]
    assert route.call_count == len(cursors)


async def test_a_list_without_end_ends_in_an_error(
    phoniro: respx.MockRouter, client: PhoniroClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_ROWS", 1000)
    numbers = count(1)
    phoniro.get(SCHEDULES).mock(side_effect=lambda _: _page([SCHEDULE] * 100, str(next(numbers))))
    with pytest.raises(ContractBroken, match="does not end: 1100 rows came"):
        _ = [row async for row in client.schedules()]
    phoniro.get(SCHEDULES).mock(side_effect=lambda _: _page([SCHEDULE], "9" * 2001))
    with pytest.raises(ContractBroken, match="nextCursor is longer"):
        _ = [row async for row in client.schedules()]


@pytest.mark.parametrize("page", [{"items": []}, {"items": [], "nextCursor": ""}, {"nextCursor": None}, [], "x"])
async def test_a_list_cut_short_is_not_taken_for_a_whole_one(
    phoniro: respx.MockRouter, client: PhoniroClient, page: Any
) -> None:
    phoniro.get(SCHEDULES).mock(return_value=httpx.Response(200, json=page))
    with pytest.raises(ContractBroken):
        _ = [row async for row in client.schedules()]


async def test_the_next_page_is_on_its_way_while_one_is_used(phoniro: respx.MockRouter, client: PhoniroClient) -> None:
    route = phoniro.get(SCHEDULES).mock(side_effect=[_page([SCHEDULE], "2"), _page([SCHEDULE]), _page([])])
    asked = []
    async for page in client.schedule_pages():
        await asyncio.sleep(0)
        asked.append((len(page), route.call_count))
    assert asked == [(1, 2), (1, 2)]


async def test_a_list_that_is_left_half_way_leaves_no_call_behind(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    cut = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        try:
            return await asyncio.Future()
        finally:
            cut.set()

    phoniro.get(SCHEDULES, params={"cursor": "2"}).mock(side_effect=never)
    phoniro.get(SCHEDULES).mock(return_value=_page([SCHEDULE], "2"))
    listed = client.schedule_pages()
    assert len(await anext(listed)) == 1
    await asyncio.sleep(0)
    await listed.aclose()
    assert cut.is_set()


async def test_a_fault_in_what_a_comparison_does_not_need_costs_no_row(
    phoniro: respx.MockRouter, client: PhoniroClient
) -> None:
    phoniro.get(SCHEDULES).mock(return_value=_page([SCHEDULE | {"createdAt": "yesterday"}]))
    (row,) = [row async for row in client.schedules()]
    assert isinstance(row, Schedule)


async def test_memory_does_not_grow_with_the_length_of_a_list(clock: Clock) -> None:
    row = json.dumps(SCHEDULE)
    body = f'{{"items": [{", ".join([row] * 500)}], "nextCursor": %s}}'

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json=_token("t"))
        page = int(request.url.params.get("cursor", "1"))
        return httpx.Response(200, text=body % (f'"{page + 1}"' if page < 40 else "null"))

    transport = httpx.MockTransport(handler)
    settings = HttpSettings(per_second=1e6)
    async with PhoniroClient(BASE, "adapter", SECRET, transport=transport, settings=settings) as client:
        count, early, calm = 0, 0, gc.get_threshold()
        gc.set_threshold(700, 10, 10)  # as in service, because objects that aren't collected yet count too
        tracemalloc.start()
        try:
            async for _ in client.schedules():
                count += 1
                if count == 2_000:
                    early = tracemalloc.get_traced_memory()[1]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.set_threshold(*calm)
    assert count == 20_000
    assert peak < early * 1.5


async def test_organisations_come_with_their_broken_rows(phoniro: respx.MockRouter, client: PhoniroClient) -> None:
    items = [{"id": "o-1", "name": "Nattpatrullen"}, {"id": "o-2"}]
    phoniro.get("/api/v1/organisations").mock(return_value=httpx.Response(200, json={"items": items}))
    good, broken = await client.organisations()
    assert (good.id, type(broken)) == ("o-1", BrokenRow)


async def test_an_instant_without_a_zone_is_a_mistake_of_the_caller(client: PhoniroClient) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await client.end_schedule(ID, AT.replace(tzinfo=None), "other")
