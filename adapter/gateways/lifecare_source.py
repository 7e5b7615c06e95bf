"""The case system's port over Lifecare: each read is whole, the person's own (L11), and in canonical words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from adapter.domain.facts import (
    URGENT,
    Absence,
    AuthorityDecision,
    Client,
    Execution,
    FactProblem,
    Note,
    Order,
    ServicePlan,
    Signal,
)
from adapter.gateways.errors import as_port_errors
from adapter.ports import Changed, Failure, PortError, Window
from connectors.errors import NotFound, Unauthorised
from connectors.lifecare import query, wire
from connectors.lifecare.client import LifecareClient
from connectors.lifecare.query import Resource
from connectors.lifecare.rows import BrokenRow, Rows
from connectors.plain import word
from mappings import lifecare as mapped
from mappings.lifecare import keyed_hash, problem
from mappings.tables import MunicipalMapping

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""A change filter of "since ever": with it, and only with it, deleted entities come back marked as such (L7)."""

FEEDS: dict[str, Resource[Any]] = {
    "decisions": query.DECISIONS,
    "executions": query.EXECUTIONS,
    "clients": query.CLIENTS,
    "absences": query.ABSENCES,
}

SHOWN: dict[str, Resource[Any]] = {
    "orders": query.ORDERS,
    "services": query.ORDERED_SERVICES,
    "decisions": query.DECISIONS,
    "executions": query.EXECUTIONS,
    "client": query.CLIENTS,
    "absences": query.ABSENCES,
    "notes": query.DOCUMENTATIONS,
    "headings": query.HEADLINES,
    "plans": query.SERVICE_PLANS,
}

T = TypeVar("T")
Problems = tuple[FactProblem, ...]


R = TypeVar("R", bound=BaseModel)


