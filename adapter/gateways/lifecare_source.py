"""Lifecare as the port ``CaseSource``. Each read is complete and holds only the person's own rows (L11)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
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
from adapter.gateways.port_errors import as_port_errors
from adapter.ports import Changed, Failure, PortError, Window
from connectors.errors import NotFound, Unauthorised
from connectors.lifecare import query, wire
from connectors.lifecare.client import LifecareClient
from connectors.lifecare.list_result import ANOTHER_PERSON, Rows, person_of
from connectors.lifecare.query import Resource
from connectors.rows import BrokenRow
from mappings import lifecare as mapped
from mappings.lifecare import keyed_hash, problem
from mappings.mapping import MunicipalMapping

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""A change filter from before everything. Only with a change filter does Lifecare answer deleted entities, marked as
deleted (L7)."""

RESOURCES: dict[str, Resource[Any]] = {
    "orders": query.ORDERS,
    "services": query.ORDERED_SERVICES,
    "decisions": query.DECISIONS,
    "executions": query.EXECUTIONS,
    "client": query.CLIENTS,
    "clients": query.CLIENTS,
    "absences": query.ABSENCES,
    "notes": query.DOCUMENTATIONS,
    "headings": query.HEADLINES,
    "plans": query.SERVICE_PLANS,
}
"""By the port's names for facts and feeds."""

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")
Problems = tuple[FactProblem, ...]
Shown = tuple[Changed | None, FactProblem | None]
"""A row of a feed: what changed, and what is wrong with the row."""


