"""The follow-up and the guides on the status page, for whoever may see it: looked at, and taken along as PDF or CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from adapter.domain.looks import local_date
from adapter.followup.report import ALL, Month, Table, by_span, report
from adapter.followup.suppression import suppressed
from adapter.log_events import log
from adapter.ops.case_cache import CaseCache
from adapter.ops.context import OpsContext
from adapter.ops.pages import SECURITY, Pages
from adapter.ops.sign_in import Person
from adapter.presentation.followup_page import cell, followup_csv
from adapter.presentation.followup_view import months_by_name, paper, sections, span_text
from adapter.presentation.guide import GUIDES, Guide
from adapter.presentation.words import Words
from adapter.store import counts, reads
from adapter.store.errors import StoreError

FOLLOW_UP, LATHUND = "uppfoljning", "lathund"
"""Names of templates."""
_YEARS = 5
"""How far back it is looked."""
_FIRST, _LAST = Query("", alias="from"), Query("", alias="to")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: days of whole months, as far as they have come; ``unit`` is None for all."""

    tenant: str
    first: date
    last: date
    unit: int | None

    @property
    def query(self) -> str:
        """The same as the end of an address."""
        asked = {"tenant": self.tenant, "from": f"{self.first:%Y-%m}", "to": f"{self.last:%Y-%m}"}
        return urlencode(asked | ({"unit": self.unit} if self.unit is not None else {}))


def router(ops: OpsContext, cache: CaseCache) -> APIRouter:
    routes, pages = APIRouter(include_in_schema=False), Pages(ops, cache)
    _followup(routes, pages)
    _guides(routes, pages)
    return routes


def _followup(routes: APIRouter, pages: Pages) -> None:
    ops = pages.ops

    async def shown(
        request: Request, asked: tuple[str, str, str, str], show: Callable[[Connection, Wanted, Words], Any]
    ) -> tuple[Person, Any] | Response:
        """Who asks, and what ``show`` makes of what they ask for; else the page that says why not."""
        person = await pages.admitted(request)
        if isinstance(person, Response):
            return person
        tenant = asked[0] if asked[0] in ops.runtime.tenants else next(iter(ops.runtime.tenants))
        today = local_date(ops.runtime.clock.now(), ops.runtime.tenants[tenant].policy.zone)
        wanted = _wanted(tenant, *asked[1:], today)

        def noted(c: Connection) -> Any:
            reads.note(c, [tenant], person, "followup", ops.runtime.clock.now())
            return show(c, wanted, ops.words_of(tenant))

        try:
            return person, await ops.runtime.db.run_aside(noted)
        except StoreError:
            return pages.message(503, "store_away", "store_away_text")

    def months(c: Connection, wanted: Wanted) -> list[Month]:
        zone, now = ops.runtime.tenants[wanted.tenant].policy.zone, ops.runtime.clock.now()
        return counts.months(c, wanted.tenant, wanted.first, wanted.last, zone=zone, now=now)

    @routes.get("/followup")
    async def page(
        request: Request, tenant: str = "", first: str = _FIRST, last: str = _LAST, unit: str = ""
    ) -> Response:
        def values(c: Connection, wanted: Wanted, words: Words) -> dict[str, Any]:
            tables = by_span(months(c, wanted))
            begun = min(counts.first_day(c, wanted.tenant) or wanted.first, wanted.first)
            today = local_date(ops.runtime.clock.now(), words.zone)
            return {
                "words": words,
                "wanted": wanted,
                "span": span_text(wanted.first, wanted.last, words),
                "tenants": [(name, name) for name in ops.runtime.tenants],
                "months": months_by_name(begun, today),
                "units": _units(tables, wanted.unit, words),
                "sections": sections(
                    tables, wanted.first, wanted.last, ALL if wanted.unit is None else wanted.unit, words
                ),
                "below": ops.suppress_below,
            }

        found = await shown(request, (tenant, first, last, unit), values)
        return found if isinstance(found, Response) else pages.html("followup.html", person=found[0], **found[1])

    @routes.get("/followup/{name}.csv")
    async def table(
        request: Request, name: str, tenant: str = "", first: str = _FIRST, last: str = _LAST, unit: str = ""
    ) -> Response:
        def content(c: Connection, wanted: Wanted, words: Words) -> bytes | None:
            tables = report(months(c, wanted), wanted.unit)
            return next((followup_csv(each, words) for each in tables if each.name == name), None)

        found = await shown(request, (tenant, first, last, unit), content)
        if isinstance(found, Response):
            return found
        if found[1] is None:
            return pages.message(404, "not_found", "not_found_text")
        return _file(found[1], f"{name}.csv", "text/csv")

    @routes.get(f"/followup/{FOLLOW_UP}.pdf")
    async def printed(
        request: Request, tenant: str = "", first: str = _FIRST, last: str = _LAST, unit: str = ""
    ) -> Response:
        def data(c: Connection, wanted: Wanted, words: Words) -> tuple[str, Mapping[str, object]]:
            tables = suppressed(by_span(months(c, wanted)), ops.suppress_below)
            today = local_date(ops.runtime.clock.now(), words.zone)
            whose = ALL if wanted.unit is None else wanted.unit
            whole = paper(tables, wanted.first, wanted.last, whose, words, today=today, below=ops.suppress_below)
            return wanted.tenant, whole

        found = await shown(request, (tenant, first, last, unit), data)
        if isinstance(found, Response):
            return found
        whose, whole = found[1]
        return await _print(pages, FOLLOW_UP, whose, whole, f"{FOLLOW_UP}.pdf")


