"""What people do in Lifecare: register persons, decide, order, accept, execute, end, report absence and death."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from connectors.mock.lifecare import catalogue, rows
from connectors.mock.lifecare.world import World

ServiceKey = Literal["camera", "alarm", "shower", "cleaning"]
OrderStatus = Literal["Registered", "Sent", "Accepted", "WillNotBeExecuted"]
Protection = Literal["registration", "confidential", "address", "phone", "invisible", "none"]
_UNITS = {unit.id: unit for unit in catalogue.UNITS.values()}
_BY_CATEGORY = {service.category_id: service for service in catalogue.SERVICE_TYPES.values()}


@dataclass(frozen=True, slots=True)
class Ordered:
    """What :meth:`CareActs.order` made. ``service_id`` names the ordered service to :meth:`World.change`; the API does
    not show it, as ordered services have no id there."""

    order_id: str
    decision_id: int
    decision_service_id: int
    service_id: int


class CareActs(World):
    """The assessor's and the coordinator's acts. Dates are calendar dates, last day included; the server's own day
    where nothing is said. All raise KeyError for what is not there."""

    def seed_person(
        self,
        person_id: str,
        *,
        first_name: str = "Test",
        last_name: str = "Person",
        street: str = "Provgatan 1",
        phone: str = "070-0000000",
        entry_code: str | None = None,
    ) -> int:
        """Register a person; returns the client id. Raises ValueError where ``person_id`` hasn't 12 characters (L13)
        or is registered already."""
        if len(person_id) != 12 or person_id in self.tables["clients"].rows:
            raise ValueError("a person id has 12 characters, YYYYMMDDXXXX, and is registered once")
        client_id = self._next("client")
        address = {"StreetAddress": street, "EntryCode": entry_code}
        self._add("clients", rows.client(client_id, person_id, (first_name, last_name), address, phone, self.now()))
        return client_id

    def protect(self, person_id: str, how: Protection = "registration") -> None:
        """Protect a person: ``invisible`` hides the client from the key altogether (LA9), ``none`` undoes all."""
        client = self.row("clients", person_id)
        on, undo = how != "none", how == "none"
        fields: dict[str, Any] = {}
        if undo or how == "registration":
            fields["ProtectedRegistration"] = on
        if undo or how in ("confidential", "invisible"):
            fields["IsConfidential"] = on
        if undo or how == "address":
            fields["Addresses"] = [{**address, "Protected": on} for address in client["Addresses"]]
        if undo or how == "phone":
            fields["Phones"] = [{**phone, "Protected": on} for phone in client["Phones"]]
        if undo or how == "invisible":
            self.tables["clients"].hide(person_id, on, self.now())
        self._touch("clients", person_id, fields)

    def decease(self, person_id: str, day: date | None = None) -> None:
        """Deregister a person who has died; the client is no longer active."""
        self.deregister(person_id, "Decease", day)

    def deregister(
        self, person_id: str, reason: Literal["Decease", "Emigrated", "Other"], day: date | None = None
    ) -> None:
        """Deregister a person; the client is no longer active."""
        gone = {"Date": day or self.today(), "Reason": reason}
        self._touch("clients", person_id, {"Deregistration": gone, "Active": False})

    def order(
        self,
        person_id: str,
        service: ServiceKey = "camera",
        *,
        start: date | None = None,
        end: date | None = None,
        status: OrderStatus = "Sent",
        order_date: date | None = None,
        decision_id: int | None = None,
        decision_start: date | None = None,
        decision_end: date | None = None,
        service_end: date | None = None,
        frequency: int | None = 3,
        periodicity: int | None = 1,
        time_unit: int | None = catalogue.NIGHT,
        weekdays: Sequence[str] = (),
        unit_id: int = catalogue.COORDINATOR_UNIT.id,
    ) -> Ordered:
        """A decision, its service, an order and its ordered service, in one go.

        The decision starts with the order where nothing else is said. ``decision_id`` orders on an existing decision.
        ``frequency``, ``periodicity``, ``time_unit`` and ``weekdays`` say what was granted; without ``frequency``
        nothing that can be counted. ``unit_id``: whose company and caseworker the order goes to (LA9).
        """
        what, start, now = catalogue.SERVICE_TYPES[service], start or self.today(), self.now()
        number = self._next("order_number")
        if decision_id is None:
            ids = self._next("decision"), self._next("investigation"), number
            taken, days = min(start, self.today()), (decision_start or start, decision_end)
            self._add("sol_decisions", rows.decision(ids, person_id, what, taken, days))
            decision_id = ids[0]
        else:
            decided = self.row("sol_decisions", decision_id)["OrderIds"]
            self._touch("sol_decisions", decision_id, {"OrderIds": [*decided, number]})
        decision_service_id = self._next("decision_service")
        decision_service = {"ServiceType": rows.code_text(what.code, what.name), "Details": []}
        self._add("decision_services", {"Id": decision_service_id, "DecisionId": decision_id, **decision_service})
        order_id = f"SB-{self._next('order')}"
        order_days = (order_date or self.today(), start, end)
        self._add("orders", rows.order(order_id, person_id, what, _UNITS[unit_id], order_days, status, now))
        details = [] if frequency is None else [rows.granted(frequency, periodicity, time_unit, weekdays)]
        ordered = rows.ordered_service(order_id, decision_id, what, (start, service_end), details)
        return Ordered(order_id, decision_id, decision_service_id, self._add("ordered_services", ordered).seq)

    def accept(self, order_id: str) -> None:
        """The coordinator accepts the order; that alone executes nothing."""
        signature = catalogue.PERSONNEL["coordinator"].signature
        self._touch("orders", order_id, {"Status": "Accepted", "UpdateSignature": signature})

    def will_not_be_executed(self, order_id: str) -> None:
        """Either side withdraws the order (LA8)."""
        self._touch("orders", order_id, {"Status": "WillNotBeExecuted"})

    def start_execution(
        self, order_id: str, *, start: date | None = None, unit_id: int | None = catalogue.COORDINATOR_UNIT.id
    ) -> int:
        """The coordinator executes the order (I10) from ``start``; returns the execution's id. Without ``unit_id`` the
        execution names no provider unit. The order's status stays: :meth:`accept` is an act of its own."""
        order = dict(self.row("orders", order_id))
        start, unit = start or self.today(), None if unit_id is None else _UNITS[unit_id]
        execution_id = self._next("execution")
        service = _BY_CATEGORY[order["ServiceCategoryId"]]
        self._add("executions", rows.execution(execution_id, order, service, unit, start, self.now()))
        self._add("executing_providers", rows.executing_provider(execution_id, unit, start))
        ordered = self.tables["ordered_services"].where("OrderId", order_id)
        for decision_id in sorted({row.data["DecisionId"] for row in ordered}):
            decision = dict(self.row("sol_decisions", decision_id))
            self._add("executed_decisions", rows.executed_decision(execution_id, decision, start))
            self._touch("sol_decisions", decision_id, {"ExecutionStartDate": start})
        self._touch("orders", order_id, {"ExecutionId": execution_id})
        return execution_id

    def end_execution(self, execution_id: int, day: date | None = None, reason: int = 1) -> None:
        """The coordinator ends the execution (A6); ``day`` is its last."""
        ended = {"EndReasonId": reason, "EndReasonText": catalogue.END_REASONS[reason]}
        self._touch("executions", execution_id, {"EndDate": day or self.today(), **ended})

    def decision_end(self, decision_id: int, day: date | None) -> None:
        """The assessor sets the decision's last day (A1), or opens it again with None."""
        self._touch("sol_decisions", decision_id, {"ToDate": day})
        for row in self.tables["executed_decisions"].where("DecisionId", decision_id):
            self._touch("executed_decisions", row.key, {"DecisionEndDate": day})

    def absence(self, person_id: str, start: date, end: date | None = None, *, reason: int = 1, note: str = "") -> int:
        """Report an absence from its first to its last day; returns its id."""
        absence_id = self._next("absence")
        self._add("client_absences", rows.absence(absence_id, person_id, (start, end), reason, note))
        return absence_id
