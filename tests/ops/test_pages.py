"""Health, metrics and the status page, as they answer."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, update

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.engine.comparison import compare_when_due
from adapter.engine.feed_reader import read_feeds
from adapter.engine.jobs import Jobs
from adapter.ops.case_list import PER_PAGE, Filter, case_list
from adapter.presentation.case_summary import CaseSummary, OpenCases
from adapter.store import cases, due
from adapter.store.cases import Case
from adapter.store.sql import insert_missing
from adapter.store.tables import acts, keys, requests
from adapter.store.tables import cases as case_table
from tests.conftest import Logs
from tests.ops.conftest import TOKEN, Site
from tests.world import ANNA, MONDAY, World, down

PERSONAL = (ANNA, ANNA[2:8] + "-" + ANNA[8:], "Testsson", "Storgatan", "070-")


async def busy(world: World) -> str:
    await world.active()
    return (await world.case()).ref


async def test_the_overview_and_a_case_are_shown_without_anything_personal(site: Site) -> None:
    ref = await busy(site.world)
    async with site.client() as client:
        overview, listed, case = [await client.get(path) for path in ("/", "/cases", f"/cases/{ref}")]
    assert overview.status_code == listed.status_code == case.status_code == 200
    assert ref in listed.text
    assert "e-tillsyn är inlagd i Phoniro" in case.text
    assert "Ärendet läses om senast" in case.text
    client_row = site.world.lifecare.row("clients", ANNA)
    values = [*PERSONAL, client_row["FirstName"], client_row["LastName"], client_row["Addresses"][0]["StreetAddress"]]
    for value in values:
        assert value not in overview.text + listed.text + case.text


async def test_who_is_without_supervision_is_told_on_the_page_by_cause_in_the_metrics_and_gone_when_it_runs(
    site: Site,
) -> None:
    """P11: the list of persons with a decision and without supervision, and why."""
    world, words = site.world, "1 person med gällande beslut är utan tillsyn via kamera."

    async def told() -> tuple[bool, set[str]]:
        async with site.client() as client:
            page, metrics = (await client.get("/")).text, (await client.get("/metrics")).text
        assert not (words in page and "Allt går som det ska" in page)
        causes = re.findall(r'^adapter_unwatched{cause="(\w+)",tenant="exempel"} 1.0$', metrics, re.MULTILINE)
        return words in page, set(causes)

    order = await world.taken_in()
    assert await told() == (True, {"not_started"})
    execution = world.execute(order)
    world.prepare(execution)
    await world.pass_time(hours=1)
    assert await told() == (False, set())
    world.note(execution, Signal.CONSENT_WITHDRAWN)
    await world.pass_time(hours=1)
    assert await told() == (True, {"consent_withdrawn"})


async def test_the_daily_comparison_is_not_taken_for_a_feed_that_was_not_read_for_long(site: Site) -> None:
    world = site.world
    await compare_when_due(world.rt, world.tenant)
    await world.pass_time(hours=12)
    await read_feeds(world.rt, world.tenant)
    async with site.client() as client:
        assert "inte läst på länge" not in (await client.get("/")).text


async def test_a_case_that_is_not_there_is_said_to_be_so(site: Site) -> None:
    async with site.client() as client:
        assert (await client.get("/cases/TK-NOSUCH")).status_code == 404
        found = await client.get("/cases", params={"ref": " tk-7f3k2m "})
    assert found.headers["Location"] == "/cases/TK-7F3K2M"


async def test_a_case_is_found_by_the_number_of_its_order_and_begins_with_phoniro_now_beside_what_it_shall_be(
    site: Site,
) -> None:
    world = site.world
    ref = await busy(world)
    case = await world.case()
    (order,) = world.db.run_sync(lambda c: cases.chain(c, case))
    dead = down(world.phoniro)
    world.lifecare.change("orders", order, EndDate=world.today)
    await world.pass_time(days=1)
    async with site.client() as client:
        page = (await client.get(f"/cases/{order.lower()}")).text
        world.phoniro_faults.remove(dead)
        await world.pass_time(hours=2)
        ended = (await client.get(f"/cases/{order}")).text
    assert ref in page
    first = page[page.index("<h1>") : page.index("</table>")]
    assert re.search(r'<td class="bad">igång</td><td class="bad">avslutad</td>', first)
    assert "Varje natt: 22:30, 02:15 och 05:00" in first
    assert "3 tillsyner per natt" in first
    assert order in first
    assert "Så sågs Phoniro senast" in page
    assert "<td>avslutad</td><td>avslutad</td>" in ended
    assert 'class="bad"' not in ended[ended.index("<h1>") : ended.index("</table>")], "its last day needs nobody now"


async def test_the_list_is_narrowed_by_turn_phase_step_unit_and_what_is_wrong_and_a_wrong_address_has_a_page(
    site: Site,
) -> None:
    await site.world.taken_in()
    ref = (await site.world.case()).ref
    shows = ("turn=alarm_team", "phase=preparing", "step=I4", "unit=exempel:7101", "only=unwatched", "page=x", "page=0")
    hides = ("turn=adapter", "phase=paused", "step=I12", "unit=exempel:7102", "only=late", "only=parked&turn=adapter")
    async with site.client() as client:
        lists = {query: (await client.get(f"/cases?{query}")).text for query in (*shows, *hides)}
        overview = (await client.get("/")).text
        lost, hook = await client.get("/nowhere"), await client.post("/hooks/nobody")
    assert {query for query, page in lists.items() if ref in page} == set(shows)
    assert '<a href="/cases?step=I4">tider för tillsyn</a> <span class="count">1</span>' in overview
    for tile in ("only=unwatched", "only=late", "only=parked", "phase=paused", "phase=ending"):
        assert f'<a href="/cases?{tile}">' in overview, "each tile leads somewhere"
    assert "Väntar på tider för tillsyn (koordinatorn, sedan i dag)" in overview
    assert (lost.status_code, hook.status_code) == (404, 404)
    assert "Sidan finns inte" in lost.text


async def test_an_open_case_is_read_anew_once_it_has_changed_and_not_before(site: Site) -> None:
    """Ten thousand that haven't changed cost the metrics and the overview next to nothing."""
    world, known = site.world, OpenCases()
    order_id = await world.taken_in()
    (first,) = await world.db.run(lambda c: known.of(c, "exempel"))
    (again,) = await world.db.run(lambda c: known.of(c, "exempel"))
    assert again is first
    world.prepare(world.execute(order_id))
    await world.settle()
    (later,) = await world.db.run(lambda c: known.of(c, "exempel"))
    assert later == CaseSummary.of(await world.case()) != first
    await world.db.run(lambda c: c.execute(update(case_table).values(closed_at=world.clock.now())))
    assert await world.db.run(lambda c: known.of(c, "exempel")) == ()


