"""The status page, rendered here: it needs no script, and shows nothing personal. Swedish by the text table."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection

from adapter.domain.looks import local_date
from adapter.domain.nights import TimesProblem, Weekday
from adapter.domain.routine import WAY_OUT
from adapter.domain.times_reading import Reading, try_times
from adapter.log_events import log
from adapter.ops import views
from adapter.ops.case_cache import CaseCache, CaseSummary, safety
from adapter.ops.case_list import Filter, case_list, steps, tiles
from adapter.ops.context import DOCUMENTS, OpsContext
from adapter.ops.health import fresh_for
from adapter.ops.night_load_view import UnitLoad, unit_loads
from adapter.ops.request_limits import Buckets
from adapter.ops.request_rows import ResyncRow, resync_rows
from adapter.ops.sign_in import Access, Person, page_of_ours
from adapter.ops.sign_in_pages import with_openid, with_token
from adapter.ops.troubles import troubles
from adapter.ops.unfulfilled_view import unfulfilled_rows
from adapter.presentation.beside import beside
from adapter.presentation.case_file import CaseFile, case_file, find_case
from adapter.presentation.case_page import next_lines, notices, waiting_title
from adapter.presentation.history import history
from adapter.presentation.nights import picture
from adapter.presentation.visits import lines as visit_lines
from adapter.presentation.words import SIGNS, Words
from adapter.store import events, reads
from adapter.store.cases import Case
from adapter.store.errors import StoreError
from adapter.store.events import Event
from adapter.store.queries import Drift, last_drift, overview, unattended

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_OUT = frozenset(step.id for step in WAY_OUT)
_SIGN_INS_PER_MINUTE = 10
_REFRESH = 60
"""Seconds after which the overview is read anew by itself, unless that was switched off."""
_TOLD_AT_ONCE = 5
"""Refused sign-ins that have a line each before they share one."""


@dataclass(frozen=True, slots=True)
class Found:
    """One case as the page shows it."""

    file: CaseFile
    timeline: tuple[Event, ...]


class Pages:
    """Renders each page out of what the store says now."""

    headers = SECURITY

    def __init__(self, ops: OpsContext, cache: CaseCache) -> None:
        self.ops = ops
        self.cache = cache
        self.access = Access(ops.settings)
        self._refusals, self._told = 0, Buckets(1, _TOLD_AT_ONCE, ops.runtime.clock.now)
        self._listed = Buckets(1 / 60, 1, ops.runtime.clock.now)
        self.attempts = Buckets(_SIGN_INS_PER_MINUTE, _SIGN_INS_PER_MINUTE, ops.runtime.clock.now)
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def refused(self, status: int, reason: str) -> None:
        """Tell of a refused sign-in; in a flood one line a minute tells of all."""
        self._refusals += 1
        if self._told.take(""):
            log("sign_in_refused", status=status, reason=reason, count=self._refusals)
            self._refusals = 0

    def html(self, name: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        words = values.pop("words", None) or self.ops.words_of()
        person: Person | None = values.pop("person", None)
        rt = self.ops.runtime
        common: dict[str, Any] = {
            "t": lambda code, **params: words.say("status", code, **params),
            "words": words,
            "version": self.ops.version,
            "dry_run": rt.dry_run,
            "now": words.when(rt.clock.now()),
            "signed_in": self.access.signs_in,
            "operates": person is not None and person.role == "operate",
            "several": self.ops.several,
        }
        text = self._templates.get_template(name).render(**common, **values)
        return HTMLResponse(text, status, headers=SECURITY)

    def message(self, status: int, title: str, text: str) -> HTMLResponse:
        """A page that only says something; both are codes of the text table."""
        return self.html("message.html", status, title=title, text=text)

    def sign_in_page(self, status: int = 401, wrong: str | None = None, to: str = "/") -> HTMLResponse:
        """``to`` is the page that was asked for: whoever follows a link in a message comes there after signing in."""
        by = {"by_token": self.access.by_token, "by_oidc": self.access.by_oidc}
        return self.html("sign_in.html", status, wrong=wrong, to=page_of_ours(to), **by)

    async def admitted(self, request: Request) -> Person | Response:
        """Whoever may do what they ask, else what they get instead. Whatever isn't only looked at is for those who may
        operate, and is asked from no other site."""
        found = self.access.without_session(request)
        if isinstance(found, str):
            return self.message(403, "no_entry", "no_entry_text" if found == "no_entry" else found)
        if found is None:
            rt = self.ops.runtime
            try:
                found = await rt.db.run(lambda c: self.access.of_session(c, request, rt.clock.now()))
            except StoreError:
                return self.message(503, "store_away", "store_away_text")
        if found is None:
            query = f"?{request.url.query}" if request.url.query else ""
            return self.sign_in_page(to=request.url.path + query if request.method == "GET" else "/")
        if request.method not in ("GET", "HEAD") and found.role != "operate":
            return self.message(403, "no_entry", "only_read")
        if request.method not in ("GET", "HEAD") and request.headers.get("sec-fetch-site") == "cross-site":
            return self.message(403, "no_entry", "from_elsewhere")
        return found

    async def note_list(self, person: Person) -> None:
        """A list that is read again and again, as the overview is by itself, is a line an hour."""
        if not self._listed.take(f"{person.who} {person.place}"):
            return
        rt = self.ops.runtime
        try:
            await rt.db.run(lambda c: reads.note(c, rt.tenants, person, "list", rt.clock.now()))
        except StoreError as error:
            log("read_not_noted", what="list", error=error)

    def summaries(self, c: Connection) -> list[CaseSummary]:
        """Every open case."""
        return [each for tenant in self.ops.runtime.tenants for each in self.cache.open_cases(c, tenant)]

    def overview(self, c: Connection) -> dict[str, Any]:
        rt, words = self.ops.runtime, self.ops.words_of()
        now = rt.clock.now()
        summaries = sorted(self.summaries(c), key=views.urgency)
        numbers: list[views.Numbers] = []
        resyncs: list[ResyncRow] = []
        loads: list[UnitLoad] = []
        unsafe: dict[tuple[str, str], views.Card] = {}
        drifts: dict[str, Drift | None] = {}
        for tenant in rt.tenants.values():
            theirs = self.ops.words_of(tenant.name)
            safe = safety(c, self.cache, tenant.name, tenant.policy, now)
            fresh = fresh_for(rt).total_seconds()
            numbers.append(views.numbers(self.ops, tenant.name, overview(c, tenant.name, now), safe, now, fresh))
            resyncs += resync_rows(c, tenant.name)
            load = rt.night_loads.of(c, tenant.name, tenant.policy, now)
            loads += unit_loads(load, tenant.name, tenant.policy, theirs)
            drifts[tenant.name] = last_drift(c, tenant.name)
            unsafe |= {
                (tenant.name, ref): views.unsafe_card(tenant.name, ref, why, theirs) for ref, why in safe.unsafe.items()
            }
        vendors = views.vendors(self.ops)
        wrong = troubles(self.ops, numbers, vendors, drifts, unattended(c, list(rt.tenants)))
        unwatched = [g for g in summaries if g.unwatched]
        urgent = [g for g in summaries if g.parked or g.late]
        needs = [g for g in urgent if not g.unwatched]
        unusable = [card for view in numbers for card in view.unusable]
        missed = {(g.tenant, g.ref) for g in unwatched if g.unwatched and g.unwatched.urgent}
        count = len({(g.tenant, g.ref) for g in urgent} | missed | unsafe.keys())
        count += len(unusable) + sum(line.tone == "bad" for line in wrong)
        return {
            "unsafe": list(unsafe.values()),
            "unwatched": [views.card(g, self.ops.words_of(g.tenant), now) for g in unwatched[: views.SHOWN]],
            "unwatched_count": len(unwatched),
            "needs": [views.card(g, self.ops.words_of(g.tenant), now) for g in needs[: views.SHOWN]],
            "needs_count": len(needs),
            "unusable": unusable,
            "unfulfilled": unfulfilled_rows(self.ops, summaries, now),
            "tiles": tiles(summaries, words),
            "steps": steps(summaries, words),
            "numbers": sorted(numbers, key=lambda view: view.well),
            "shown": views.SHOWN,
            "feeds": views.worst_first(row for view in numbers for row in view.feeds),
            "vendors": vendors,
            "troubles": wrong,
            "count": count,
            "resyncs": resyncs,
            "loads": loads,
            "well": not count and all(view.well for view in numbers),
        }

    def case(self, c: Connection, reference: str, person: Person) -> Found | None:
        """A case for somebody who looks at it, which is written down."""
        rt = self.ops.runtime
        case = find_case(c, tuple(rt.tenants), reference)
        if case is None:
            return None
        reads.note(c, [case.tenant], person, "case", rt.clock.now(), case.ref)
        file = case_file(c, case, rt.tenants[case.tenant].policy, rt.clock.now())
        return Found(file, events.of_case(c, case.tenant, case.ref, limit=views.EVENTS))

    def case_page(self, found: Found, person: Person) -> HTMLResponse:
        file = found.file
        words = self.ops.words_of(file.case.tenant)
        policy = self.ops.runtime.tenants[file.case.tenant].policy
        now = self.ops.runtime.clock.now()
        steps = file.decision.steps if file.decision else ()
        return self.html(
            "case.html",
            person=person,
            words=words,
            at=now,
            file=file,
            way_in=[s for s in steps if s.id not in _OUT],
            way_out=[s for s in steps if s.id in _OUT],
            signs=SIGNS,
            beside=beside(file.ledger.schedule, file.shall, words, now) if file.shall else None,
            urgent=[line.plain for line in notices(file.decision, words, now, urgent=True)],
            waiting_title=waiting_title(file.decision),
            known=[line.plain for line in notices(file.decision, words, now, urgent=False)],
            next_lines=[line.plain for line in next_lines(file, words, now, acts=False)],
            history=history(file.ledger.acts, found.timeline, words),
            documents=DOCUMENTS if self.ops.documents else (),
            picture=picture(file.nights, policy, words) if file.nights else None,
            visits=visit_lines(file.visits, words),
        )


def router(ops: OpsContext, cache: CaseCache) -> APIRouter:
    """Everything under ``/`` that a person looks at. Not part of the published API description."""
    routes, pages = APIRouter(include_in_schema=False), Pages(ops, cache)
    _looking(routes, pages)
    _documents(routes, pages)
    _trying(routes, pages)
    with_token(routes, pages)
    if ops.settings.oidc:
        from adapter.ops.openid import OpenId  # with its libraries, which nobody else needs

        with_openid(routes, pages, OpenId(ops.settings.oidc, ops.settings.public_url))
    return routes


def no_such_page(ops: OpsContext, cache: CaseCache) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What an address that isn't there answers: a page that leads back. A route's own 404 stays as it is."""
    pages = Pages(ops, cache)

    async def answer(request: Request, error: Exception) -> Response:
        if request.scope.get("endpoint") is not None and isinstance(error, HTTPException):
            return await http_exception_handler(request, error)
        return pages.message(404, "not_found", "not_found_text")

    return answer


