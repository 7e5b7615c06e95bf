"""The status page: who may see it, and what all pages have in common. It uses no script and shows nothing personal."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from adapter.log_events import log
from adapter.ops.context import OpsContext
from adapter.ops.rate_limits import Buckets
from adapter.ops.safe_headers import be_safe
from adapter.ops.sign_in import Access, NoPage, User, page_of_ours
from adapter.presentation.case_summary import CaseSummary
from adapter.settings.values import TOKEN_TOLD
from adapter.store import reads
from adapter.store.errors import StoreError

T = TypeVar("T")

_FIRST_MINUTES = timedelta(minutes=5)
"""For how long after signing in the pages show the notices about it."""
_LINES_AT_ONCE = 5
"""So many refused sign-ins get a log line each; then they share one line a minute."""
_NOT_TAKEN = {
    400: ("not_taken", "not_taken_text"),
    404: ("not_found", "not_found_text"),
    405: ("not_found", "not_found_text"),
    408: ("not_taken", "too_slow_text"),
    413: ("not_taken", "too_long_text"),
    415: ("not_taken", "not_taken_text"),
}
"""Title and text of the page for each status. Most come from BodyLimits; the webhook handles its own."""


class SignInNeeded(Exception):
    """Nobody has signed in with this browser."""


class Pages:
    """What all pages use: the templates, the rights, and the notes of who read what."""

    def __init__(self, ops: OpsContext) -> None:
        self.ops = ops
        self.access = Access(ops.settings, next(iter(ops.runtime.tenants.values())).policy.zone)
        now = ops.runtime.clock.now
        self._refusals, self._refusal_lines = 0, Buckets(1, _LINES_AT_ONCE, now)
        self._hourly = Buckets(1 / 60, 1, now)
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def html(self, request: Request, name: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        words = values.pop("words", None) or self.ops.words_of()
        rt = self.ops.runtime
        user: User | None = getattr(request.state, "user", None)
        common: dict[str, Any] = {
            "t": lambda code, **params: words.say("status", code, **params),
            "words": words,
            "version": self.ops.version,
            "dry_run": rt.dry_run,
            "now": words.when(rt.clock.now()),
            "operates": user is not None and user.role == "operate",
            "several": self.ops.several,
            "signed_in": user is not None and user.session is not None,
            "notices": self._notices(user) if user else (),
        }
        return HTMLResponse(self._templates.get_template(name).render(**common, **values), status)

    def sign_in(self, request: Request, status: int = 401, wrong: str | None = None, to: str = "/") -> HTMLResponse:
        """The page for signing in. ``to`` is the page that was asked for, and is shown after signing in."""
        by = {"by_token": self.access.by_token, "by_oidc": self.access.by_oidc}
        return self.html(request, "sign_in.html", status, wrong=wrong, to=page_of_ours(to), **by)

    def before(self, user: User) -> str | None:
        """When and from where this user signed in the time before, in words; None if it isn't known."""
        kept, words = user.session or {}, self.ops.words_of()
        if "before" not in kept:
            return None
        when = words.when(datetime.fromisoformat(kept["before"]))
        return words.say("status", "signed_in_before", when=when, place=kept["before_place"])

    def until(self, user: User, within: timedelta | None = None) -> str | None:
        """The last day of the user's token, in words. With ``within``: None if the day is further away."""
        kept, words = user.session or {}, self.ops.words_of()
        last = self.access.last_day(kept.get("by", ""))
        if last is None or (within is not None and last - self.ops.runtime.clock.now().date() > within):
            return None
        return words.say("status", "token_until", day=words.day(last))

    def _notices(self, user: User) -> list[str]:
        """What the pages show to a user who has just signed in."""
        at = (user.session or {}).get("at")
        if at is None or self.ops.runtime.clock.now() - datetime.fromisoformat(at) > _FIRST_MINUTES:
            return []
        return [text for text in (self.before(user), self.until(user, TOKEN_TOLD)) if text]

    def too_often(self, request: Request) -> bool:
        """Whether the caller has tried to sign in too often. If so, that is logged."""
        if self.ops.limits.sign_ins.take(self.access.caller(request)):
            return False
        self.refused(429, "too many attempts")
        return True

    def refused(self, status: int, reason: str) -> None:
        """Log a refused sign-in. In a flood one line a minute counts them all."""
        self._refusals += 1
        if self._refusal_lines.take(""):
            log("sign_in_refused", status=status, reason=reason, count=self._refusals)
            self._refusals = 0

    async def not_allowed(self, request: Request, user: User, reason: str) -> None:
        """Record that a user asked for something they may not do, once an hour. The log says what it was; the list of
        who read what also says who it was."""
        rt, what = self.ops.runtime, f"{request.method} {request.scope['route'].path}"
        if self._hourly.take(f"{user.who} {what}"):
            log("action_refused", what=what, reason=reason)
            await rt.db.run(lambda c: reads.note(c, rt.tenants, user, f"refused {what}", rt.clock.now()))

    async def listed(self, read: Callable[[Connection], T], user: User) -> T:
        """Read a list of cases, and note that this user read it: once an hour, because the browser loads the overview
        again and again. The note is a transaction of its own, so that faults can be seen on a full disk too."""
        rt = self.ops.runtime
        found = await rt.db.run_aside(read)
        if self._hourly.take(f"{user.who} {user.place}"):
            try:
                await rt.db.run(lambda c: reads.note(c, rt.tenants, user, "list", rt.clock.now()))
            except StoreError as error:
                log("read_not_noted", what="list", error=error)
        return found

    def summaries(self, c: Connection) -> list[CaseSummary]:
        """Every open case."""
        return [each for tenant in self.ops.runtime.tenants for each in self.ops.open_cases.of(c, tenant)]

    def tenant(self, asked: str) -> str:
        """The municipality with this name, or the first one."""
        return asked if asked in self.ops.runtime.tenants else next(iter(self.ops.runtime.tenants))


