"""Signing in to the status page, and out of it: with a token, or with OpenID Connect."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from adapter.log_events import log
from adapter.ops.sign_in import CALLBACK, COOKIE, NotSignedIn, Person, page_of_ours
from adapter.store import reads, sessions
from adapter.store.errors import StoreError

if TYPE_CHECKING:
    from adapter.ops.openid import OpenId
    from adapter.ops.pages import Pages

_ON_THE_WAY: Final = "adapter_sign_in"
"""The cookie of a browser that is at the identity provider."""
_WAY_LASTS: Final = timedelta(minutes=10)


def with_token(routes: APIRouter, pages: Pages) -> None:
    """Signing in with a token, and signing out however one came in."""
    db = pages.ops.runtime.db

    @routes.post("/sign-in")
    async def sign_in(request: Request, token: str = Form("", max_length=500), to: str = Form("/")) -> Response:
        place = pages.access.caller(request)
        if not pages.attempts.take(place):
            pages.refused(429, "too many attempts")
            return pages.sign_in_page(429, "sign_in_often", to)
        person = pages.access.by_given_token(token, place)
        if person is None:
            pages.refused(401, "wrong token")
            return pages.sign_in_page(401, "sign_in_wrong", to)
        return await _signed_in(pages, request, person, to)

    @routes.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        response = RedirectResponse("/", 303, headers=pages.headers)
        given = request.cookies.get(COOKIE, "")
        try:
            ended = await db.run(lambda c: sessions.end(c, given))
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")
        if ended:
            log("signed_out")
        response.delete_cookie(COOKIE, path="/")
        return response


def with_openid(routes: APIRouter, pages: Pages, openid: OpenId) -> None:
    """Signing in at the identity provider. What a browser is to come back with is kept until it does, and used once."""
    db, now = pages.ops.runtime.db, pages.ops.runtime.clock.now

    def refused(error: NotSignedIn) -> Response:
        status = 503 if error.code == "oidc_away" else 403
        pages.refused(status, error.reason)
        return pages.message(status, "no_entry", error.code)

    @routes.get("/oidc/sign-in")
    async def begin(request: Request, to: str = "/") -> Response:
        if not pages.attempts.take(pages.access.caller(request)):
            pages.refused(429, "too many attempts")
            return pages.sign_in_page(429, "sign_in_often")
        try:
            response, content = await openid.begin(request)
            ends_at = now() + _WAY_LASTS
            given = await db.run(
                lambda c: sessions.begin(c, {"oidc": content, "to": page_of_ours(to)}, now=now(), ends_at=ends_at)
            )
        except NotSignedIn as error:
            return refused(error)
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")
        secure = pages.access.encrypted(request)
        response.headers.update(pages.headers)
        response.set_cookie(
            _ON_THE_WAY, given, max_age=600, httponly=True, samesite="lax", secure=secure, path=CALLBACK
        )
        return response

    @routes.get(CALLBACK)
    async def come_back(request: Request) -> Response:
        given = request.cookies.get(_ON_THE_WAY, "")

        def kept(c: Connection) -> sessions.Content:
            content = sessions.find(c, given, now()) or {}
            sessions.end(c, given)
            return content

        try:
            content = await db.run(kept)
            who, role = await openid.finish(request, content.get("oidc") or {})
        except NotSignedIn as error:
            return refused(error)
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")
        person = Person(who, pages.access.caller(request), role)
        return await _signed_in(pages, request, person, content.get("to", "/"), oidc=True)


async def _signed_in(pages: Pages, request: Request, person: Person, to: str, *, oidc: bool = False) -> Response:
    """The way to the page that was asked for, as somebody; that they came is told beside what they read."""
    rt = pages.ops.runtime

    def begin(c: Connection) -> str:
        reads.note(c, rt.tenants, person, "sign_in", rt.clock.now())
        return pages.access.begin(c, person, rt.clock.now(), oidc=oidc)

    try:
        given = await rt.db.run(begin)
    except StoreError:
        return pages.message(503, "store_away", "store_away_text")
    response = RedirectResponse(page_of_ours(to), 303, headers=pages.headers)
    pages.access.give(response, given, request)
    response.delete_cookie(_ON_THE_WAY, path=CALLBACK)
    log("signed_in")
    return response
