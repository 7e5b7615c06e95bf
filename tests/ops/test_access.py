"""Who signs in to the status page and how, what they may, when that ends, and that what they read is written down."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr
from sqlalchemy import select
from starlette.routing import BaseRoute

from adapter.domain.wall_clock import day_end, local_date
from adapter.engine.retention import forget
from adapter.ops.sign_in import COOKIE
from adapter.settings.model import OidcSettings, OpsSettings, TokenSettings
from adapter.store import reads
from adapter.store.reads import Read
from adapter.store.tables import sessions
from tests.conftest import Logs
from tests.ops.conftest import TOKEN, Site, site_of
from tests.ops.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider
from tests.world import World

ANNA, BO = "the token of anna", "the token of bo, who operates"
TOKENS = {
    "anna": TokenSettings(token=SecretStr(ANNA)),
    "bo": TokenSettings(token=SecretStr(BO), role="operate"),
}


def noted(world: World) -> list[tuple[str, str, str | None, str]]:
    found: list[Read] = world.db.run_sync(lambda c: reads.find(c, "exempel"))
    return [(read.who, read.what, read.ref, read.place) for read in found]


def replica(site: Site, **changed: Any) -> Site:
    """Another process over the same database."""
    return site_of(site.world, site.ops.settings.model_copy(update=changed))


async def sign_in(client: httpx.AsyncClient, token: str) -> int:
    return (await client.post("/sign-in", data={"token": token})).status_code


async def test_what_is_read_is_written_down_with_who_what_when_and_from_where_until_audit_days_are_over() -> None:
    async with World() as world:
        site = site_of(world, OpsSettings(enabled=True, tokens=TOKENS))

        await world.taken_in()
        ref = (await world.case()).ref
        began = world.clock.now()
        async with site.client() as client:
            assert (await client.get(f"/cases/{ref}")).status_code == 401
            assert await sign_in(client, ANNA) == 303
            for path in ("/", "/", "/cases", f"/cases/{ref.lower()}", "/cases/TK-NOSUCH"):
                await client.get(path)
            bilaga = await client.get(f"/cases/{ref}/bilaga-1")
            assert bilaga.content.startswith(b"%PDF-")
            assert bilaga.headers["content-disposition"] == f'attachment; filename="{ref}-bilaga-1.pdf"'
        what = [("sign_in", None), ("list", None), ("case", ref), ("bilaga-1", ref)]
        assert noted(world) == [("anna", kind, case, "127.0.0.1") for kind, case in what]
        of_case = world.db.run_sync(lambda c: reads.find(c, "exempel", ref=ref, since=began))
        assert {read.at for read in of_case} == {began}
        world.clock.time += timedelta(days=1826)
        await forget(world.rt)
        assert len(noted(world)) == 4
        assert not world.db.run_sync(lambda c: c.execute(select(sessions)).all()), "nor is it kept who had signed in"
        world.clock.time += timedelta(hours=1)
        await forget(world.rt)
        assert noted(world) == []


SHOWS = {
    "/": ("list", None),
    "/cases": ("list", None),
    "/unfulfilled": ("list", None),
    "/cases/{ref}": ("case", "ref"),
    "/cases/{ref}/{kind}": ("bilaga-1", "ref"),
    "/followup": ("followup", None),
    "/followup/{name}.csv": ("followup", None),
    "/followup/uppfoljning.pdf": ("followup", None),
}
"""What each address that shows cases notes about the reader, and whether it names the case."""
OPEN = {
    *("/healthz", "/readyz", "/metrics"),  # for machines that don't sign in; docs/http.md says what they show
    *("/openapi.json", "/hooks/lifecare"),
    *("/sign-in", "/sign-out", "/oidc/sign-in", "/oidc/callback"),
}
SHOWS_NO_CASE = OPEN | {"/guides", "/guides/{role}", "/guides/{role}.pdf", "/times", "/sign-ins"}


def addresses(routes: Iterable[BaseRoute]) -> Iterator[str]:
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from addresses(inner.routes)
        else:
            yield route.path if isinstance(route, APIRoute) else str(getattr(route, "path", route))


async def test_each_address_is_known_as_one_that_shows_cases_and_writes_it_down_or_none_and_is_open_or_asks_who() -> (
    None
):
    async with World() as world:
        oidc = OidcSettings(
            issuer="https://id.example", client_id=CLIENT, client_secret=SecretStr(SECRET), read_roles="r"
        )
        more = {"oidc": oidc, "public_url": "https://adapter.example"}
        site = site_of(world, OpsSettings(enabled=True, tokens=TOKENS, **more))
        await world.taken_in()
        ref = (await world.case()).ref
        assert set(addresses(site.app.routes)) == SHOWS.keys() | SHOWS_NO_CASE, "a new one has to say which it is"
        for path in sorted(SHOWS.keys() | SHOWS_NO_CASE - {"/oidc/sign-in", "/oidc/callback"}):
            asked = path.format(ref=ref, kind="bilaga-1", name="cases", role="assessor")
            async with site.client("status.example") as client:
                unsigned = await client.get(asked)
                assert (unsigned.status_code == 401) is (path not in OPEN), path
                assert ref not in unsigned.text.replace(asked, ""), "but where to come to after signing in"
                await sign_in(client, ANNA if path in SHOWS else BO)
                world.clock.time += timedelta(hours=1)
                before = len(noted(world))
                answer = await client.get(asked)
                told = noted(world)[before:]
            if path in SHOWS:
                assert answer.status_code == 200, path
                what, by_case = SHOWS[path]
                assert told == [("anna", what, ref if by_case else None, "127.0.0.1")], path
            else:
                assert (told, ref in answer.text) == ([], False), path


async def test_whoever_has_the_role_read_looks_and_asks_for_nothing_and_no_other_site_asks_for_anybody() -> None:
    async with World() as world:
        site = site_of(world, OpsSettings(enabled=True, tokens=TOKENS, token=SecretStr(TOKEN)))
        async with site.client() as nobody:
            assert (await nobody.post("/times", data={"text": "22:30"})).status_code == 401
        for token, status in ((ANNA, 403), (BO, 200), (TOKEN, 200)):
            async with site.client() as client:
                await sign_in(client, token)
                assert ("/times" in (await client.get("/")).text) is (status == 200)
                assert (await client.post("/times", data={"text": "22:30"})).status_code == status
                elsewhere = {"Sec-Fetch-Site": "cross-site"}
                assert (await client.post("/times", data={"text": "22:30"}, headers=elsewhere)).status_code == 403
        assert {who for who, what, *_ in noted(world) if what == "sign_in"} == {"anna", "bo", "operator"}


async def test_a_session_ends_at_sign_out_after_its_time_and_with_its_token_for_every_replica(site: Site) -> None:
    site = replica(site, tokens=TOKENS)
    other, without = replica(site), replica(site, tokens={"bo": TOKENS["bo"]})
    changed = replica(site, tokens={"anna": TokenSettings(token=SecretStr("another token of anna"))})
    async with site.client() as client:
        await sign_in(client, ANNA)
        kept = dict(client.cookies)

    async def status(where: Site) -> int:
        async with where.client() as client:
            client.cookies.update(kept)
            return (await client.get("/")).status_code

    assert [await status(each) for each in (site, other, without, changed)] == [200, 200, 401, 401]
    site.world.clock.time += timedelta(hours=1)
    fewer = replica(site, session_hours=1)
    assert [await status(each) for each in (fewer, other)] == [401, 200], "they count for who is signed in as well"
    site.world.clock.time += timedelta(hours=11)
    assert await status(other) == 401
    async with site.client() as client:
        await sign_in(client, ANNA)
        kept = dict(client.cookies)
        assert await status(other) == 200
    async with other.client() as client:
        client.cookies.update(kept)
        await client.post("/sign-out")
    assert await status(site) == 401, "whoever kept the cookie has nothing by it"


async def test_who_signs_in_is_told_when_and_from_where_they_did_before_and_ends_all_their_sessions_at_once(
    site: Site,
) -> None:
    site = replica(site, tokens=TOKENS, proxy_addresses="127.0.0.1")
    phone, desk, other = site.client(), site.client(), site.client()
    phone.headers["X-Forwarded-For"] = "203.0.113.9"
    async with phone, desk, other:
        await sign_in(phone, ANNA)
        await sign_in(other, BO)
        assert "förra inloggning" not in (await phone.get("/times")).text
        site.world.clock.time += timedelta(hours=1)
        await sign_in(desk, ANNA)
        an_hour_ago = site.ops.words_of().when(site.world.clock.time - timedelta(hours=1))
        before = f"Din förra inloggning var {an_hour_ago} från 203.0.113.9"
        assert before in (await desk.get("/cases")).text
        shown = (await desk.get("/sign-ins")).text
        assert before in shown
        assert re.findall(r"<td>([\d.]+)( · den här inloggningen)?</td>", shown) == [
            ("203.0.113.9", ""),
            ("127.0.0.1", " · den här inloggningen"),
        ]
        site.world.clock.time += timedelta(minutes=6)
        assert before not in (await desk.get("/cases")).text
        (of_phone,) = re.findall(r'name="session" value="(\w+)"', shown)
        for client, left in ((other, 200), (desk, 401)):
            assert (await client.post("/sign-ins", data={"session": of_phone})).status_code == 303
            assert (await phone.get("/")).status_code == left, "each ends their own"
        assert await sign_in(phone, ANNA) == 303
        assert [(await each.get("/")).status_code for each in (phone, desk, other)] == [200, 200, 200]
        assert (await desk.post("/sign-ins")).status_code == 303
        assert [(await each.get("/")).status_code for each in (phone, desk, other)] == [401, 401, 200]


async def test_a_token_is_taken_through_its_last_day_which_its_owner_is_told_of_before(site: Site, logs: Logs) -> None:
    last = local_date(site.world.clock.time, site.ops.words_of().zone) + timedelta(days=14)
    site = replica(site, tokens={"anna": TokenSettings(token=SecretStr(ANNA), expires=last)}, session_hours=24)
    async with site.client() as client:
        await sign_in(client, ANNA)
        assert f"gäller till och med {site.ops.words_of().day(last)}" in (await client.get("/cases")).text
        site.world.clock.time = day_end(last, site.ops.words_of().zone) - timedelta(minutes=1)
        assert await sign_in(client, ANNA) == 303
        site.world.clock.time += timedelta(minutes=1)
        assert (await client.get("/")).status_code == 401, "the session ends with it"
        refused = await client.post("/sign-in", data={"token": ANNA})
        assert (refused.status_code, "sista dag har passerat" in refused.text) == (401, True)
    assert logs.events("sign_in_refused")[-1]["reason"] == "a token after its last day"


async def test_what_a_role_does_not_allow_is_told_once_in_the_log_and_by_whom_in_the_list_of_readings(
    site: Site, logs: Logs
) -> None:
    site = replica(site, tokens=TOKENS)
    async with site.client() as client:
        await sign_in(client, ANNA)
        for _ in range(3):
            await client.post("/times", data={"text": "22:30"})
    (told,) = logs.events("action_refused")
    assert (told["what"], told["reason"]) == ("POST /times", "only_read")
    assert "anna" not in str(told)
    assert noted(site.world)[1:] == [("anna", "refused POST /times", None, "127.0.0.1")]


async def test_whom_the_proxy_names_is_who_reads_and_the_settings_say_who_of_them_operates(site: Site) -> None:
    proxy = {"proxy_header": "X-User", "proxy_addresses": "127.0.0.1", "proxy_operators": "bo, eva"}
    site = replica(site, **proxy)
    async with site.client() as client:
        for who, status in (("bo", 200), ("anna", 403)):
            headers = {"X-User": who, "X-Forwarded-For": "203.0.113.9, 10.0.0.7"}
            assert (await client.get("/", headers=headers)).status_code == 200
            assert (await client.post("/times", data={"text": "22:30"}, headers=headers)).status_code == status
        made_up = [("X-User", who) for who in ("bo", "anna")]
        assert (await client.post("/times", data={"text": "22:30"}, headers=made_up)).status_code == 403
    what = [("bo", "list"), ("anna", "list"), ("anna", "refused POST /times")]
    assert noted(site.world) == [(who, kind, None, "10.0.0.7") for who, kind in what]


def openid(provider: IdentityProvider, **more: str) -> OidcSettings:
    roles = {"read_roles": "night, day", "operate_roles": "it"} | more
    at = {"issuer": provider.url, "client_id": CLIENT, "client_secret": SecretStr(SECRET)}
    return OidcSettings(**at, **roles)


async def way_in(site: Site, *, lose: str = "", to: str = "/") -> tuple[httpx.Response, httpx.AsyncClient]:
    """A browser's way through the identity provider. ``lose`` is a cookie or a parameter that gets lost."""
    client = site.client()
    begun = await client.get("/oidc/sign-in", params={"to": to})
    assert begun.status_code == 302, begun.text
    async with httpx.AsyncClient() as browser:
        back = httpx.URL((await browser.get(begun.headers["Location"])).headers["Location"])
    if lose == "cookie":
        client.cookies.clear()
    elif lose:
        back = back.copy_set_param(lose, "made up")
    return await client.get(back.raw_path.decode()), client