class LifecareSource:
    """``CaseSource`` for one tenant's Lifecare. ``key`` is the secret for all fingerprints. ``asking`` is entered
    around each call: it may refuse the call, and sees how it ends. ``headings``, by signal, is filled in when the
    catalogue has been read. Raises ``PortError``."""

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
        """None when they are known or can't be read."""

    async def read_headings(self) -> None:
        """See ``CaseSource``. Made without ``asking``: a key without a licence for the catalogue (L12) must not look
        like a Lifecare that is down."""
        if self._headings is None:
            return
        try:
            with as_port_errors():
                rows = await self._lifecare.list(query.HEADLINES)
        except PortError as error:
            self._headings = self._headings if error.failure is Failure.TRANSIENT else None
            return
        names = {row.id: row.name for row in rows.items if row.name}
        known = {signal.value: names[id] for signal, id in self._mapping.signals.items() if id in names}
        known |= {f"messages.{to}": names[h.read_under] for to, h in self._mapping.messages if h.read_under in names}
        self._headings.update(known)
        self._headings = None

    async def orders(self, person_id: str) -> tuple[tuple[Order, ...], Problems]:
        """Every order of the person, with its services. If the list of an order's services can't be read whole, the
        read fails; an order with a broken service is a problem."""
        with self._asking(), as_port_errors():
            rows = await self._lifecare.orders_of_person(person_id)
            services = await _all(self._lifecare.ordered_services(row.id) for row in rows.items)
        lines = {row.id: found for row, found in zip(rows.items, services, strict=True)}

        def order(row: wire.Order) -> tuple[Order | None, Problems]:
            found = lines[row.id]
            if found.broken:
                # Without one of its services the order would seem to grant something else.
                return None, (problem("bad_row", "ordered_services", row.id, found.broken[0].faults[0][0]),)
            return mapped.order(row, found.items, self._mapping)

        return _facts(rows.items, "orders", order, _broken(rows, "orders"))

    async def person_of(self, order_id: str) -> str | None:
        with self._asking(), as_port_errors():
            try:
                return (await self._lifecare.get(query.ORDERS, order_id)).person_id or ""
            except NotFound:
                return None

    async def decisions(self, person_id: str, ids: frozenset[int]) -> tuple[tuple[AuthorityDecision, ...], Problems]:
        """See ``CaseSource``. A decision that isn't in the person's list is read by its id. If it is another person's,
        that is a problem (L11). If it doesn't exist, it is left out."""
        with self._asking(), as_port_errors():
            own, problems = await self._own(query.DECISIONS, person_id)
            known = {dict(p.params)["id"] for p in problems}
            missing = sorted(i for i in ids - {row.id for row in own} if str(i) not in known)
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
            return await self._lifecare.get(query.DECISIONS, decision_id)
        except NotFound:
            return None

    async def executions(self, person_id: str) -> tuple[tuple[Execution, ...], Problems]:
        with self._asking(), as_port_errors():
            own, problems = await self._own(query.EXECUTIONS, person_id)
        return _facts(own, "executions", mapped.execution, problems)

    async def client(self, person_id: str) -> tuple[Client, Problems]:
        """A client that the key can't see, or that is deleted, counts as protected and has no ``client_id`` (LA9). The
        same holds for one that can't be read, and then there is a problem too."""
        with self._asking(), as_port_errors():
            own, problems = await self._own(query.CLIENTS, person_id)
        row = next((row for row in own if not row.deleted), None)
        if row is None:
            return mapped.invisible_client(person_id, self._key), tuple(problems)
        return mapped.client(row, person_id, self._key)

    async def absences(self, person_id: str) -> tuple[tuple[Absence, ...], Problems]:
        with self._asking(), as_port_errors():
            own, problems = await self._own(query.ABSENCES, person_id)
        return _facts(own, "client_absences", mapped.absence, problems)

    async def plans(self, person_id: str) -> tuple[tuple[ServicePlan, ...], Problems]:
        """See ``CaseSource``. Made without ``asking``, because a key may lack the licence for plans (L12)."""
        with as_port_errors():
            rows = await self._lifecare.service_plans(person_id)
        plans = (mapped.plan(row, self._mapping) for row in rows.items)
        problems = (problem("plan_unread", "service_plans", row.id or "utan id") for row in rows.broken)
        return tuple(filter(None, plans)), tuple(problems)

    async def notes(
        self, execution_ids: frozenset[int], signals: frozenset[Signal], since: date
    ) -> tuple[tuple[Note, ...], Problems]:
        """See ``CaseSource``. Read by execution and heading, because most notes are under other headings."""
        with self._asking(), as_port_errors():
            lists = await _all(
                self._lifecare.documentations(execution_id=execution_id, headline_id=heading, status="Current")
                for execution_id in sorted(execution_ids)
                for signal, heading in self._mapping.signals.items()
                if signal in signals
            )
        rows = [row for found in lists for row in found.items]
        broken = [p for found in lists for p in _broken(found, "documentations")]
        return _facts(rows, "documentations", lambda row: mapped.note(row, self._mapping, since), broken)

    async def orders_updated_on(self, day: date) -> Window:
        def shown(row: wire.Order | BrokenRow) -> Shown:
            changed, wrong = self._shown(row, "orders")
            hint = self._mapping.maybe_camera(_category(row))
            return changed and replace(changed, maybe_camera=hint), wrong

        with self._asking(), as_port_errors():
            return _window(await self._lifecare.each(query.ORDERS, shown, q=query.q(query.ORDERS, UpdateTime=day)))

    async def changed_since(self, feed: str, since: datetime) -> Window:
        """See ``CaseSource``. Raises ``KeyError`` for an unknown feed."""
        resource = RESOURCES[feed]
        with self._asking(), as_port_errors():
            return _window(await self._lifecare.each(resource, lambda row: self._shown(row, resource.name), gt=since))

    async def urgent_notes(self) -> Window:
        """See ``CaseSource``. The fingerprint changes when a note is error-marked or replaced. A note without an
        execution belongs to no case."""

        def shown(row: wire.Documentation | BrokenRow) -> Shown:
            if isinstance(row, BrokenRow):
                on = row.says("ExecutionId")
                changed = _listed(row.id, on, self._print(row)) if isinstance(row.raw, dict) else None
                return changed, _row_problem(row, "documentations")
            on = str(row.execution_id)
            return None if row.execution_id is None else _listed(row.id, on, self._print(row)), None

        def condition(signal: Signal) -> str:
            return query.q(query.DOCUMENTATIONS, HeadlineId=self._mapping.signals[signal], Status="Current")

        with self._asking(), as_port_errors():
            return _window(
                *await _all(self._lifecare.each(query.DOCUMENTATIONS, shown, q=condition(signal)) for signal in URGENT)
            )

    async def services_ending_on(self, day: date) -> Window:
        """See ``CaseSource``. A service has no id, so its fingerprint is its name."""

        def shown(row: wire.OrderedService | BrokenRow) -> Shown:
            if isinstance(row, BrokenRow):
                return None, _row_problem(row, "ordered_services")
            return _listed(self._print(row), row.order_id, ""), None

        condition = query.q(query.ORDERED_SERVICES, EndDate=day)
        with self._asking(), as_port_errors():
            return _window(await self._lifecare.each(query.ORDERED_SERVICES, shown, q=condition))

    async def shows(self, *resources: str) -> bool:
        """See ``CaseSource``. A resource without a licence shows nothing."""
        with self._asking(), as_port_errors():
            for name in resources:
                with suppress(Unauthorised):
                    if await self._lifecare.shows_anything(RESOURCES[name]):
                        return True
        return False

    async def answers(self, resource: str) -> None:
        """See ``CaseSource``. A resource that only answers "not found" can't be told from one that is down (L10)."""
        asked = RESOURCES[resource]
        with self._asking(), as_port_errors():
            shows = await self._lifecare.shows_anything(asked)
        if not shows:
            reason = f"GET {asked.name} shows no row at all, so it counts as down"
            raise PortError(Failure.TRANSIENT, reason, vendor="lifecare")

    async def _own(self, resource: Resource[R], person_id: str) -> tuple[list[R], list[FactProblem]]:
        """The person's own rows (L11), with deleted ones marked. A deleted row may lack its person. It counts, because
        it was found by the person's number."""
        rows = await self._lifecare.list(resource, q=query.q(resource, PersonId=person_id), gt=LONG_AGO)
        own: list[R] = []
        problems = [_row_problem(row, resource.name, asked=person_id) for row in rows.broken]
        for row in rows.items:
            whose = getattr(row, "person_id", None)
            if whose == person_id or (whose is None and getattr(row, "deleted", False)):
                own.append(row)
            else:
                code = "no_person" if whose is None else "foreign_person"
                problems.append(problem(code, resource.name, getattr(row, "id", None)))
        return own, problems

    def _shown(self, row: Any, resource: str) -> Shown:
        """A row without a person belongs to no case, which is a problem. A deleted row may lack its person."""
        if isinstance(row, BrokenRow):
            changed = Changed(row.id, person_of(row), self._print(row), link=row.id) if row.id else None
            return changed, _row_problem(row, resource)
        no_person = row.person_id is None and not getattr(row, "deleted", False)
        changed = Changed(str(row.id), row.person_id, self._print(row), link=str(row.id))
        return changed, problem("no_person", resource, row.id) if no_person else None

    def _print(self, row: BaseModel | BrokenRow) -> str:
        content = json.dumps(row.raw, sort_keys=True) if isinstance(row, BrokenRow) else row.model_dump_json()
        return keyed_hash(content, self._key)


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Make all calls at once (the client limits how many). The first failure is raised when all calls are over, so that
    no call is left running."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _listed(name: str | None, link: str | None, fingerprint: str) -> Changed:
    """A row of a list that isn't a change feed. Its id is ``name:link``."""
    return Changed(f"{str(name).replace(':', '.')}:{link}", None, fingerprint, link=link)