def _looking(routes: APIRouter, pages: Pages) -> None:
    ops = pages.ops

    async def shown(
        request: Request,
        read: Callable[[Connection, Person], Any],
        show: Callable[[Any, Person], Response],
        *,
        lists: bool = False,
    ) -> Response:
        """A page for whoever may see it; what is wrong otherwise. Where it ``lists`` cases, that is written down
        beside it: what is wrong must be seen on a full disk too."""
        person = await pages.admitted(request)
        if isinstance(person, Response):
            return person
        try:
            response = show(await ops.runtime.db.run_aside(lambda c: read(c, person)), person)
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")
        if lists:
            await pages.note_list(person)
        return response

    @routes.get("/")
    async def overview_page(request: Request, refresh: str = "") -> Response:
        def show(values: dict[str, Any], person: Person) -> Response:
            return pages.html("overview.html", person=person, refresh=refresh, **values)

        answer = await shown(request, lambda c, _person: pages.overview(c), show, lists=True)
        if answer.status_code == HTTPStatus.OK and not refresh:
            answer.headers["Refresh"] = str(_REFRESH)
        return answer

    @routes.get("/cases")
    async def all_cases(
        request: Request, wanted: Annotated[Filter, Depends(Filter)], ref: str = "", page: str = ""
    ) -> Response:
        if ref:
            plain = "".join(ch for ch in ref.strip().upper() if ch.isalnum() or ch == "-")[:20]
            return RedirectResponse(f"/cases/{plain or '-'}", 303, headers=SECURITY)

        def show(found: list[CaseSummary], person: Person) -> Response:
            number = int(page) if re.fullmatch("[0-9]{1,6}", page) else 1
            return pages.html("cases.html", person=person, shown=case_list(ops, found, wanted, number))

        return await shown(request, lambda c, _person: pages.summaries(c), show, lists=True)

    @routes.get("/cases/{ref}")
    async def one_case(request: Request, ref: str) -> Response:
        def show(found: Found | None, person: Person) -> Response:
            return pages.case_page(found, person) if found else pages.message(404, "not_found", "find_none")

        return await shown(request, lambda c, person: pages.case(c, ref, person), show)