def no_such_page() -> NoPage:
    return NoPage(404, "not_found", "not_found_text")


async def printed(pages: Pages, tenant: str, kind: str, data: Mapping[str, object], name: str) -> Response:
    """A PDF, made in a thread because it takes a moment. Raises ``NoPage`` if it can't be made."""
    try:
        content = await asyncio.to_thread(pages.ops.printers[tenant].pdf, kind, data)
    except Exception as error:  # noqa: BLE001  # for example a municipality's own template with an error
        log("job_failed", job="document", error=error)
        raise NoPage(500, "not_made", "not_made_text") from None
    return as_file(content, name, "application/pdf")


def as_file(content: bytes, name: str, media_type: str) -> Response:
    """An answer that the browser saves as a file; ``name`` is ASCII."""
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _pages(request: Request) -> Pages:
    found: Pages = request.app.state.pages
    return found


ThePages = Annotated[Pages, Depends(_pages)]


async def _admitted(request: Request, pages: ThePages) -> User:
    rt, access = pages.ops.runtime, pages.access
    found = access.without_session(request)
    if found is None:
        found = await rt.db.run(lambda c: access.of_session(c, request, rt.clock.now()))
    if found is None:
        raise SignInNeeded
    request.state.user = found
    return found


Admitted = Annotated[User, Depends(_admitted)]
"""A user who may see the pages."""


async def _operating(request: Request, pages: ThePages, user: Admitted) -> User:
    text = "only_read" if user.role != "operate" else ""
    if request.method != "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        text = text or "from_elsewhere"
    if text:
        await pages.not_allowed(request, user, text)
        raise NoPage(403, "no_entry", text)
    return user


Operating = Annotated[User, Depends(_operating)]
"""A user who may also change something. A request from another site's page is refused."""


def answer_errors(app: FastAPI) -> None:
    """Answer every error with a page that says what happened."""
    pages: Pages = app.state.pages

    async def no_page(request: Request, error: Exception) -> Response:
        assert isinstance(error, NoPage)
        if error.reason:
            pages.refused(error.status, error.reason)
        outside = bool(error.reason)
        return pages.html(request, "message.html", error.status, title=error.title, text=error.text, outside=outside)

    async def sign_in_needed(request: Request, _: Exception) -> Response:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return pages.sign_in(request, to=asked if request.method == "GET" else "/")

    async def store_away(request: Request, error: Exception) -> Response:
        if isinstance(error, StoreError) and error.reason == "content":
            return await no_page(request, NoPage(500, "unreadable", "unreadable_text"))
        return await no_page(request, NoPage(503, "store_away", "store_away_text"))

    async def not_taken(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = await no_page(request, NoPage(error.status_code, *_NOT_TAKEN[error.status_code]))
        response.headers.update(error.headers or {})  # what is allowed
        return response

    async def failed(request: Request, _: Exception) -> Response:
        response = await no_page(request, NoPage(500, "failed", "failed_text"))
        be_safe(response.headers)  # this answer doesn't pass the middleware
        return response

    app.add_exception_handler(NoPage, no_page)
    app.add_exception_handler(SignInNeeded, sign_in_needed)
    app.add_exception_handler(StoreError, store_away)
    for status in _NOT_TAKEN:
        app.add_exception_handler(status, not_taken)
    app.add_exception_handler(Exception, failed)
