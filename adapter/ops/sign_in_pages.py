"""Signing in to the status page, and out of it: with a token, or with OpenID Connect."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from adapter.log_events import log
from adapter.ops.pages import Pages, ThePages
from adapter.ops.sign_in import CALLBACK, Person, page_of_ours
from adapter.store import reads, sessions

routes = APIRouter(include_in_schema=False)
openid_routes = APIRouter(include_in_schema=False)

_ON_THE_WAY: Final = "adapter_sign_in"
"""The cookie of a browser that is at the identity provider."""
_WAY_LASTS: Final = timedelta(minutes=10)


@routes.post("/sign-in")
async def sign_in(
    request: Request,
    pages: ThePages,
    token: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    if pages.too_often(request):
        return pages.sign_in(request, 429, "sign_in_often", to)
    person = pages.access.by_given_token(token, pages.access.caller(request))
    if person is None:
        pages.refused(401, "wrong token")
        return pages.sign_in(request, 401, "sign_in_wrong", to)
    return await _signed_in(pages, request, person, to)


@routes.post("/sign-out")
async def sign_out(request: Request, pages: ThePages) -> Response:
    """However one came in."""
    response = RedirectResponse("/", 303)
    given = pages.access.taken(request, response)
    if await pages.ops.runtime.db.run(lambda c: sessions.end(c, given)):
        log("signed_out")
    return response


@openid_routes.get("/oidc/sign-in")
async def begin(request: Request, pages: ThePages, to: str = "/") -> Response:
    """The way to the identity provider. What a browser is to come back with is kept until it does, and used once."""
    if pages.too_often(request):
        return pages.sign_in(request, 429, "sign_in_often")
    rt = pages.ops.runtime
    now = rt.clock.now()
    response: Response
    response, content = await request.app.state.openid.begin(request)
    kept = {"oidc": content, "to": page_of_ours(to)}
    given = await rt.db.run(lambda c: sessions.begin(c, kept, now=now, ends_at=now + _WAY_LASTS))
    pages.access.give(response, _ON_THE_WAY, given, request, lasts=_WAY_LASTS, path=CALLBACK)
    return response


@openid_routes.get(CALLBACK)
async def come_back(request: Request, pages: ThePages) -> Response:
    given, rt = request.cookies.get(_ON_THE_WAY, ""), pages.ops.runtime

    def kept(c: Connection) -> sessions.Content:
        content = sessions.find(c, given, rt.clock.now()) or {}
        sessions.end(c, given)
        return content

    content = await rt.db.run(kept)
    who, role = await request.app.state.openid.finish(request, content.get("oidc") or {})
    person = Person(who, pages.access.caller(request), role)
    response = await _signed_in(pages, request, person, content.get("to", "/"), oidc=True)
    response.delete_cookie(_ON_THE_WAY, path=CALLBACK)
    return response


async def _signed_in(pages: Pages, request: Request, person: Person, to: str, *, oidc: bool = False) -> Response:
    """The way to the page that was asked for, as somebody; that they came is told beside what they read."""
    rt, access = pages.ops.runtime, pages.access

    def begin(c: Connection) -> str:
        reads.note(c, rt.tenants, person, "sign_in", rt.clock.now())
        return access.begin(c, person, rt.clock.now(), oidc=oidc)

    given = await rt.db.run(begin)
    response = RedirectResponse(page_of_ours(to), 303)
    access.give(response, access.cookie(request), given, request, lasts=access.lasts)
    log("signed_in")
    return response