async def test_openid_connect_signs_in_by_code_pkce_state_and_nonce_with_the_role_of_a_claim(
    site: Site, logs: Logs
) -> None:
    async with identity_provider() as provider:
        site = replica(site, oidc=openid(provider), public_url="http://127.0.0.1")
        async with site.client() as client:
            assert 'href="/oidc/sign-in?to=/"' in (await client.get("/")).text
        answer, client = await way_in(site)
        async with site.client() as stranger:
            await stranger.get("/oidc/sign-in")
            stranger.cookies = httpx.Cookies({COOKIE: stranger.cookies["adapter_sign_in"]})
            assert (await stranger.get("/")).status_code == 401, "who is on the way in is nobody yet"
        asked = provider.asked[0]
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert {"state", "nonce", "code_challenge"} <= asked.keys()
        assert asked["redirect_uri"] == "http://127.0.0.1/oidc/callback"
        assert re.search(r"HttpOnly.*SameSite=lax", answer.headers["Set-Cookie"])
        assert (await client.get("/")).status_code == 200
        assert (await client.post("/times", data={"text": "22:30"})).status_code == 403
        assert noted(site.world)[0] == ("anna.larm (1)", "sign_in", None, "127.0.0.1")
        again = await client.get(f"/oidc/callback?code=code-1&state={asked['state']}")
        assert again.status_code == 403, "what a browser came back with is used once"

        provider.claims = {"email": "bo@example", "realm_access": {"roles": ["it", "x"]}}
        deeper = replica(site, oidc=openid(provider, role_claim="realm_access.roles", name_claim="email"))
        _, client = await way_in(deeper)
        assert (await client.post("/times", data={"text": "22:30"})).status_code == 200
        await client.post("/sign-out")
        assert (await client.get("/")).status_code == 401
        for asked_for, to in (("/cases/TK-7F3K2M", "/cases/TK-7F3K2M"), ("https://elsewhere.example/", "/")):
            answer, _ = await way_in(deeper, to=asked_for)
            assert answer.headers["Location"] == to
        provider.claims = {"preferred_username": "bo\x00\nlarm" + "x" * 200, "roles": ["night"]}
        await way_in(site)
        assert noted(site.world)[-1][0] == "bolarm" + "x" * 94 + " (1)", "a name is one short line"
        _, client = await way_in(site)
        assert (await client.get("/")).status_code == 200
        async with replica(site, oidc=openid(provider, read_roles="day")).client() as changed:
            changed.cookies.update(client.cookies)
            assert (await changed.get("/")).status_code == 401, (
                "what the roles mean was changed: who has which is asked anew"
            )
        provider.claims = {"roles": ["kitchen"]}
        refused, client = await way_in(site)
        assert "ingen roll" in refused.text
        assert (await client.get("/")).status_code == 401
    assert "anna.larm" not in logs.getvalue()