def _window(*lists: Rows[Shown]) -> Window:
    """Several lists that were read together, as one window."""
    shown = [each for found in lists for each in found.items]
    items = tuple(changed for changed, _ in shown if changed)
    problems = tuple(wrong for _, wrong in shown if wrong)
    times = [found.server_time for found in lists if found.server_time]
    return Window(items, problems, min(times, default=None), sure=not any(found.silent for found in lists))


def _facts(
    rows: Iterable[Any],
    resource: str,
    read: Callable[[Any], tuple[T | None, Problems]],
    problems: Iterable[FactProblem],
) -> tuple[tuple[T, ...], Problems]:
    """The rows as canonical facts, and their problems after the ``problems`` that are known already. An exception for
    one row concerns only that row (P6)."""
    facts: list[T] = []
    found = list(problems)
    for row in rows:
        try:
            fact, faults = read(row)
        except Exception:  # noqa: BLE001  # becomes the row's problem, without its text, which may hold values
            fact, faults = None, (problem("bad_row", resource, row.id),)
        if fact is not None:
            facts.append(fact)
        found += faults
    return tuple(facts), tuple(found)


def _broken(rows: Rows[Any], resource: str) -> list[FactProblem]:
    return [_row_problem(row, resource) for row in rows.broken]


def _category(row: wire.Order | BrokenRow) -> int | None:
    """An order's category, if it can be read."""
    if not isinstance(row, BrokenRow):
        return row.service_category_id
    found = row.raw.get("ServiceCategoryId") if isinstance(row.raw, dict) else None
    return found if isinstance(found, int) else None


def _row_problem(row: BrokenRow, resource: str, *, asked: str | None = None) -> FactProblem:
    """``asked``: the person whose rows were asked for."""
    row_id, whose = row.id or "utan id", person_of(row)
    field, fault = row.faults[0]
    if fault == ANOTHER_PERSON or (asked and whose and whose != asked):
        return problem("foreign_person", resource, row_id)
    return problem("bad_date" if fault in ("calendar_date", "instant") else "bad_row", resource, row_id, field)