def _guides(routes: APIRouter, pages: Pages) -> None:
    ops = pages.ops

    async def asked(request: Request, tenant: str, role: str) -> tuple[Person, str, Guide] | Response:
        """Who asks, of which municipality, and the guide; else the page that says why not."""
        person = await pages.admitted(request)
        if isinstance(person, Response):
            return person
        whose = tenant if tenant in ops.runtime.tenants else next(iter(ops.runtime.tenants))
        found = ops.guides(whose, role) if ops.guides else None
        return (person, whose, found) if found else pages.message(404, "not_found", "not_found_text")

    @routes.get("/guides/{role}.pdf")
    async def printed(request: Request, role: str, tenant: str = "") -> Response:
        found = await asked(request, tenant, role)
        if isinstance(found, Response):
            return found
        _, whose, guide = found
        return await _print(pages, LATHUND, whose, asdict(guide), f"{LATHUND}-{role}.pdf")

    @routes.get("/guides")
    @routes.get("/guides/{role}")
    async def page(request: Request, role: str = GUIDES[0], tenant: str = "") -> Response:
        found = await asked(request, tenant, role)
        if isinstance(found, Response):
            return found
        person, whose, guide = found
        tenants = list(ops.runtime.tenants)
        return pages.html(
            "guide.html",
            person=person,
            words=ops.words_of(whose),
            guide=guide,
            role=role,
            roles=GUIDES,
            tenant=whose,
            tenants=tenants,
        )


async def _print(pages: Pages, kind: str, tenant: str, data: Mapping[str, object], name: str) -> Response:
    if pages.ops.paper is None:
        return pages.message(404, "not_found", "not_found_text")
    try:
        made = await pages.ops.paper(tenant, kind, data, name)
    except Exception as error:  # noqa: BLE001  # a municipality's own template, say, that can't be used
        log("job_failed", job="document", error=error)
        return pages.message(500, "not_made", "not_made_text")
    return _file(made.content, made.name, made.media_type)


def _file(content: bytes, name: str, media_type: str) -> Response:
    headers = {**SECURITY, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


def _wanted(tenant: str, first: str, last: str, unit: str, today: date) -> Wanted:
    """From the year's first month to this one where nothing else is said, or what is said can't be used."""
    earliest = today.replace(year=today.year - _YEARS, day=1)
    until = max(min(_month(last) or today, today), earliest)
    since = max(min(_month(first) or until.replace(month=1), until).replace(day=1), earliest)
    ends = (until.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    number = int(unit) if unit.isascii() and unit.isdecimal() and len(unit) < 10 else None
    return Wanted(tenant, since, min(ends, today), number)


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def _units(tables: tuple[Table, ...], wanted: int | None, words: Words) -> list[tuple[int, str]]:
    found = {int(row[1] or 0) for table in tables for row in table.rows} | {wanted if wanted is not None else ALL}
    return sorted(((unit, cell("unit", unit, words)) for unit in found - {ALL}), key=lambda each: each[1])
