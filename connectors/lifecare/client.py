"""The client of Lifecare's elderly care API. This package handles every quirk of the live gateway."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from connectors.errors import ContractBroken, NotFound, VendorError
from connectors.http.answer import Answer
from connectors.http.client import HttpSettings, OnCall, Sleep, VendorHttp, path_segment
from connectors.json_values import cost
from connectors.lifecare import query, wire
from connectors.lifecare.list_memory import KEPT, LITTLE, Room, Share
from connectors.lifecare.list_result import Rows, Scope, key_of, of_person, read_within
from connectors.lifecare.paging import Cap, read_whole
from connectors.lifecare.query import Resource, q
from connectors.lifecare.values import person_number, whole_seconds
from connectors.rows import BrokenRow

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class LifecareClient:
    """Reads and writes one Lifecare ``domain``. Raises ``connectors.errors`` only, and never logs.

    ``base_url`` ends with the vendor's base path (``https://host/WE.EC.Integration.Host``). ``key`` is base64 and not
    percent-encoded; the client does that (L2). ``transport`` replaces the network.

    A list is returned as ``Rows``: the usable rows and the broken ones. When one person's rows are read, other persons'
    rows are left out (L11). If a single entity belongs to another person, ``ContractBroken`` is raised.
    """

    def __init__(
        self,
        base_url: str,
        domain: str,
        key: str,
        *,
        page_size: int = 100,
        settings: HttpSettings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._page_size = max(2, page_size)
        self._cap = Cap(self._learned_cap)
        self._room = Room()
        self._http = VendorHttp(
            "lifecare",
            base_url,
            # L1: domain and key are sent only in the query string, not in headers.
            params={"domain": domain, "key": key},
            secrets=[key],
            settings=settings,
            transport=transport,
            on_call=on_call,
            sleep=sleep,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    # Any resource

    async def list(
        self, resource: Resource[M], *, q: str | None = None, gt: datetime | None = None, scope: Scope | None = None
    ) -> Rows[M]:
        """The whole list (L8), without the rows outside ``scope`` (L11). A part never counts as the whole list.

        ``gt``: only rows changed after this aware instant, sent in whole seconds (L16). Raises ``ValueError`` if the
        resource has no change filter (L7), ``ContractBroken`` if rows kept shifting during the reading, ``TooLong`` if
        there are more rows than the memory allows.
        """
        found = await self._read(resource, _asked(resource, q, gt), lambda raw: read_within(resource, raw, scope))
        items = tuple(row for row in found.items if not isinstance(row, BrokenRow))
        broken = tuple(row for row in found.items if isinstance(row, BrokenRow))
        return Rows(items, broken, found.server_time, found.silent)

    async def each(
        self,
        resource: Resource[M],
        keep: Callable[[M | BrokenRow], T],
        *,
        q: str | None = None,
        gt: datetime | None = None,
    ) -> Rows[T]:
        """The same for a list that may be long, such as a feed's. Only what ``keep`` returns for a row stays in
        memory."""
        return await self._read(
            resource, _asked(resource, q, gt), lambda raw: keep(read_within(resource, raw, None)), KEPT
        )

    async def _read(
        self, resource: Resource[Any], asked: Mapping[str, str], made: Callable[[Any], T], row_cost: int | None = None
    ) -> Rows[T]:
        """``row_cost``: the memory that a row takes when it has been read, in bytes. Without it the page's cost
        counts."""
        first: Answer | None = None

        async def fetch(share: Share, limit: int, offset: int) -> list[tuple[Hashable, T]]:
            nonlocal first
            params = {**asked, "limit": str(limit), "offset": str(offset)}
            answer = await self._page(resource, params, share.longest_page)
            if offset == 0:
                share.begin_anew()
                first = replace(answer, body=b"")
            rows = _raw_rows(answer)
            share.take(answer, cost(answer.body) if row_cost is None else row_cost * len(rows))
            return [(key_of(resource, row), made(row)) for row in rows]

        try:
            rows = await self._room.read(lambda share: read_whole(partial(fetch, share), self._page_size, self._cap))
        except VendorError as error:
            # The traceback would keep the rows in memory as long as the error lives.
            raise error.with_traceback(None) from None
        if rows is None:
            raise ContractBroken("list kept shifting", vendor="lifecare", call=f"GET {resource.name}")
        assert first is not None
        return Rows(tuple(rows), (), first.server_time, silent=first.status == 404)

    async def get(self, resource: Resource[M], id: str | int, *, person_id: str | None = None) -> M:
        """One entity. Raises ``NotFound`` if it isn't there, and ``ContractBroken`` if it isn't the person's with
        ``person_id`` (L11: the API answers with anybody's)."""
        scope = None if person_id is None else of_person(person_id)
        call = f"GET {resource.name}/{{id}}"
        try:
            path = f"api/v1/{resource.name}/{path_segment(id)}"
        except ValueError as fault:
            raise NotFound(f"{fault}; nothing was sent", vendor="lifecare", call=call) from None
        answer = await self._http.send("GET", path, call=call)
        entity = answer.parse(resource.model)
        if scope is not None and not scope.holds(entity):
            raise answer.broken(scope.reason)
        return entity

    async def shows_anything(self, resource: Resource[Any]) -> bool:
        """Whether the resource has any row, read without a condition."""
        return await self._first_rows(resource) > 0

    async def access(self, *more: Resource[Any]) -> dict[str, VendorError | None]:
        """For each resource that the adapter reads, and ``more``: None, or the error why it can't be read. So a missing
        licence shows at start (L12)."""
        found: dict[str, VendorError | None] = {}
        for resource in (*query.RESOURCES, *more):
            try:
                await self._first_rows(resource)
                found[resource.name] = None
            except VendorError as error:
                found[resource.name] = error
        return found

    # Orders and decisions

    async def orders_of_person(self, person_id: str) -> Rows[wire.Order]:
        return await self._of_person(query.ORDERS, person_id)

    async def ordered_services(self, order_id: str) -> Rows[wire.OrderedService]:
        scope = Scope({"order_id": order_id}, "belongs to another order")
        return await self.list(query.ORDERED_SERVICES, q=q(query.ORDERED_SERVICES, OrderId=order_id), scope=scope)

    # Clients

    async def client(self, person_id: str) -> wire.Client:
        """Raises ``NotFound`` also for a confidential client that the key may not see (LA9)."""
        return await self.get(query.CLIENTS, person_number(person_id), person_id=person_id)

    async def service_plans(self, person_id: str) -> Rows[wire.ServicePlan]:
        return await self._of_person(query.SERVICE_PLANS, person_id)

    # Notes

    async def documentations(
        self,
        *,
        execution_id: int | None = None,
        headline_id: str | None = None,
        status: str | None = None,
        created_signature: str | None = None,
    ) -> Rows[wire.Documentation]:
        """Notes that meet all given conditions (LA1). At least one must be given. Notes on another execution are left
        out (L11)."""
        asked: dict[str, str | int | None] = {
            "ExecutionId": execution_id,
            "HeadlineId": headline_id,
            "Status": status,
            "CreatedSignature": created_signature,
        }
        conditions = {name: value for name, value in asked.items() if value is not None}
        scope = (
            Scope({"execution_id": execution_id}, "belongs to another execution") if execution_id is not None else None
        )
        return await self.list(query.DOCUMENTATIONS, q=q(query.DOCUMENTATIONS, **conditions), scope=scope)

    async def create_provider_note(self, request: wire.CreateProviderJournalNoteRequest) -> wire.JournalNoteV2:
        """Write a note (LA3), without any retry, because there is no idempotency key (LA4). After ``AmbiguousWrite``
        the note may have been written."""
        body = request.model_dump(mode="json", by_alias=True, exclude_none=True)
        answer = await self._http.send("POST", "api/v2/provider_notes", call="POST provider_notes", json=body)
        note = answer.parse(wire.JournalNoteV2)
        if note.client_id not in (None, request.client_id):
            raise answer.broken("the note came back as another client's")
        return note

    # Reported visits (LA11, LA12)

    async def personnels(self, user_id: str) -> Rows[wire.Personnel]:
        """The person with this user id: one row, or none."""
        scope = Scope({"user_id": user_id}, "is somebody else")
        return await self.list(query.PERSONNELS, q=q(query.PERSONNELS, UserId=user_id), scope=scope)

    async def reported_visits(self, external_id: str) -> Rows[wire.ReportedVisit]:
        """The visits with this id, from any reporting system."""
        scope = Scope({"external_id": external_id}, "is another visit")
        return await self.list(query.REPORTED_VISITS, q=q(query.REPORTED_VISITS, ExternalId=external_id), scope=scope)

    async def report_visit(self, visit: wire.ReportVisit) -> int:
        """Create a visit, or correct the one with the same ``id``, and return its id. A second one with the same
        ``external_id`` is refused (LA12). A lost answer is ``AmbiguousWrite``."""
        call, body = "POST reported_visits", visit.model_dump(mode="json", by_alias=True, exclude_none=True)
        answer = await self._http.send("POST", "api/v1/reported_visits", call=call, json=body)
        made = answer.json()
        if not isinstance(made, int) or isinstance(made, bool):
            raise answer.broken("the answer isn't an id")
        return made

    async def delete_reported_visit(self, external_id: str, reporting_system: str) -> None:
        """Raises ``NotFound`` if there is none (any more)."""
        named = {"externalId": external_id, "reportingSystem": reporting_system}
        call = "DELETE reported_visits"
        await self._http.send("DELETE", "api/v1/reported_visits", call=call, params=named)

    async def _of_person(self, resource: Resource[M], person_id: str) -> Rows[M]:
        return await self.list(resource, q=q(resource, PersonId=person_id), scope=of_person(person_id))

    async def _learned_cap(self) -> int:
        """How many rows the server puts on a page (L8), learned from the headings: every installation has many, and
        they belong to no person. Without a licence for them lists cost one more call until a long one has been read."""
        try:
            return await self._first_rows(query.HEADLINES, self._page_size)
        except VendorError:
            return 0

    async def _first_rows(self, resource: Resource[Any], limit: int = 1) -> int:
        """How many rows the first page has, without a condition."""
        return len(_raw_rows(await self._page(resource, {"limit": str(limit), "offset": "0"})))

    async def _page(self, resource: Resource[Any], params: Mapping[str, str], longest: int = LITTLE) -> Answer:
        """One page of at most ``longest`` bytes. For a list, 404 means that nothing matches (L10)."""
        path, call = f"api/v1/{resource.name}", f"GET {resource.name}"
        return await self._http.send("GET", path, call=call, params=params, accept=(404,), longest=longest)


def _asked(resource: Resource[Any], q: str | None, gt: datetime | None) -> dict[str, str]:
    if gt and not resource.delta:
        raise ValueError(f"{resource.name} has no change filter (gt)")
    asked = {"q": q, "gt": gt and whole_seconds(gt)}
    return {name: value for name, value in asked.items() if value}


def _raw_rows(answer: Answer) -> list[Any]:
    if answer.status == 404:
        return []
    rows = answer.json()
    if isinstance(rows, list):
        return rows
    raise answer.broken("the answer isn't a list")