async def test_two_people_of_the_same_name_share_no_sessions_and_are_told_apart_in_the_list_of_readings(
    site: Site,
) -> None:
    async with identity_provider() as provider:
        site = replica(site, oidc=openid(provider), public_url="http://127.0.0.1")
        _, anna = await way_in(site)
        provider.claims |= {"sub": "2"}
        _, namesake = await way_in(site)
        shown = (await namesake.get("/sign-ins")).text
        assert (shown.count("<td>127.0.0.1"), "förra inloggning" in shown) == (1, False)
        await namesake.post("/sign-ins")
        assert [(await each.get("/")).status_code for each in (anna, namesake)] == [200, 401]
        assert [who for who, what, *_ in noted(site.world) if what == "sign_in"] == ["anna.larm (1)", "anna.larm (2)"]


async def test_who_follows_a_link_comes_to_its_page_after_signing_in_and_to_no_other_site() -> None:
    async with World() as world:
        site = site_of(world, OpsSettings(enabled=True, tokens=TOKENS))
        async with site.client() as client:
            asked = await client.get("/cases/TK-7F3K2M/bilaga-1?unit=7101")
            assert 'name="to" value="/cases/TK-7F3K2M/bilaga-1?unit=7101"' in asked.text
            wrong = await client.post("/sign-in", data={"token": "wrong", "to": "/cases/TK-7F3K2M"})
            assert 'name="to" value="/cases/TK-7F3K2M"' in wrong.text
            elsewhere = (
                "//elsewhere.example",
                "https://elsewhere.example",
                "/\\elsewhere",
                "/a\r\nSet-Cookie: b",
                "/" * 501,
            )
            for to in ("/cases/TK-7F3K2M", *elsewhere):
                answer = await client.post("/sign-in", data={"token": ANNA, "to": to})
                assert answer.headers["Location"] == ("/" if to in elsewhere else to)