def _documents(routes: APIRouter, pages: Pages) -> None:
    ops = pages.ops

    @routes.get("/cases/{ref}/{kind}")
    async def document(request: Request, ref: str, kind: str) -> Response:
        person = await pages.admitted(request)
        if isinstance(person, Response):
            return person

        def find(c: Connection) -> Case | None:
            case = find_case(c, tuple(ops.runtime.tenants), ref)
            if case is not None and kind in DOCUMENTS:
                reads.note(c, [case.tenant], person, kind, ops.runtime.clock.now(), case.ref)
            return case

        try:
            found = await ops.runtime.db.run(find)
            made = await ops.documents(found.tenant, found.ref, kind) if found and ops.documents else None
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")
        except Exception as error:  # noqa: BLE001  # a municipality's own template, say, that can't be used
            log("job_failed", job="document", error=error)
            return pages.message(500, "not_made", "not_made_text")
        if made is None or kind not in DOCUMENTS:
            return pages.message(404, "not_found", "not_found_text")
        headers = {**SECURITY, "Content-Disposition": f'attachment; filename="{made.name}"'}
        return Response(made.content, media_type=made.media_type, headers=headers)


def _trying(routes: APIRouter, pages: Pages) -> None:
    @routes.get("/times")
    async def times(request: Request) -> Response:
        person = await pages.admitted(request)
        if isinstance(person, Response):
            return person
        if person.role != "operate":
            return pages.message(403, "no_entry", "only_read")
        return pages.html("times.html", person=person, tried=False)

    @routes.post("/times")
    async def try_times_text(
        request: Request, text: str = Form("", max_length=20_000), changed: str = Form("")
    ) -> Response:
        """What the adapter would make of a note's text. Nothing of it is stored, logged or put into an address."""
        person = await pages.admitted(request)
        if isinstance(person, Response):
            return person
        words, policy = pages.ops.words_of(), next(iter(pages.ops.runtime.tenants.values())).policy
        today = local_date(pages.ops.runtime.clock.now(), policy.zone)
        note = words.visible(text.replace("\r\n", "\n"))
        trial = try_times(note, policy.window, today, changed=bool(changed), granted=None)
        read = None if isinstance(trial, TimesProblem) else trial
        return pages.html(
            "times.html",
            person=person,
            tried=True,
            text=text,
            changed=bool(changed),
            problem=words.say("times", trial.code, **trial.params) if isinstance(trial, TimesProblem) else None,
            start=words.day(read.start) if read and read.start else None,
            nights=_told_nights(read, words) if read else [],
        )


def _told_nights(read: Reading, words: Words) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    for night, at in zip(Weekday, read.times.nights, strict=True):
        none = "times_kept" if night in read.kept else "times_none"
        told.append((night.swedish, ", ".join(f"{t:%H:%M}" for t in at) or words.say("status", none)))
    return told
