"""What people do in Lifecare: register persons, decide, order, accept, execute, end, report absence and death."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.catalogue import Unit, category_fields, code_text
from connectors.mock.lifecare.state import LifecareState

ServiceKey = Literal["camera", "alarm", "shower", "cleaning"]
OrderStatus = Literal["Registered", "Sent", "Accepted", "WillNotBeExecuted"]
Protection = Literal["registration", "confidential", "address", "phone", "invisible", "none"]
_BY_CATEGORY = {service.category_id: service for service in catalogue.SERVICE_TYPES.values()}


@dataclass(frozen=True, slots=True)
class Ordered:
    """What :meth:`CareActs.order` made. ``service_id`` names the ordered service to :meth:`LifecareState.change`; the
    API does not show it, as ordered services have no id there."""

    order_id: str
    decision_id: int
    service_id: int


class CareActs(LifecareState):
    """The assessor's and the coordinator's acts. Dates are calendar dates, last day included; the default is
    the server's today. All raise KeyError for what does not exist."""

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
        place = {"StreetAddress": street, "EntryCode": entry_code, "ZipCode": "00000", "City": "Provstad"}
        self._add(
            "clients",
            Id=client_id,
            PersonId=person_id,
            FirstName=first_name,
            LastName=last_name,
            FullName=f"{first_name} {last_name}",
            Addresses=[{**place, "CareOf": None, "Country": None, "Protected": False, "Type": "Home"}],
            Phones=[{"PhoneNumber": phone, "Protected": False, "Type": "Mobile"}],
            UpdateTime=self.now(),
        )
        return client_id

    def protect(self, person_id: str, how: Protection = "registration") -> None:
        """Protect a person: ``invisible`` hides the client from the key altogether (LA9), ``none`` undoes all."""
        client, undo = self.row("clients", person_id), how == "none"
        shown = not undo
        fields: dict[str, dict[str, Any]] = {
            "registration": {"ProtectedRegistration": shown},
            "confidential": {"IsConfidential": shown},
            "address": {"Addresses": [{**address, "Protected": shown} for address in client["Addresses"]]},
            "phone": {"Phones": [{**phone, "Protected": shown} for phone in client["Phones"]]},
            "invisible": {"IsConfidential": shown},
        }
        if undo or how == "invisible":
            self.tables["clients"].hide(person_id, shown, self.now())
        for each in fields if undo else (how,):
            self._touch("clients", person_id, **fields[each])

    def decease(self, person_id: str, day: date | None = None) -> None:
        """Deregister a person who has died; the client is no longer active."""
        self.deregister(person_id, "Decease", day)

    def deregister(
        self, person_id: str, reason: Literal["Decease", "Emigrated", "Other"], day: date | None = None
    ) -> None:
        """Deregister a person; the client is no longer active."""
        gone = {"Date": day or self.today(), "Reason": reason}
        self._touch("clients", person_id, Deregistration=gone, Active=False)

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

        By default the decision starts with the order. ``decision_id`` orders on an existing decision.
        ``frequency``, ``periodicity``, ``time_unit`` and ``weekdays`` say what was granted (LA6); without
        ``frequency`` nothing that can be counted was granted. ``unit_id``: whose company and caseworker the
        order goes to (LA9).
        """
        what, start, number = catalogue.SERVICE_TYPES[service], start or self.today(), self._next("order_number")
        if decision_id is None:
            decision_id = self._decide(person_id, service, number, (decision_start or start, decision_end), start)
        else:
            decided = self.row("sol_decisions", decision_id)["OrderIds"]
            self._touch("sol_decisions", decision_id, OrderIds=[*decided, number])
        service_type = code_text(what.code, what.name)
        order_id, unit = f"SB-{self._next('order')}", catalogue.UNITS[unit_id]
        self._add(
            "orders",
            Id=order_id,
            PersonId=person_id,
            ServiceCategoryId=what.category_id,
            ServiceCategoryName=what.category_name,
            OrderDate=order_date or self.today(),
            StartDate=start,
            EndDate=end,
            Status=status,
            Orderer=_caseworker("assessor", "Orderer", catalogue.AUTHORITY_UNIT),
            Provider=_caseworker("coordinator", "Provider", unit, catalogue.ORDER_PROVIDERS.get(unit_id, "UTF")),
            Company=_named(unit.company_id, unit.company_name),
            UpdateTime=self.now(),
            UpdateSignature=catalogue.PERSONNEL["assessor"].signature,
        )
        granted = {
            "Frequency": frequency,
            "Periodicity": periodicity,
            "PeriodicityText": None if periodicity is None else f"Varje {periodicity}",
            "Weekdays": list(weekdays),
            "TimeUnit": time_unit,
            "TimeUnitText": None if time_unit is None else catalogue.TIME_UNITS.get(time_unit, "?"),
        }
        ordered = self._add(
            "ordered_services",
            OrderId=order_id,
            DecisionId=decision_id,
            ServiceType=service_type,
            ServiceTypeId=what.code,
            ServiceTypeName=what.name,
            StartDate=start,
            EndDate=service_end,
            Details=[] if frequency is None else [granted],
        )
        return Ordered(order_id, decision_id, ordered.seq)

    def _decide(
        self, person_id: str, service: ServiceKey, number: int, days: tuple[date, date | None], start: date
    ) -> int:
        what = catalogue.SERVICE_TYPES[service]
        decision_id = self._next("decision")
        category = code_text(what.category_id, what.category_name)
        self._add(
            "sol_decisions",
            Id=decision_id,
            InvestigationId=self._next("investigation"),
            PersonId=person_id,
            Code=category,
            ServiceCategory=category,
            Date=min(start, self.today()),
            FromDate=days[0],
            ToDate=days[1],
            Caseworker=_caseworker("assessor", "DecisionMaker", catalogue.AUTHORITY_UNIT),
            OrderIds=[number],
        )
        return decision_id

    def accept(self, order_id: str) -> None:
        """The coordinator accepts the order; that alone executes nothing."""
        self._touch("orders", order_id, Status="Accepted", UpdateSignature=catalogue.PERSONNEL["coordinator"].signature)

    def will_not_be_executed(self, order_id: str) -> None:
        """Either side withdraws the order (LA8)."""
        self._touch("orders", order_id, Status="WillNotBeExecuted")

    def start_execution(
        self, order_id: str, *, start: date | None = None, unit_id: int | None = catalogue.COORDINATOR_UNIT.id
    ) -> int:
        """The coordinator executes the order (I10) from ``start``; returns the execution's id. Without ``unit_id`` the
        execution names no provider unit. The order's status stays: :meth:`accept` is an act of its own."""
        order = self.row("orders", order_id)
        start, unit = start or self.today(), None if unit_id is None else catalogue.UNITS[unit_id]
        execution_id = self._next("execution")
        person = catalogue.PERSONNEL["coordinator"]
        self._add(
            "executions",
            Id=execution_id,
            PersonId=order["PersonId"],
            StartDate=start,
            ProviderUnit=_named(unit.id, unit.name) if unit else None,
            UpdateTime=self.now(),
            OrganizationUnit=_named(f"E{unit.id}", unit.name) if unit else None,
            Professional=_named(f"U{person.id}", f"{person.first_name} {person.last_name}"),
            **category_fields(_BY_CATEGORY[order["ServiceCategoryId"]]),
        )
        ordered = self.tables["ordered_services"].where("OrderId", order_id)
        for decision_id in sorted({row.data["DecisionId"] for row in ordered}):
            self._touch("sol_decisions", decision_id, ExecutionStartDate=start)
        self._touch("orders", order_id, ExecutionId=execution_id)
        return execution_id

    def end_execution(self, execution_id: int, day: date | None = None, reason: int = 1) -> None:
        """The coordinator ends the execution (A6); ``day`` is its last."""
        text = catalogue.END_REASONS[reason]
        self._touch("executions", execution_id, EndDate=day or self.today(), EndReasonId=reason, EndReasonText=text)

    def decision_end(self, decision_id: int, day: date | None) -> None:
        """The assessor sets the decision's last day (A1), or opens it again with None."""
        self._touch("sol_decisions", decision_id, ToDate=day)

    def absence(self, person_id: str, start: date, end: date | None = None, *, reason: int = 1, note: str = "") -> int:
        """Report an absence from its first to its last day; returns its id."""
        absence_id, why = self._next("absence"), code_text(reason, catalogue.ABSENCE_REASONS[reason])
        self._add(
            "client_absences",
            Id=absence_id,
            PersonId=person_id,
            StartDate=start,
            EndDate=end,
            Reason=why,
            Note=note,
        )
        return absence_id

    def service_plan(
        self,
        person_id: str,
        service: ServiceKey = "camera",
        *,
        established: date | None = None,
        start: date | None = None,
        end: date | None = None,
        follow_up: date | None = None,
        unit_id: int = catalogue.COORDINATOR_UNIT.id,
    ) -> int:
        """A genomförandeplan with one service. By default it is established today and followed up half a year later.
        ``start`` is the service's own, ``end`` the plan's last day. Returns its id."""
        plan_id, what, established = self._next("plan"), catalogue.SERVICE_TYPES[service], established or self.today()
        planned = {"ServiceType": code_text(what.code, what.name), "StartDate": start, "EndDate": None}
        author = catalogue.PERSONNEL["coordinator"]
        by = {"FirstName": author.first_name, "LastName": author.last_name, "Signature": author.signature}
        self._add(
            "service_plans",
            Id=plan_id,
            ProviderUnitId=unit_id,
            PersonId=person_id,
            EstablishedDate=established,
            EndDate=end,
            FollowUpDate=follow_up or established + timedelta(days=182),
            Services=[planned],
            CreatedBy=by,
        )
        return plan_id


def _caseworker(key: str, kind: str, unit: Unit, number: str | None = None) -> dict[str, Any]:
    """Somebody of the catalogue's personnel in one of the vendor's roles."""
    person = catalogue.PERSONNEL[key]
    return {
        "Id": number or person.signature,
        "FirstName": person.first_name,
        "LastName": person.last_name,
        "FullName": f"{person.first_name} {person.last_name}",
        "Types": [kind],
        "OrganizationUnit": _named(f"E{unit.id}", unit.name),
    }


def _named(number: int | str, name: str) -> dict[str, Any]:
    return {"Id": number, "Name": name}