LIES = [
    "nonce",
    "audience",
    "audience, asked by us",
    "expired",
    "issuer",
    "unsigned",
    "signed with the shared secret",
    "a stranger's key",
    "no token",
]


async def test_nobody_is_signed_in_by_a_token_that_is_wrong_in_any_way_nor_on_another_s_way_back(site: Site) -> None:
    async with identity_provider() as provider:
        site = replica(site, oidc=openid(provider), public_url="http://127.0.0.1")
        for lie in LIES:
            provider.lie = lie
            site.world.clock.time += timedelta(minutes=1)  # otherwise so many sign-ins are limited
            answer, client = await way_in(site)
            assert (answer.status_code, (await client.get("/")).status_code) == (403, 401), lie
        provider.lie = ""
        for lose in ("cookie", "state", "code"):
            site.world.clock.time += timedelta(minutes=1)
            answer, client = await way_in(site, lose=lose)
            assert (answer.status_code, (await client.get("/")).status_code) == (403, 401), lose
        provider.lie = "issuer's name"
        fresh = replica(site)
        async with fresh.client() as client:
            assert (await client.get("/oidc/sign-in")).status_code == 403
            provider.lie = ""
            assert (await client.get("/oidc/sign-in")).status_code == 302, "it is asked anew who it is"
    async with replica(site).client() as client:
        stray = await client.get("/oidc/callback?code=code-1&state=x")
        assert stray.status_code == 403, "for whoever was not on the way nobody is asked"
        away = await client.get("/oidc/sign-in")
        assert (away.status_code, "svarar inte" in away.text) == (503, True), "a provider that is away is said to be so"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"tokens": {"a": TOKENS["anna"], "b": TOKENS["anna"]}}, "two of tokens are the same"),
        ({"tokens": {"operator": TOKENS["bo"]}, "token": SecretStr(TOKEN)}, "known as operator"),
        ({"host": "0.0.0.0"}, "open to everybody"),
    ],
)
def test_settings_by_which_nobody_could_tell_who_it_was_are_refused(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        OpsSettings(enabled=True, **more)
