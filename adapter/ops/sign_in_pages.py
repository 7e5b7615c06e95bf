"""Signing in to the status page with a token or with OpenID Connect, and signing out."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from adapter.log_events import log
from adapter.ops.pages import Admitted, Pages, ThePages
from adapter.ops.sign_in import CALLBACK, User, page_of_ours
from adapter.store import reads, sessions

routes = APIRouter(include_in_schema=False)
openid_routes = APIRouter(include_in_schema=False)

_OIDC_COOKIE: Final = "adapter_sign_in"
"""The cookie of a browser while it is at the identity provider."""
_OIDC_LASTS: Final = timedelta(minutes=10)
_REMEMBERED: Final = timedelta(days=90)
"""For how long the last sign-in is remembered."""


@routes.post("/sign-in")
async def sign_in(
    request: Request,
    pages: ThePages,
    token: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    if pages.too_often(request):
        return pages.sign_in(request, 429, "sign_in_often", to)
    user = pages.access.user_by_token(token, pages.access.caller(request))
    if user is None:
        pages.refused(401, "wrong token")
        return pages.sign_in(request, 401, "sign_in_wrong", to)
    if pages.access.over(user.who, pages.ops.runtime.clock.now()):
        pages.refused(401, "a token after its last day")
        return pages.sign_in(request, 401, "sign_in_over", to)
    return await _signed_in(pages, request, user, to)


@routes.post("/sign-out")
async def sign_out(request: Request, pages: ThePages) -> Response:
    response = RedirectResponse("/", 303)
    name = pages.access.cookie(request)
    cookie = request.cookies.get(name, "")
    if cookie:  # a browser sends no cookie from another site's page, so that page can't sign anybody out
        pages.access.set_cookie(response, name, "", request, lasts=timedelta(0))  # the browser forgets it at once
    if await pages.ops.runtime.db.run(lambda c: sessions.end(c, [sessions.digest_of(cookie)])):
        log("signed_out")
    return response


@routes.get("/sign-ins")
async def sign_ins(request: Request, pages: ThePages, user: Admitted) -> Response:
    """Where the user is signed in, and when they signed in before."""
    rt, words = pages.ops.runtime, pages.ops.words_of()
    found = await rt.db.run(lambda c: pages.access.sessions_of(c, user, rt.clock.now()))
    this = sessions.digest_of(request.cookies.get(pages.access.cookie(request), ""))
    rows = sorted((kept.get("at", ""), kept.get("place", ""), digest) for digest, kept in found.items())
    when = [words.when(datetime.fromisoformat(at) if at else None) for at, *_ in rows]
    shown = [(at, place, "" if n == this else n) for at, (_, place, n) in zip(when, rows, strict=True)]
    return pages.html(request, "sign_ins.html", shown=shown, before=pages.before(user), until=pages.until(user))


@routes.post("/sign-ins")
async def sign_out_there(pages: ThePages, user: Admitted, session: Annotated[str, Form()] = "") -> Response:
    """End one of the user's own sessions, by its digest, or all of them."""
    rt = pages.ops.runtime

    def end(c: Connection) -> bool:
        mine = pages.access.sessions_of(c, user, rt.clock.now()).keys()
        return sessions.end(c, {session} & mine if session else mine)

    if await rt.db.run(end):
        log("signed_out")
    return RedirectResponse("/sign-ins", 303)


@openid_routes.get("/oidc/sign-in")
async def begin(request: Request, pages: ThePages, to: str = "/") -> Response:
    """Send the browser to the identity provider. What it must come back with is stored until then, and used once."""
    if pages.too_often(request):
        return pages.sign_in(request, 429, "sign_in_often")
    rt = pages.ops.runtime
    now = rt.clock.now()
    response: Response
    response, content = await request.app.state.openid.begin(request)
    kept = {"oidc": content, "to": page_of_ours(to)}
    cookie = await rt.db.run(lambda c: sessions.begin(c, kept, now=now, ends_at=now + _OIDC_LASTS))
    pages.access.set_cookie(response, _OIDC_COOKIE, cookie, request, lasts=_OIDC_LASTS, path=CALLBACK)
    return response


@openid_routes.get(CALLBACK)
async def come_back(request: Request, pages: ThePages) -> Response:
    cookie, rt = request.cookies.get(_OIDC_COOKIE, ""), pages.ops.runtime

    def kept(c: Connection) -> sessions.Content:
        content = sessions.find(c, cookie, rt.clock.now()) or {}
        sessions.end(c, [sessions.digest_of(cookie)])
        return content

    content = await rt.db.run(kept)
    who, role = await request.app.state.openid.finish(request, content.get("oidc") or {})
    user = User(who, pages.access.caller(request), role)
    response = await _signed_in(pages, request, user, content.get("to", "/"), oidc=True)
    response.delete_cookie(_OIDC_COOKIE, path=CALLBACK)
    return response


async def _signed_in(pages: Pages, request: Request, user: User, to: str, *, oidc: bool = False) -> Response:
    """Begin the session, note the sign-in among the user's reads, and go on to the page that was asked for."""
    rt, access = pages.ops.runtime, pages.access

    def begin(c: Connection) -> str:
        now = rt.clock.now()
        before = reads.last(c, pages.tenant(""), user.who, "sign_in", now - _REMEMBERED)
        reads.note(c, rt.tenants, user, "sign_in", now)
        return access.begin(c, user, now, before, oidc=oidc)

    cookie = await rt.db.run(begin)
    response = RedirectResponse(page_of_ours(to), 303)
    access.set_cookie(response, access.cookie(request), cookie, request, lasts=access.lasts)
    log("signed_in")
    return response
