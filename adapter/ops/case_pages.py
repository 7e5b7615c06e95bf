"""The pages that show cases: the overview, the list, a case and its documents; and a page to try out a text about
times."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from adapter.domain.nights import TimesProblem
from adapter.domain.times_reading import try_times
from adapter.domain.wall_clock import local_date
from adapter.ops.case_list import Filter, case_list, choices, paged, unfulfilled_rows
from adapter.ops.context import OpsContext
from adapter.ops.overview import overview
from adapter.ops.pages import Admitted, Operating, ThePages, no_such_page, printed
from adapter.ops.sign_in import NoPage
from adapter.presentation.case_cards import card
from adapter.presentation.case_file import CaseFile, case_file, find_case
from adapter.presentation.case_page import next_lines, notices, waiting_title
from adapter.presentation.checklist_page import ways
from adapter.presentation.history import history
from adapter.presentation.nights_page import picture
from adapter.presentation.printing import DOCUMENTS, document_data
from adapter.presentation.schedule_diff import schedule_diff
from adapter.presentation.visits_page import lines as visit_lines
from adapter.presentation.words import SIGNS
from adapter.store import events, reads
from adapter.store.cases import Case
from adapter.store.events import Event

routes = APIRouter(include_in_schema=False)

_EVENTS = 200
"""How many of a case's newest events are shown."""
_LONGEST_TEXT = 20_000
"""Characters in a text about times, at most."""
_REFRESH = 60
"""Seconds after which the browser loads the overview again, unless that was switched off."""


@routes.get("/")
async def overview_page(request: Request, pages: ThePages, user: Admitted, refresh: str = "") -> Response:
    values = await pages.listed(lambda c: overview(pages.ops, c), user)
    answer = pages.html(request, "overview.html", refresh=refresh, **values)
    if not refresh:
        answer.headers["Refresh"] = str(_REFRESH)
    return answer


@routes.get("/cases")
async def all_cases(
    request: Request,
    pages: ThePages,
    user: Admitted,
    wanted: Annotated[Filter, Depends(Filter)],
    ref: str = "",
    page: str = "",
) -> Response:
    if ref:
        plain = "".join(ch for ch in ref.strip().upper() if ch.isalnum() or ch == "-")[:20]
        return RedirectResponse(f"/cases/{plain or '-'}", 303)
    ops, now = pages.ops, pages.ops.runtime.clock.now()
    found = await pages.listed(pages.summaries, user)
    shown = case_list(found, wanted, _number(page))
    cards = [card(each, ops.words_of(each.case.tenant), now) for each in shown.rows]
    return pages.html(request, "cases.html", shown=shown, cards=cards, choices=choices(ops, found, wanted))


@routes.get("/unfulfilled")
async def not_executed(request: Request, pages: ThePages, user: Admitted, page: str = "") -> Response:
    rows = unfulfilled_rows(pages.ops, await pages.listed(pages.summaries, user))
    return pages.html(request, "unfulfilled.html", shown=paged(rows, _number(page), lambda n: f"/unfulfilled?page={n}"))


@routes.get("/cases/{ref}")
async def one_case(request: Request, pages: ThePages, user: Admitted, ref: str) -> Response:
    rt = pages.ops.runtime

    def read(c: Connection) -> tuple[CaseFile, tuple[Event, ...]]:
        case = find_case(c, tuple(rt.tenants), ref)
        if case is None:
            raise NoPage(404, "not_found", "find_none")
        reads.note(c, [case.tenant], user, "case", rt.clock.now(), case.ref)
        file = case_file(c, case, rt.tenants[case.tenant].policy, rt.clock.now())
        return file, events.of_case(c, case.tenant, case.ref, limit=_EVENTS)

    file, timeline = await rt.db.run_aside(read)
    return pages.html(request, "case.html", **_case_values(pages.ops, file, timeline))


def _case_values(ops: OpsContext, file: CaseFile, timeline: tuple[Event, ...]) -> dict[str, Any]:
    words, now = ops.words_of(file.case.tenant), ops.runtime.clock.now()
    policy, decision = ops.runtime.tenants[file.case.tenant].policy, file.decision
    steps = decision.steps if decision else ()
    return {
        "words": words,
        "at": now,
        "file": file,
        "ways": dict(zip(("way_in", "way_out"), ways(steps), strict=True)),
        "signs": SIGNS,
        "diff": schedule_diff(file.ledger.schedule, file.shall, words, now) if file.shall else None,
        "urgent": [line.plain for line in notices(decision, words, now, urgent=True)],
        "waiting_title": waiting_title(decision),
        "known": [line.plain for line in notices(decision, words, now, urgent=False)],
        "next_lines": [line.plain for line in next_lines(file, words, now, acts=False)],
        "history": history(file.ledger.acts, timeline, words),
        "documents": DOCUMENTS,
        "picture": picture(file.nights, policy, words) if file.nights else None,
        "visits": visit_lines(file.visits, words),
    }


@routes.get("/cases/{ref}/{kind}")
async def document(pages: ThePages, user: Admitted, ref: str, kind: str) -> Response:
    rt = pages.ops.runtime

    def read(c: Connection) -> tuple[Case, Mapping[str, object] | None]:
        case = find_case(c, tuple(rt.tenants), ref)
        if case is None or kind not in DOCUMENTS:
            raise no_such_page()
        now, words = rt.clock.now(), pages.ops.words_of(case.tenant)
        reads.note(c, [case.tenant], user, kind, now, case.ref)
        return case, document_data(c, case, rt.tenants[case.tenant].policy, now, words)

    case, data = await rt.db.run(read)
    if data is None:  # a resource was never read
        raise no_such_page()
    return await printed(pages, case.tenant, kind, data, f"{case.ref}-{kind}.pdf")


@routes.get("/times")
async def times(request: Request, pages: ThePages, _: Operating) -> Response:
    return pages.html(request, "times.html", tried=False)


@routes.post("/times")
async def try_times_text(
    request: Request,
    pages: ThePages,
    _: Operating,
    text: Annotated[str, Form()] = "",
    changed: Annotated[str, Form()] = "",
) -> Response:
    """How the adapter would read a note's text. The text is not stored, logged or put into an address."""
    if len(text) > _LONGEST_TEXT:
        raise NoPage(422, "too_long", "too_long_text")
    words, policy = pages.ops.words_of(), next(iter(pages.ops.runtime.tenants.values())).policy
    today = local_date(pages.ops.runtime.clock.now(), policy.zone)
    note = words.visible(text.replace("\r\n", "\n"))
    trial = try_times(note, policy.window, today, changed=bool(changed), granted=None)
    read = None if isinstance(trial, TimesProblem) else trial
    return pages.html(
        request,
        "times.html",
        tried=True,
        text=text,
        changed=bool(changed),
        problem=words.say("times", trial.code, **trial.params) if isinstance(trial, TimesProblem) else None,
        start=words.day(read.start) if read and read.start else None,
        nights=words.nights(read) if read else [],
    )


def _number(page: str) -> int:
    """The number of the page; 1 if it isn't a number."""
    return int(page) if re.fullmatch("[0-9]{1,6}", page) else 1
