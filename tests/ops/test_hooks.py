"""``POST /hooks/lifecare``: a hint, signed, taken once."""

import json
from datetime import timedelta

import httpx
from sqlalchemy import Connection

from adapter.engine.feed_reader import FEEDS
from adapter.engine.jobs import read_asked
from adapter.ops.hooks import sign
from adapter.store import feeds
from tests.next_due import next_due
from tests.ops.conftest import SECRET, Site


async def hook(
    site: Site, body: bytes, *, age: timedelta = timedelta(0), signature: str | None = None
) -> httpx.Response:
    stamp = str(int((site.world.clock.now() - age).timestamp()))
    headers = {"Adapter-Timestamp": stamp, "Adapter-Signature": signature or sign(SECRET, stamp, body)}
    async with site.client() as client:
        return await client.post("/hooks/lifecare", content=body, headers=headers)


async def test_a_new_order_has_the_feeds_read_at_once(site: Site) -> None:
    answer = await hook(site, b'{"order": "SB-100001"}')
    assert (answer.status_code, answer.json()) == (202, {"known": 0, "new": 1})
    assert site.world.rt.asked == {"exempel": site.world.clock.now()}
    site.world.person()
    site.world.order()
    await read_asked(site.world.rt, site.world.rt.tenants["exempel"])
    assert len(await site.world.cases()) == 1
    assert site.world.rt.asked == {}


async def test_feeds_that_another_process_began_to_read_before_the_hook_are_read_again_after_it(site: Site) -> None:
    world, began = site.world, site.world.clock.now()

    def begin(c: Connection) -> None:
        for name in FEEDS:
            feeds.claim(c, "exempel", name, now=began, owner="another", lease_until=began + timedelta(minutes=1))

    await world.db.run(begin)
    world.clock.time += timedelta(seconds=1)
    await hook(site, b'{"order": "SB-100001"}')
    await read_asked(world.rt, world.rt.tenants["exempel"])
    assert world.rt.asked, "the other may not have seen what the hook tells"
    world.clock.time += timedelta(minutes=1)
    await read_asked(world.rt, world.rt.tenants["exempel"])
    assert not world.rt.asked


async def test_an_order_of_a_case_makes_it_due_and_nothing_in_the_hook_is_believed(site: Site) -> None:
    order = await site.world.taken_in()
    before = await site.world.acts()
    answer = await hook(site, json.dumps({"order": {"Id": order.order_id, "Status": "WillNotBeExecuted"}}).encode())
    assert answer.json() == {"known": 1, "new": 0}
    at = await site.world.db.run(lambda c: next_due(c, ["exempel"]))
    assert at is not None
    assert at <= site.world.clock.now()
    await site.world.settle()
    assert await site.world.acts() == before


async def test_a_replay_is_refused(site: Site) -> None:
    assert (await hook(site, b'{"order": "1"}')).status_code == 202
    assert (await hook(site, b'{"order": "1"}')).status_code == 409


async def test_what_is_no_signed_fresh_hint_of_a_bearable_size_is_refused_and_nothing_is_read_for_it(
    site: Site,
) -> None:
    good, minutes = b'{"order": "1"}', timedelta(minutes=6)
    for age in (minutes, -minutes):
        assert (await hook(site, good, age=age)).status_code == 401
    assert (await hook(site, good, signature="sha256=" + "0" * 64)).status_code == 401
    assert (await hook(site, b'{"order": "' + b"1" * 100_000 + b'"}')).status_code == 413
    for body in (b"", b"[]", b"not json", b'{"order": ""}', b'{"orders": []}', b'{"order": null}'):
        answer = await hook(site, body)
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True), body
    assert site.world.rt.asked == {}


async def test_a_flood_is_refused_and_told_when_to_come_again(site: Site) -> None:
    answers = [await hook(site, json.dumps({"order": str(n)}).encode()) for n in range(200)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert int(refused[0].headers["Retry-After"]) >= 1