class LifecareSource:
    """``CaseSource`` over one tenant's Lifecare. ``key`` is the secret of all fingerprints. ``asking`` is entered
    around each call: it may refuse it, and sees how it ends. The ``headings`` by signal are filled in as they are
    learnt. Raises ``PortError``."""

    def __init__(
        self,
        client: LifecareClient,
        mapping: MunicipalMapping,
        *,
        key: bytes,
        asking: Callable[[], AbstractContextManager[None]] = nullcontext,
        headings: dict[str, str] | None = None,
    ) -> None:
        self._lifecare = client
        self._mapping = mapping
        self._key = key
        self._asking = asking
        self._headings = headings
        """None once they are known, or can't be."""

    async def read_headings(self) -> None:
        """See ``CaseSource``. Not one of the calls that tell whether Lifecare answers: a key without a licence for the
        catalogue (L12) does its work all the same."""
        if self._headings is None:
            return
        try:
            with as_port_errors():
                rows = await self._lifecare.headlines()
        except PortError as error:
            self._headings = self._headings if error.failure is Failure.TRANSIENT else None
            return
        names = {row.id: row.name for row in rows.items if row.name}
        known = {signal.value: names[id] for signal, id in self._mapping.signals.items() if id in names}
        written = {to: self._mapping.messages.of(to) for to in ("coordinator", "alarm_team", "authority", "plan")}
        known |= {f"messages.{to}": names[h.read_under] for to, h in written.items() if h and h.read_under in names}
        self._headings.update(known)
        self._headings = None

    async def orders(self, person_id: str) -> tuple[tuple[Order, ...], Problems]:
        """Every order of the person with its services. One whose services can't be read whole fails the read."""
        with self._asking(), as_port_errors():
            rows = await self._lifecare.orders_of_person(person_id)
            services = await _all(self._lifecare.ordered_services(row.id) for row in rows.items)
        found: list[Order] = []
        problems = list(_broken(rows, "orders"))
        for row, lines in zip(rows.items, services, strict=True):
            if lines.broken:
                # Without one of its services an order would look granted otherwise than it is.
                problems += [problem("bad_row", "ordered_services", row.id, lines.broken[0].field)]
                continue
            order, faults = _of_row(row, "orders", partial(mapped.order, row, lines.items, self._mapping))
            found += [order] if order else []
            problems += faults
        return tuple(found), tuple(problems)

    async def person_of(self, order_id: str) -> str | None:
        with self._asking(), as_port_errors():
            try:
                return (await self._lifecare.order(order_id)).person_id
            except NotFound:
                return None

    async def decisions(self, person_id: str, ids: frozenset[int]) -> tuple[tuple[AuthorityDecision, ...], Problems]:
        """See ``CaseSource``. A decision that the person's list doesn't hold is asked for by its id: somebody else's is
        a problem (L11), one that isn't there is absent."""
        with self._asking(), as_port_errors():
            rows = await self._everything(query.DECISIONS, person_id)
            own, problems = _own(rows, person_id, "sol_decisions")
            broken = {row.id for row in rows.broken}
            missing = sorted(i for i in ids - {row.id for row in own} if str(i) not in broken)
            sought = await _all(self._decision(decision_id) for decision_id in missing)
        found = list(own)
        for row in filter(None, sought):
            if row.person_id == person_id:
                found.append(row)
            else:
                code = "no_person" if row.person_id is None else "foreign_person"
                problems.append(problem(code, "sol_decisions", row.id))
        return tuple(mapped.decision(row) for row in found), tuple(problems)

    async def _decision(self, decision_id: int) -> wire.Decision | None:
        try:
            return await self._lifecare.decision(decision_id)
        except NotFound:
            return None

    async def executions(self, person_id: str) -> tuple[tuple[Execution, ...], Problems]:
        with self._asking(), as_port_errors():
            own, problems = _own(await self._everything(query.EXECUTIONS, person_id), person_id, "executions")
        found = [_of_row(row, "executions", partial(mapped.execution, row)) for row in own]
        faults = [p for _, faults in found for p in faults]
        return tuple(e for e, _ in found if e), (*problems, *faults)

    async def client(self, person_id: str) -> tuple[Client, Problems]:
        """A client that the key can't see, or that is deleted, is protected and has no ``client_id`` (LA9). So is one
        that can't be read, which a problem tells."""
        with self._asking(), as_port_errors():
            own, problems = _own(await self._everything(query.CLIENTS, person_id), person_id, "clients")
        row = next((row for row in own if not row.deleted), None)
        if row is None:
            return mapped.invisible_client(person_id, self._key), tuple(problems)
        return mapped.client(row, person_id, self._key)

    async def absences(self, person_id: str) -> tuple[tuple[Absence, ...], Problems]:
        with self._asking(), as_port_errors():
            own, problems = _own(await self._everything(query.ABSENCES, person_id), person_id, "client_absences")
        found = [_of_row(row, "client_absences", partial(mapped.absence, row)) for row in own]
        faults = [p for _, faults in found for p in faults]
        return tuple(a for a, _ in found if a), (*problems, *faults)

    async def plans(self, person_id: str) -> tuple[tuple[ServicePlan, ...], Problems]:
        """See ``CaseSource``. Not one of the calls that tell whether Lifecare answers: a key without a licence for
        plans (L12) does its work all the same."""
        with as_port_errors():
            rows = await self._lifecare.service_plans(person_id)
        plans = (mapped.plan(row, self._mapping) for row in rows.items)
        problems = (problem("plan_unread", "service_plans", row.id or "utan id") for row in rows.broken)
        return tuple(filter(None, plans)), tuple(problems)

    async def notes(
        self, execution_ids: frozenset[int], signals: frozenset[Signal], since: date
    ) -> tuple[tuple[Note, ...], Problems]:
        """Read by execution and heading: a journal has far more notes under other headings."""
        with self._asking(), as_port_errors():
            lists = await _all(
                self._lifecare.documentations(execution_id=execution_id, headline_id=heading, status="Current")
                for execution_id in sorted(execution_ids)
                for signal, heading in self._mapping.signals.items()
                if signal in signals
            )
        rows = [row for found in lists for row in found.items]
        broken = [p for found in lists for p in _broken(found, "documentations")]

        def note(row: wire.Documentation) -> tuple[Note | None, Problems]:
            return mapped.note(row, self._mapping, since, self._mapping.zone)

        read = [_of_row(row, "documentations", partial(note, row)) for row in rows]
        return tuple(n for n, _ in read if n), (*broken, *(p for _, faults in read for p in faults))

    async def orders_updated_on(self, day: date) -> Window:
        with self._asking(), as_port_errors():
            rows = await self._lifecare.orders_updated_on(day)
        window = self._window(rows, "orders")
        hints = (self._mapping.maybe_camera(row.service_category_id) for row in rows.items)
        whole = [replace(item, maybe_camera=hint) for item, hint in zip(window.items, hints, strict=False)]
        hints = (self._mapping.maybe_camera(_category(row)) for row in rows.broken if row.id)
        broken = [
            replace(item, maybe_camera=hint) for item, hint in zip(window.items[len(whole) :], hints, strict=True)
        ]
        return replace(window, items=(*whole, *broken))

    async def changed_since(self, feed: str, since: datetime) -> Window:
        """See ``CaseSource``. Raises ``KeyError`` for a feed that there isn't."""
        resource = FEEDS[feed]
        with self._asking(), as_port_errors():
            return self._window(await self._lifecare.list(resource, gt=since), resource.name)

    async def urgent_notes(self) -> Window:
        """Fingerprints tell a note apart from the same note error-marked or replaced. A note on no execution is
        nobody's."""
        with self._asking(), as_port_errors():
            lists = await _all(
                self._lifecare.documentations(headline_id=self._mapping.signals[signal], status="Current")
                for signal in URGENT
            )
        rows = [row for found in lists for row in found.items if row.execution_id is not None]
        items = [
            Changed(f"{row.id}:{row.execution_id}", None, self._print(row), link=str(row.execution_id)) for row in rows
        ]
        for row in (row for found in lists for row in found.broken if isinstance(row.raw, dict)):
            on = word(row.raw.get("ExecutionId"))
            items.append(Changed(f"{row.id}:{on}", None, self._raw_print(row), link=on))
        return _joined(lists, "documentations", items)

    async def services_ending_on(self, day: date) -> Window:
        """See ``CaseSource``. A service has no id: its content names it."""
        with self._asking(), as_port_errors():
            rows = await self._lifecare.list(
                query.ORDERED_SERVICES, q=query.q(query.ORDERED_SERVICES, EndDate=day), scope=None
            )
        items = [Changed(f"{self._print(row)}:{row.order_id}", None, "", link=row.order_id) for row in rows.items]
        return _joined([rows], "ordered_services", items)

    async def shows(self, *resources: str) -> bool:
        """See ``CaseSource``. One without a licence shows nothing."""
        with self._asking(), as_port_errors():
            for name in resources:
                with suppress(Unauthorised):
                    if await self._lifecare.shows_anything(SHOWN[name]):
                        return True
        return False

    async def answers(self, resource: str) -> None:
        """See ``CaseSource``. What answers nothing but "not found" is down, as far as anybody can tell (L10)."""
        asked = SHOWN[resource]
        with self._asking(), as_port_errors():
            shows = await self._lifecare.shows_anything(asked)
        if not shows:
            raise PortError(
                Failure.TRANSIENT, f"GET {asked.name} shows nothing at all, to nobody: taken as down", vendor="lifecare"
            )

    async def _everything(self, resource: Resource[R], person_id: str) -> Rows[R]:
        """All of the person's, deleted ones marked. Unscoped, as a deleted row may not say whose it is."""
        return await self._lifecare.list(resource, q=query.q(resource, PersonId=person_id), gt=LONG_AGO)

    def _window(self, rows: Rows[Any], resource: str) -> Window:
        """A row without a person can't be anybody's case; in a change feed it may just be a deleted one's stub."""
        items = [Changed(str(row.id), row.person_id, self._print(row), link=str(row.id)) for row in rows.items]
        items += [Changed(r.id, r.person_id, self._raw_print(r), link=r.id) for r in rows.broken if r.id]
        nobodys = [r for r in rows.items if r.person_id is None and not getattr(r, "deleted", False)]
        problems = (*_broken(rows, resource), *(problem("no_person", resource, r.id) for r in nobodys))
        return Window(tuple(items), problems, rows.server_time, sure=not rows.silent)

    def _print(self, row: BaseModel) -> str:
        return keyed_hash(row.model_dump_json(), self._key)

    def _raw_print(self, row: BrokenRow) -> str:
        return keyed_hash(json.dumps(row.raw, sort_keys=True), self._key)


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """All at once (the client limits how many). The first failure is raised when every call is over: none is left
    running behind its caller's back."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _joined(lists: Sequence[Rows[Any]], resource: str, items: Sequence[Changed]) -> Window:
    """Lists read together, as one window."""
    problems = tuple(p for found in lists for p in _broken(found, resource))
    times = [found.server_time for found in lists if found.server_time]
    silent = any(found.silent for found in lists)
    return Window(tuple(items), problems, min(times, default=None), sure=not silent)


def _of_row(row: Any, resource: str, read: Callable[[], tuple[T | None, Problems]]) -> tuple[T | None, Problems]:
    """What a row says in canonical words; whatever that raises stops at the row (P6)."""
    try:
        return read()
    except Exception:  # noqa: BLE001  # told as the row's problem, without what it says of its values
        return None, (problem("bad_row", resource, row.id),)


def _own(rows: Rows[R], person_id: str, resource: str) -> tuple[Sequence[R], list[FactProblem]]:
    """The person's own rows (L11). A deleted row that names nobody was found by the person's number, so it counts."""
    own: list[R] = []
    problems = list(_broken(rows, resource))
    for row in rows.items:
        whose, row_id = getattr(row, "person_id", None), getattr(row, "id", None)
        if whose == person_id or (whose is None and getattr(row, "deleted", False)):
            own.append(row)
        else:
            problems.append(problem("no_person" if whose is None else "foreign_person", resource, row_id))
    return own, problems


def _broken(rows: Rows[Any], resource: str) -> tuple[FactProblem, ...]:
    return tuple(_row_problem(row, resource) for row in rows.broken)


def _category(row: BrokenRow) -> int | None:
    """An order's category, where that at least can be read."""
    found = row.raw.get("ServiceCategoryId") if isinstance(row.raw, dict) else None
    return found if isinstance(found, int) else None


def _row_problem(row: BrokenRow, resource: str) -> FactProblem:
    row_id = row.id or "utan id"
    if row.reason.startswith("belongs to another person"):
        return problem("foreign_person", resource, row_id)
    code = "bad_date" if "date" in row.reason or "point in time" in row.reason else "bad_row"
    return problem(code, resource, row_id, row.field)