def test_a_long_list_is_shown_page_by_page_the_most_urgent_first() -> None:
    def numbered(n: int) -> CaseSummary:
        row: dict[str, Any] = dict.fromkeys(f.name for f in fields(Case))
        row |= {"tenant": "exempel", "ref": f"TK-{n:06d}", "phase": Phase.ACTIVE, "opened_at": MONDAY}
        return CaseSummary(Case(**row | {"failures": int(n == 40)}))

    wanted = Filter(phase="active")
    first, second, beyond = (case_list(map(numbered, range(41)), wanted, page) for page in (1, 2, 99))
    assert [s.case.ref for s in first.rows] == ["TK-000040", *(f"TK-{n:06d}" for n in range(PER_PAGE - 1))]
    assert [s.case.ref for s in second.rows] == [f"TK-{n:06d}" for n in range(PER_PAGE - 1, 40)]
    assert (first.earlier, first.later) == (None, "/cases?phase=active&page=2")
    assert (second.earlier, second.later) == ("/cases?phase=active", None)
    assert beyond == second


async def test_what_fails_says_so_on_a_page_that_is_as_safe_as_any(
    site: Site, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    def broken(*_: object) -> None:
        raise ValueError(ANNA)

    monkeypatch.setattr("adapter.ops.case_pages.overview", broken)
    transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/")
    assert (answer.status_code, "Sidan gick inte att visa" in answer.text) == (500, True)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert ANNA not in answer.text + logs.getvalue()


async def test_what_is_too_long_or_asked_in_the_wrong_way_has_a_page_as_well(guarded: Site, site: Site) -> None:
    async with guarded.client() as client:
        token = await client.post("/sign-in", data={"token": "x" * 501})
        reloaded = await client.get("/sign-in")
    async with site.client() as client:
        text = await client.post("/times", data={"text": "x" * 20_001})
    assert (token.status_code, 'name="token"' in token.text) == (401, True)
    assert (reloaded.status_code, reloaded.headers["Allow"]) == (405, "POST")
    assert (text.status_code, "Texten är för lång" in text.text) == (422, True)
    assert {a.headers["Content-Type"] for a in (token, reloaded, text)} == {"text/html; charset=utf-8"}
    assert "xxx" not in token.text + text.text, "nothing typed is told back"


async def test_the_overview_is_read_anew_by_itself_unless_that_is_switched_off(site: Site) -> None:
    async with site.client() as client:
        by_itself, off, times = [await client.get(path) for path in ("/", "/?refresh=off", "/times")]
    assert by_itself.headers["Refresh"] == "60"
    assert 'href="/?refresh=off"' in by_itself.text
    assert "Refresh" not in {*off.headers, *times.headers}, "nothing typed into a form is lost"


@pytest.mark.parametrize(("forwarded", "secure"), [({"X-Forwarded-Proto": "https"}, True), ({}, False)])
async def test_behind_a_proxy_that_ends_tls_the_session_is_never_sent_in_clear(
    guarded: Site, forwarded: dict[str, str], secure: bool
) -> None:
    async with guarded.client("status.example") as client:
        signed = await client.post("/sign-in", data={"token": TOKEN}, headers=forwarded)
        [(name, given)] = client.cookies.items()
        assert (name, "; Secure" in signed.headers["Set-Cookie"]) == (
            ("__Host-adapter_session", True) if secure else ("adapter_session", False)
        )
        client.cookies = httpx.Cookies({"adapter_session": given})
        taken = await client.get("/", headers=forwarded)
        assert taken.status_code == (401 if secure else 200), "by TLS no cookie counts that could be set without it"


async def test_the_token_signs_in_and_signing_out_ends_it_which_is_told_without_the_token(
    guarded: Site, logs: Logs
) -> None:
    async with guarded.client("status.example") as client:
        assert (await client.post("/sign-in", data={"token": "not-the-token"})).status_code == 401
        signed = await client.post("/sign-in", data={"token": TOKEN})
        assert signed.status_code == 303
        assert re.search("HttpOnly.*SameSite=lax", cookie := signed.headers["Set-Cookie"])
        assert (await client.get("/")).status_code == 200
        await client.post("/sign-out")
        assert (await client.get("/")).status_code == 401
        assert "Set-Cookie" not in (await client.post("/sign-out")).headers, "as a browser asks from another site"
    told = [(line["event"], line["level"]) for line in logs.lines() if "sign" in line["event"]]
    assert told == [("sign_in_refused", "warning"), ("signed_in", "info"), ("signed_out", "info")]
    for secret in ("not-the-token", TOKEN):
        assert secret not in logs.getvalue() + cookie


async def test_an_open_page_answers_only_to_a_local_name(site: Site) -> None:
    async with site.client("evil.example") as client:
        assert (await client.get("/")).status_code == 403


async def test_ready_only_while_the_feeds_are_fresh(site: Site) -> None:
    async with site.client() as client:
        first = await client.get("/readyz")
        assert first.status_code == 503
        assert first.json()["checks"][-1]["detail"].startswith("not read yet: orders, ")
        await site.world.cycle()
        assert (await client.get("/readyz")).status_code == 200
        site.world.clock.time += timedelta(hours=12)
        stale = await client.get("/readyz")
        assert stale.status_code == 503
        assert stale.json()["checks"][-1]["detail"].startswith("not read whole within ")
        assert (await client.get("/healthz")).status_code == 200


async def test_a_running_adapter_says_that_another_began_to_encrypt_by_a_key_that_it_has_not_got(
    site: Site, logs: Logs
) -> None:
    db = site.world.db
    db.run_sync(lambda c: insert_missing(c, keys, {"name": "seal:12345678", "since": site.world.clock.now()}))
    async with site.client() as client:
        ready, metrics = await client.get("/readyz"), (await client.get("/metrics")).text
    assert ready.status_code == 503
    assert "by the key 12345678" in ready.json()["checks"][0]["detail"]
    assert "restart the adapter with it" in ready.json()["checks"][0]["detail"]
    assert "adapter_store_up 0.0" in metrics
    await Jobs(site.world.rt).scheduler.get_job("beat").func()
    (told,) = logs.events("store_unavailable")
    assert "12345678" in told["error"]


async def test_the_metrics_say_that_supervision_is_safe(site: Site) -> None:
    await busy(site.world)
    async with site.client() as client:
        text = (await client.get("/metrics")).text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    safe = {name: float(value) for name, value in samples.items() if "supervision" in name}
    assert any(value == 1 for name, value in safe.items() if "active" in name and "without" not in name)
    assert [value for name, value in safe.items() if "without_gates" in name or "after_end" in name] == [0.0, 0.0]
    for value in PERSONAL:
        assert value not in text


async def test_a_case_that_this_version_can_not_read_takes_neither_overview_nor_metrics_away(
    site: Site,
) -> None:
    """P6: a newer replica has given it an act of a kind that is new."""
    world, ref = site.world, await busy(site.world)
    await world.db.run(lambda c: c.execute(update(acts).where(acts.c.n == 1).values(kind="of a newer version")))
    await world.db.run(lambda c: due.mark_due(c, "exempel", [ref], world.clock.now(), "request"))
    await world.settle()
    async with site.client() as client:
        overview, metrics = await client.get("/"), await client.get("/metrics")
    assert (overview.status_code, metrics.status_code) == (200, 200)
    assert ref in overview.text
    for shown in ('adapter_supervision_active{tenant="exempel"} 1.0', 'adapter_cases_failing{tenant="exempel"} 1.0'):
        assert shown in metrics.text


async def test_a_request_that_can_not_be_read_takes_the_overview_not_away(site: Site) -> None:
    world = site.world
    await world.ask('[[resync]]\nid = "one"\nscope = "open"\nmode = "plan"\nwho = "IT"\nwhy = "a test of it"\n')
    await world.settle()
    async with site.client() as client:
        before = (await client.get("/")).text
        damaged = update(requests).values(content="sealed:0:0")
        await world.db.run(lambda c: c.execute(damaged))
        after = await client.get("/")
    assert "IT: a test of it" in before
    assert '<th scope="row">one</th>' in before
    assert (after.status_code, '<th scope="row">one</th>' in after.text) == (200, True)


async def test_a_crowd_that_reads_the_metrics_costs_one_reading_of_the_database(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, read = site.world.db, site.world.db.run_aside
    reading: list[int] = []

    async def counted(what: Callable[[Connection], Any]) -> Any:
        reading.append(len(reading))
        return await read(what)

    monkeypatch.setattr(db, "run_aside", counted)
    site.ops.metrics_seconds = 3600
    async with site.client() as client:
        told = {answer.text for answer in await asyncio.gather(*(client.get("/metrics") for _ in range(40)))}
        assert (len(reading), len(told)) == (1, 1)
        site.ops.metrics_seconds = 0
        await client.get("/metrics")
    assert len(reading) == 2


async def test_a_text_about_times_can_be_tried_with_nothing_stored(site: Site, logs: Logs) -> None:
    async with site.client() as client:
        assert 'href="/times"' in (await client.get("/")).text
        assert 'action="/times"' in (await client.get("/times")).text
        read = await client.post("/times", data={"text": "mån-fre 22:30\r\nlör-sön 23:00 01:15"})
        refused = await client.post("/times", data={"text": "Testsson <b>", "changed": "yes"})
    assert read.status_code == refused.status_code == 200
    assert "<dt>lördag</dt><dd>23:00, 01:15</dd>" in read.text
    assert "Ord nummer 1 på rad 1 går inte att tolka säkert." in refused.text
    assert "Testsson &lt;b&gt;" in refused.text
    assert "Testsson" not in logs.getvalue()
