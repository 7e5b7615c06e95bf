"""The calls of Phoniro's e-tillsyn. They raise only ``connectors.errors``.

The HTTP base repeats reads, ``put_customer`` and the token's call when that may help, but never another POST or a
PATCH. A lost answer to those is ``AmbiguousWrite``, and the caller looks with ``find_schedule`` or ``get_schedule``
(P4).
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Self

import httpx

from connectors.errors import Conflict, ContractBroken, Refused
from connectors.http.answer import Answer
from connectors.http.client import HttpSettings, OnCall, Sleep, VendorHttp, path_segment
from connectors.phoniro.auth import ClientCredentials
from connectors.phoniro.paging import Fetch, pages, single_page, stream
from connectors.phoniro.wire import (
    Customer,
    EndReason,
    NewSchedule,
    Organisation,
    PauseReason,
    Schedule,
    ScheduleChanges,
    Supervision,
    external_id_fault,
)
from connectors.rows import BrokenRow

VENDOR: Final = "phoniro"
LARGEST_PAGE: Final = 500

_CUSTOMERS: Final = "api/v1/customers"
_SCHEDULES: Final = "api/v1/supervision-schedules"
_CODING: Final = re.compile(r'-{1,2}(?:gzip|br|deflate|zstd)"$')


class Versioned(NamedTuple):
    """A schedule and its version (``ETag``, made strong); None if the answer had no version."""

    schedule: Schedule
    etag: str | None


class PhoniroClient:
    """One tenant's Phoniro. Instants are aware, in any zone, and are sent in UTC. Dates are calendar dates.

    ``transport`` replaces the network; ``monotonic`` (seconds) is the clock for the token's age. Any call may raise
    ``Transient``, ``Unauthorised`` (also for 403) and ``Refused``. An answer that breaks the contract raises
    ``ContractBroken`` for a read and ``AmbiguousWrite`` for a write.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        scope: str = "supervision",
        *,
        settings: HttpSettings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        page_size: int = LARGEST_PAGE,
    ) -> None:
        def http(**more: Any) -> VendorHttp:
            return VendorHttp(
                VENDOR, base_url, settings=settings, transport=transport, on_call=on_call, sleep=sleep, **more
            )

        self._tokens = http(secrets=[client_secret])
        auth = ClientCredentials(self._tokens, client_id, client_secret, scope, monotonic)
        # PA1: a proxy that compresses changes the ETags.
        self._http = http(auth=auth, headers={"Accept-Encoding": "identity"})
        self._page_size = page_size

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()
        await self._tokens.aclose()

    async def organisations(self) -> list[Organisation | BrokenRow]:
        """The units that the client may write to."""
        return single_page(await self._http.send("GET", "api/v1/organisations", call="GET organisations"), Organisation)

    async def get_customer(self, external_id: str) -> Customer:
        """Raises ``NotFound``."""
        answer = await self._http.send("GET", _customer_path(external_id, "GET customer"), call="GET customer")
        return answer.parse(Customer)

    async def put_customer(self, customer: Customer) -> Customer:
        """Create or replace a person. It is safe to repeat, so a lost answer is ``Transient``. A customer that breaks
        the contract, for example a protected person with personal data, is ``Refused`` and not sent."""
        call = "PUT customer"
        if fault := customer.unsendable():
            raise _not_sent(fault, call)
        path = _customer_path(customer.external_id, call)
        answer = await self._http.send("PUT", path, call=call, json=customer.to_json(), repeatable=True)
        return answer.parse(Customer)

    async def find_schedule(self, external_reference: str) -> Versioned | None:
        """The schedule with this reference, also an ended one; None if the list has none (lists lag some seconds behind
        writes). It is found in the list and then read by its id, so it is current.

        Raises ``ContractBroken`` if a row that may be this schedule can't be read.
        """
        params = {"externalReference": external_reference}
        async for row in stream(self._pages(_SCHEDULES, "GET schedules", params), Schedule):
            reference = row.says("externalReference") if isinstance(row, BrokenRow) else row.external_reference
            if reference not in (external_reference, None):
                continue
            if row.id is None:
                reason = "a row that may be the wanted schedule can't be read and has no id"
                raise ContractBroken(reason, vendor=VENDOR, call="GET schedules")
            found = await self.get_schedule(row.id)
            if found.schedule.external_reference == external_reference:
                return found
        return None

    async def get_schedule(self, schedule_id: str) -> Versioned:
        """Raises ``NotFound``."""
        answer = await self._http.send("GET", _schedule_path(schedule_id, "GET schedule"), call="GET schedule")
        return _versioned(answer, schedule_id)

    async def create_schedule(self, new: NewSchedule) -> Versioned:
        """Raises ``Conflict`` with ``existing_id`` if another schedule has the reference."""
        answer = await self._http.send("POST", _SCHEDULES, call="POST schedule", json=new.to_json())
        created = _versioned(answer)
        if created.schedule.external_reference != new.external_reference:
            raise answer.broken("the answer is about another externalReference")
        return created

    async def patch_schedule(self, schedule_id: str, changes: ScheduleChanges, etag: str | None) -> Versioned:
        """Make the changes if ``etag`` still is the schedule's version. Raises ``Conflict`` if it isn't (412), if
        ``etag`` is None and Phoniro wants one (428), or if the schedule's state doesn't allow it (409)."""
        call = "PATCH schedule"
        headers = {"Content-Type": "application/merge-patch+json"}
        if etag is not None:
            headers["If-Match"] = strong_etag(etag)
        path = _schedule_path(schedule_id, call)
        try:
            answer = await self._http.send("PATCH", path, call=call, json=changes.to_json(), headers=headers)
        except Refused as error:
            if error.status != 428:
                raise
            failure = Conflict(error.message, vendor=VENDOR, call=call, status=428)
        else:
            return _versioned(answer, schedule_id)
        raise failure

    async def end_schedule(self, schedule_id: str, end_at: datetime, reason: EndReason) -> Versioned:
        """End the schedule for good. ``end_at`` in the past means now. An ended schedule stays as it is. Raises
        ``NotFound``."""
        return await self._act(schedule_id, "end", {"endAt": _instant(end_at), "reason": reason})

    async def pause_schedule(self, schedule_id: str, reason: PauseReason) -> Versioned:
        """Nobody can look until it is resumed. If it is paused already, only the reason changes. Raises ``Conflict``
        (409)."""
        return await self._act(schedule_id, "pause", {"until": None, "reason": reason})

    async def resume_schedule(self, schedule_id: str) -> Versioned:
        """Make it active again; no error if it wasn't paused. Raises ``Conflict`` (409)."""
        return await self._act(schedule_id, "resume", None)

    def schedules(self) -> AsyncIterator[Schedule | BrokenRow]:
        """All schedules, streamed page by page. The list can lag some seconds behind writes."""
        return stream(self._pages(_SCHEDULES, "GET schedules", {}), Schedule)

    def schedule_pages(self) -> AsyncGenerator[list[Schedule | BrokenRow], None]:
        """The same as ``schedules``, but page by page, which costs less for many."""
        return pages(self._pages(_SCHEDULES, "GET schedules", {}), Schedule)

    def supervisions(self, start: datetime, end: datetime) -> AsyncIterator[Supervision | BrokenRow]:
        """Supervisions due from ``start`` to ``end``, in the order of ``due_at``, streamed page by page."""
        params = {"from": _instant(start), "to": _instant(end)}
        return stream(self._pages("api/v1/supervisions", "GET supervisions", params), Supervision)

    def _pages(self, path: str, call: str, params: Mapping[str, str]) -> Fetch:
        given = {**params, "limit": str(self._page_size)}

        async def fetch(cursor: str | None) -> Answer:
            at = {} if cursor is None else {"cursor": cursor}
            return await self._http.send("GET", path, call=call, params=given | at)

        return fetch

    async def _act(self, schedule_id: str, act: str, body: Mapping[str, Any] | None) -> Versioned:
        call = f"POST schedule {act}"
        answer = await self._http.send("POST", f"{_schedule_path(schedule_id, call)}/{act}", call=call, json=body)
        return _versioned(answer, schedule_id)


