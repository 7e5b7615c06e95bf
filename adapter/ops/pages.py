"""The status page, rendered here: it needs no script, and shows nothing personal. Swedish by the text table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection

from adapter.domain.looks import local_date
from adapter.domain.nights import Weekday
from adapter.domain.routine import WAY_OUT
from adapter.domain.times_trial import Trial, try_times
from adapter.log_events import log
from adapter.ops import views
from adapter.ops.case_cache import CaseCache, CaseSummary, safety
from adapter.ops.context import DOCUMENTS, OpsContext
from adapter.ops.health import fresh_for
from adapter.ops.night_load_view import UnitLoad, unit_loads
from adapter.ops.request_limits import Buckets
from adapter.ops.request_rows import ResyncRow, resync_rows
from adapter.ops.sign_in import Access
from adapter.ops.troubles import troubles
from adapter.presentation.beside import beside
from adapter.presentation.case_file import CaseFile, case_file, find_case
from adapter.presentation.case_page import known_lines, next_lines, urgent_lines
from adapter.presentation.nights import picture
from adapter.presentation.signs import SIGNS
from adapter.presentation.visits import lines as visit_lines
from adapter.presentation.words import Words
from adapter.store import events
from adapter.store.drift import Drift, last_drift
from adapter.store.errors import StoreError
from adapter.store.events import Event
from adapter.store.queries import overview, unattended

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_OUT = frozenset(step.id for step in WAY_OUT)
_SIGN_INS_PER_MINUTE = 10
_TOLD_AT_ONCE = 5
"""Refused sign-ins that have a line each before they share one."""


@dataclass(frozen=True, slots=True)
class Found:
    """One case as the page shows it."""

    file: CaseFile
    timeline: tuple[Event, ...]


class Pages:
    """Renders each page out of what the store says now."""

    def __init__(self, ops: OpsContext, cache: CaseCache) -> None:
        self.ops = ops
        self.cache = cache
        self.access = Access(ops.settings)
        self._refusals, self._told = 0, Buckets(1, _TOLD_AT_ONCE, ops.runtime.clock.now)
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
        rt = self.ops.runtime
        common: dict[str, Any] = {
            "t": lambda code, **params: words.say("status", code, **params),
            "words": words,
            "version": self.ops.version,
            "dry_run": rt.dry_run,
            "now": words.when(rt.clock.now()),
            "signed_in": self.access.by_token,
            "several": self.ops.several,
        }
        text = self._templates.get_template(name).render(**common, **values)
        return HTMLResponse(text, status, headers=SECURITY)

    def message(self, status: int, title: str, text: str) -> HTMLResponse:
        """A page that only says something; both are codes of the text table."""
        return self.html("message.html", status, title=title, text=text)

    def turned_away(self, request: Request) -> Response | None:
        """None for whoever may see the page, else what they get instead."""
        refused = self.access.refusal(request)
        if refused is None:
            return None
        if refused == "sign_in":
            return self.html("sign_in.html", 401, wrong=None)
        return self.message(403, "no_entry", f"{refused}_text" if refused == "no_entry" else refused)

    def overview(self, c: Connection, wanted: views.Filter) -> dict[str, Any]:
        rt = self.ops.runtime
        now = rt.clock.now()
        summaries: list[CaseSummary] = []
        numbers: list[views.Numbers] = []
        resyncs: list[ResyncRow] = []
        loads: list[UnitLoad] = []
        unsafe: list[views.Card] = []
        drifts: dict[str, Drift | None] = {}
        for tenant in rt.tenants.values():
            summaries += self.cache.open_cases(c, tenant.name)
            safe = safety(c, self.cache, tenant.name, tenant.policy, now)
            fresh = fresh_for(rt).total_seconds()
            numbers.append(views.numbers(self.ops, tenant.name, overview(c, tenant.name, now), safe, now, fresh))
            resyncs += resync_rows(c, tenant.name)
            load = rt.night_loads.of(c, tenant.name, tenant.policy, now)
            loads += unit_loads(load, tenant.name, tenant.policy, self.ops.words_of(tenant.name))
            drifts[tenant.name] = last_drift(c, tenant.name)
            unsafe += (
                views.unsafe_card(tenant.name, *each, self.ops.words_of(tenant.name)) for each in safe.unsafe.items()
            )
        urgent = sorted((g for g in summaries if g.parked or g.late), key=views.urgency)
        needs = tuple(views.card(g, self.ops.words_of(g.tenant)) for g in urgent)
        vendors = views.vendors(self.ops)
        wrong = troubles(self.ops, numbers, vendors, drifts, unattended(c, list(rt.tenants)))
        missed = [g for g in summaries if g.unwatched and g.unwatched.urgent]
        return {
            "unsafe": views.Column("unsafe", "", tuple(unsafe)),
            "unwatched": views.Column("unwatched", "", views.unwatched(summaries, self.ops.words_of)),
            "needs": views.Column("needs", "", needs),
            "held": views.Column("held", "", tuple(card for view in numbers for card in view.held)),
            "board": views.board(filter(wanted.shows, summaries), self.ops.words),
            "wanted": wanted,
            "tiles": views.tiles(summaries, self.ops.words_of()),
            "numbers": sorted(numbers, key=lambda view: view.well),
            "shown": views.SHOWN,
            "feeds": views.worst_first(row for view in numbers for row in view.feeds),
            "vendors": vendors,
            "troubles": wrong,
            "count": len({(g.tenant, g.ref) for g in (*urgent, *missed)} | {(u.tenant, u.ref) for u in unsafe})
            + sum(len(view.held) for view in numbers)
            + sum(line.tone == "bad" for line in wrong),
            "resyncs": resyncs,
            "loads": loads,
            "well": not (unsafe or urgent or missed or any(line.tone == "bad" for line in wrong))
            and all(view.well for view in numbers),
        }

    def case(self, c: Connection, reference: str) -> Found | None:
        rt = self.ops.runtime
        case = find_case(c, tuple(rt.tenants), reference)
        if case is None:
            return None
        file = case_file(c, case, rt.tenants[case.tenant].policy, rt.clock.now())
        return Found(file, events.of_case(c, case.tenant, case.ref, limit=views.EVENTS))

    def case_page(self, found: Found) -> HTMLResponse:
        file = found.file
        words = self.ops.words_of(file.case.tenant)
        policy = self.ops.runtime.tenants[file.case.tenant].policy
        now = self.ops.runtime.clock.now()
        steps = file.decision.steps if file.decision else ()
        acts = {act.key: words.act(act.kind, act.what) for act in file.ledger.acts}
        return self.html(
            "case.html",
            words=words,
            file=file,
            way_in=[s for s in steps if s.id not in _OUT],
            way_out=[s for s in steps if s.id in _OUT],
            signs=SIGNS,
            beside=beside(file.ledger.schedule, file.shall, words, now) if file.shall else None,
            urgent=[line.plain for line in urgent_lines(file.decision, words)] if file.decision else [],
            known=[line.plain for line in known_lines(file.decision, words)] if file.decision else [],
            next_lines=[line.plain for line in next_lines(file, words, now, acts=False)],
            timeline=[(words.when(e.at), event_text(e, words, acts)) for e in reversed(found.timeline)],
            documents=DOCUMENTS if self.ops.documents else (),
            picture=picture(file.nights, policy, words) if file.nights else None,
            visits=visit_lines(file.visits, words),
        )


def event_text(event: Event, words: Words, acts: dict[str, str]) -> str:
    """One line of the audit in words."""
    data = {key: value for key, value in event.data.items() if value is not None}
    key = str(data.get("key", ""))
    params: dict[str, object] = {"what": acts.get(key, key), **data}
    for name in ("from", "to"):
        if event.name == "case.phase" and name in params:
            params[name] = words.say("phases", str(params[name]))
    return words.say("events", event.name.replace(".", "_"), **params)


def router(ops: OpsContext, cache: CaseCache) -> APIRouter:
    """Everything under ``/`` that a person looks at. Not part of the published API description."""
    routes, pages = APIRouter(include_in_schema=False), Pages(ops, cache)
    _looking(routes, pages)
    _documents(routes, pages)
    _trying(routes, pages)
    _signing_in(routes, pages)
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

    async def shown(request: Request, read: Callable[[Connection], Any], show: Callable[[Any], Response]) -> Response:
        """A page for whoever may see it; what is wrong otherwise."""
        if (no_entry := pages.turned_away(request)) is not None:
            return no_entry
        try:
            return show(await ops.runtime.db.run_aside(read))
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")

    @routes.get("/")
    async def overview_page(request: Request, turn: str = "", phase: str = "") -> Response:
        wanted = views.Filter(turn, phase)
        return await shown(
            request, lambda c: pages.overview(c, wanted), lambda values: pages.html("overview.html", **values)
        )

    @routes.get("/cases")
    async def find(ref: str = "") -> Response:
        plain = "".join(ch for ch in ref.strip().upper() if ch.isalnum() or ch == "-")[:20]
        return RedirectResponse(f"/cases/{plain or '-'}", 303, headers=SECURITY)

    @routes.get("/cases/{ref}")
    async def one_case(request: Request, ref: str) -> Response:
        def show(found: Found | None) -> Response:
            return pages.case_page(found) if found else pages.message(404, "not_found", "find_none")

        return await shown(request, lambda c: pages.case(c, ref), show)


def _documents(routes: APIRouter, pages: Pages) -> None:
    ops = pages.ops

    @routes.get("/cases/{ref}/{kind}")
    async def document(request: Request, ref: str, kind: str) -> Response:
        if (no_entry := pages.turned_away(request)) is not None:
            return no_entry
        try:
            found = await ops.runtime.db.run(lambda c: find_case(c, tuple(ops.runtime.tenants), ref))
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
    @routes.post("/times")
    async def try_times_text(
        request: Request, text: str = Form("", max_length=20_000), changed: str = Form("")
    ) -> Response:
        """What the adapter would make of a note's text. Nothing of it is stored, logged or put into an address."""
        if (no_entry := pages.turned_away(request)) is not None:
            return no_entry
        words, policy = pages.ops.words_of(), next(iter(pages.ops.runtime.tenants.values())).policy
        today = local_date(pages.ops.runtime.clock.now(), policy.zone)
        note = words.visible(text.replace("\r\n", "\n"))
        trial = try_times(note, policy.window, today, changed=bool(changed), granted=None)
        problem = words.say("times", trial.problem.code, **trial.problem.params) if trial.problem else None
        return pages.html(
            "times.html",
            text=text,
            changed=bool(changed),
            problem=problem,
            start=words.day(trial.start) if trial.start else None,
            nights=_told_nights(trial, words),
        )


def _told_nights(trial: Trial, words: Words) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    for night, at in zip(Weekday, trial.times.nights if trial.times else (), strict=False):
        none = "times_kept" if night in trial.kept else "times_none"
        told.append((night.swedish, ", ".join(f"{t:%H:%M}" for t in at) or words.say("status", none)))
    return told


def _signing_in(routes: APIRouter, pages: Pages) -> None:
    @routes.post("/sign-in")
    async def sign_in(request: Request, token: str = Form("", max_length=500)) -> Response:
        if not pages.attempts.take(pages.access.caller(request)):
            pages.refused(429, "too many attempts")
            return pages.html("sign_in.html", 429, wrong="sign_in_often")
        if not pages.access.accepts(token):
            pages.refused(401, "wrong token")
            return pages.html("sign_in.html", 401, wrong="sign_in_wrong")
        response = RedirectResponse("/", 303, headers=SECURITY)
        pages.access.begin(response, secure=pages.access.encrypted(request))
        log("signed_in")
        return response

    @routes.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        if pages.access.by_token and pages.access.refusal(request) is None:
            log("signed_out")
        response = RedirectResponse("/", 303, headers=SECURITY)
        pages.access.end(response)
        return response
