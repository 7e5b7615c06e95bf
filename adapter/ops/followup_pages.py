"""The follow-up and the guides on the status page: as pages, and to download as PDF or CSV."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection

from adapter.domain.wall_clock import local_date
from adapter.followup.report import Month, Table, by_span, report
from adapter.followup.suppression import suppressed
from adapter.followup.tallies import ALL
from adapter.ops.pages import Admitted, Pages, ThePages, as_file, no_such_page, printed
from adapter.ops.sign_in import User
from adapter.presentation.followup_page import cell, followup_csv
from adapter.presentation.followup_view import months_by_name, paper, sections, span_text
from adapter.presentation.guide_page import GUIDES, Guide
from adapter.presentation.words import Words
from adapter.store import counts, reads

routes = APIRouter(include_in_schema=False)

FOLLOW_UP, LATHUND = "uppfoljning", "lathund"
"""Names of templates."""
_YEARS = 5
"""How far back the follow-up can go."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the page shall show: whole months, the last one up to today; ``unit`` is None for all units."""

    tenant: str
    first: date
    last: date
    today: date
    unit: int | None
    who: User

    @property
    def whose(self) -> int:
        return ALL if self.unit is None else self.unit

    @property
    def query(self) -> str:
        """The same as the query of an address."""
        asked = {"tenant": self.tenant, "from": f"{self.first:%Y-%m}", "to": f"{self.last:%Y-%m}"}
        return urlencode(asked | ({"unit": self.unit} if self.unit is not None else {}))


def _wanted(
    pages: ThePages,
    user: Admitted,
    tenant: str = "",
    first: Annotated[str, Query(alias="from")] = "",
    last: Annotated[str, Query(alias="to")] = "",
    unit: str = "",
) -> Wanted:
    """If a month is missing or can't be used, ``to`` is this month and ``from`` January of the same year as ``to``."""
    tenant = pages.tenant(tenant)
    today = local_date(pages.ops.runtime.clock.now(), pages.ops.runtime.tenants[tenant].policy.zone)
    earliest = today.replace(year=today.year - _YEARS, day=1)
    until = max(min(_month(last) or today, today), earliest)
    since = max(min(_month(first) or until.replace(month=1), until).replace(day=1), earliest)
    ends = (until.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    number = int(unit) if unit.isascii() and unit.isdecimal() and len(unit) < 10 else None
    return Wanted(tenant, since, min(ends, today), today, number, user)


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


Asked = Annotated[Wanted, Depends(_wanted)]


def _months(c: Connection, pages: Pages, wanted: Wanted) -> list[Month]:
    """Read the counts, and note that this user read them."""
    zone, now = pages.ops.runtime.tenants[wanted.tenant].policy.zone, pages.ops.runtime.clock.now()
    reads.note(c, [wanted.tenant], wanted.who, "followup", now)
    return counts.months(c, wanted.tenant, wanted.first, wanted.last, zone=zone, now=now)


@routes.get("/followup")
async def page(request: Request, pages: ThePages, wanted: Asked) -> Response:
    words = pages.ops.words_of(wanted.tenant)

    def values(c: Connection) -> dict[str, Any]:
        tables, begun = by_span(_months(c, pages, wanted)), counts.first_day(c, wanted.tenant) or wanted.first
        return {
            "months": months_by_name(min(begun, wanted.first), wanted.today),
            "units": _units(tables, wanted.whose, words),
            "sections": sections(tables, wanted.first, wanted.last, wanted.whose, words),
        }

    return pages.html(
        request,
        "followup.html",
        words=words,
        wanted=wanted,
        span=span_text(wanted.first, wanted.last, words),
        tenants=[(name, name) for name in pages.ops.runtime.tenants],
        below=pages.ops.suppress_below,
        **await pages.ops.runtime.db.run_aside(values),
    )


@routes.get("/followup/{name}.csv")
async def table(pages: ThePages, wanted: Asked, name: str) -> Response:
    def content(c: Connection) -> bytes:
        tables = report(_months(c, pages, wanted), wanted.unit)
        found = next((each for each in tables if each.name == name), None)
        if found is None:
            raise no_such_page()
        return followup_csv(found, pages.ops.words_of(wanted.tenant))

    return as_file(await pages.ops.runtime.db.run_aside(content), f"{name}.csv", "text/csv")


@routes.get(f"/followup/{FOLLOW_UP}.pdf")
async def printed_followup(pages: ThePages, wanted: Asked) -> Response:
    def data(c: Connection) -> Mapping[str, object]:
        below, words = pages.ops.suppress_below, pages.ops.words_of(wanted.tenant)
        tables = suppressed(by_span(_months(c, pages, wanted)), below)
        return paper(tables, wanted.first, wanted.last, wanted.whose, words, today=wanted.today, below=below)

    whole = await pages.ops.runtime.db.run_aside(data)
    return await printed(pages, wanted.tenant, FOLLOW_UP, whole, f"{FOLLOW_UP}.pdf")


def _units(tables: tuple[Table, ...], wanted: int, words: Words) -> list[tuple[int, str]]:
    found = {int(row[1] or 0) for table in tables for row in table.rows} | {wanted}
    return sorted(((unit, cell("unit", unit, words)) for unit in found - {ALL}), key=lambda each: each[1])


def _guide(pages: Pages, tenant: str, role: str) -> Guide:
    if role not in GUIDES:
        raise no_such_page()
    return pages.ops.printers[tenant].guide(role)


@routes.get("/guides/{role}.pdf")
async def printed_guide(pages: ThePages, _: Admitted, role: str, tenant: str = "") -> Response:
    tenant = pages.tenant(tenant)
    return await printed(pages, tenant, LATHUND, asdict(_guide(pages, tenant, role)), f"{LATHUND}-{role}.pdf")


@routes.get("/guides")
@routes.get("/guides/{role}")
async def guide(request: Request, pages: ThePages, _: Admitted, role: str = GUIDES[0], tenant: str = "") -> Response:
    tenant = pages.tenant(tenant)
    return pages.html(
        request,
        "guide.html",
        words=pages.ops.words_of(tenant),
        guide=_guide(pages, tenant, role),
        role=role,
        roles=GUIDES,
        tenant=tenant,
        tenants=list(pages.ops.runtime.tenants),
    )