def _versioned(answer: Answer, schedule_id: str | None = None) -> Versioned:
    schedule = answer.parse(Schedule)
    if schedule_id is not None and schedule.id.lower() != schedule_id.lower():
        raise answer.broken("the answer is another schedule than the wanted one")
    etag = answer.headers.get("ETag")
    return Versioned(schedule, etag and strong_etag(etag))


def strong_etag(etag: str) -> str:
    """The ETag as Phoniro made it. A proxy that compresses puts ``W/`` before it or ``-gzip`` at its end (PA1). Such a
    tag would never match, because ``If-Match`` compares strongly (RFC 9110, section 13.1.1)."""
    return _CODING.sub('"', etag.strip().removeprefix("W/"))


def _schedule_path(schedule_id: str, call: str) -> str:
    return f"{_SCHEDULES}/{_segment(schedule_id, call)}"


def _customer_path(external_id: str, call: str) -> str:
    if fault := external_id_fault(external_id):
        raise _not_sent(fault, call)
    return f"{_CUSTOMERS}/{_segment(external_id, call)}"


def _segment(value: str, call: str) -> str:
    try:
        return path_segment(value)
    except ValueError as fault:
        reason = str(fault)
    raise _not_sent(reason, call)


def _not_sent(reason: str, call: str) -> Refused:
    return Refused(f"{reason}; nothing was sent", vendor=VENDOR, call=call)


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
