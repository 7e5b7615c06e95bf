"""New rows, in the vendor's field names: dates as ``date``, instants as aware UTC ``datetime``, nothing as None.

Parts that many rows have alike are one object: a change replaces a field's value and never alters it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.catalogue import ServiceType, Unit

Row = dict[str, Any]


@cache
def code_text(code: int, text: str) -> Row:
    """A code with its text."""
    return {"Code": code, "Text": text}


def category_fields(service: ServiceType) -> Row:
    """A service's category as executions and headlines carry it: once, and once more in obsolete fields."""
    return {
        "ServiceCategory": code_text(service.category_id, service.category_name),
        "ServiceCategoryId": service.category_id,
        "ServiceCategoryName": service.category_name,
    }


@cache
def caseworker(key: str, kind: str, unit: Unit) -> Row:
    """Somebody of the catalogue's personnel in one of the vendor's roles."""
    person = catalogue.PERSONNEL[key]
    return {
        "Id": person.signature,
        "FirstName": person.first_name,
        "LastName": person.last_name,
        "FullName": f"{person.first_name} {person.last_name}",
        "Types": [kind],
        "OrganizationUnit": _identity(f"E{unit.id}", unit.name),
    }


def client(client_id: int, person_id: str, name: tuple[str, str], address: Row, phone: str, now: datetime) -> Row:
    """A person without any protection."""
    return {
        "Id": client_id,
        "ProtectedRegistration": False,
        "IsConfidential": False,
        "Active": True,
        "Deregistration": None,
        "MaritalStatus": None,
        "UpdateTime": now,
        "KeyCode": None,
        "Addresses": [
            {
                "ZipCode": "00000",
                "City": "Provstad",
                "CareOf": None,
                "Country": None,
                "Protected": False,
                "Type": "Home",
            }
            | address
        ],
        "Phones": [{"PhoneNumber": phone, "Protected": False, "Type": "Mobile"}],
        "Emails": [],
        "PersonId": person_id,
        "FirstName": name[0],
        "LastName": name[1],
        "FullName": " ".join(name),
    }


def decision(
    ids: tuple[int, int, int], person_id: str, service: ServiceType, taken: date, days: Sequence[date | None]
) -> Row:
    """A decision taken on a date, with its first and last day. ``ids``: its own, its investigation's, its order's."""
    return {
        "Id": ids[0],
        "InvestigationId": ids[1],
        "PersonId": person_id,
        "Code": code_text(service.category_id, service.category_name),
        "Type": code_text(1, "Bifall"),
        "Date": taken,
        "FromDate": days[0],
        "ToDate": days[1],
        "Reason": None,
        "Caseworker": caseworker("assessor", "DecisionMaker", catalogue.AUTHORITY_UNIT),
        "ServiceCategory": code_text(service.category_id, service.category_name),
        "ExecutionStartDate": None,
        "ExecutionEndDate": None,
        "IterationNumber": 1,
        "OrderIds": [ids[2]],
    }


def order(
    order_id: str,
    person_id: str,
    service: ServiceType,
    unit: Unit,
    days: Sequence[date | None],
    status: str,
    now: datetime,
) -> Row:
    """An order with its own date and its first and last day, to a unit's company and caseworker (LA9)."""
    return {
        "Id": order_id,
        "PersonId": person_id,
        "ServiceCategoryId": service.category_id,
        "ServiceCategoryName": service.category_name,
        "InvestigationId": None,
        "ExecutionId": None,
        "OrderDate": days[0],
        "StartDate": days[1],
        "EndDate": days[2],
        "Status": status,
        "Orderer": caseworker("assessor", "Orderer", catalogue.AUTHORITY_UNIT),
        "Provider": _provider(unit),
        "Company": _identity(unit.company_id, unit.company_name),
        "UpdateTime": now,
        "UpdateSignature": catalogue.PERSONNEL["assessor"].signature,
    }


def ordered_service(
    order_id: str, decision_id: int, service: ServiceType, days: Sequence[date | None], details: list[Row]
) -> Row:
    """An ordered service with its first and last day."""
    return {
        "OrderId": order_id,
        "DecisionId": decision_id,
        "ServiceType": code_text(service.code, service.name),
        "ServiceTypeId": service.code,
        "ServiceTypeName": service.name,
        "Icf": None,
        "StartDate": days[0],
        "EndDate": days[1],
        "Hours": None,
        "Quantity": None,
        "Visits": None,
        "Amount": None,
        "Details": details,
    }


def granted(frequency: int, periodicity: int | None, time_unit: int | None, weekdays: Sequence[str]) -> Row:
    """How often a service was granted (LA6)."""
    return {
        "Id": None,
        "Frequency": frequency,
        "Periodicity": periodicity,
        "PeriodicityText": None if periodicity is None else f"Varje {periodicity}",
        "HoursEachTime": None,
        "Quantity": None,
        "QuantityType": None,
        "QuantityTypeText": None,
        "Weekdays": list(weekdays),
        "TimeUnit": time_unit,
        "TimeUnitText": None if time_unit is None else catalogue.TIME_UNITS.get(time_unit, "?"),
        "IcfCodeId": None,
    }


def execution(
    execution_id: int, of_order: Row, service: ServiceType, unit: Unit | None, start: date, now: datetime
) -> Row:
    """An execution of an order from ``start``, by a unit where one is named."""
    return {
        "Id": execution_id,
        "PersonId": of_order["PersonId"],
        "UpdateTime": now,
        "StartDate": start,
        "EndDate": None,
        **category_fields(service),
        "InvestigationId": None,
        "Law": "SoL",
        "OrganizationUnit": _identity(f"E{unit.id}", unit.name) if unit else None,
        "ProviderUnit": _identity(unit.id, unit.name) if unit else None,
        "Professional": _professional(),
        "CoProfessional": None,
        "EndReasonId": 0,
        "EndReasonText": None,
    }


def executing_provider(execution_id: int, unit: Unit | None, start: date) -> Row:
    """Who provides an execution, from ``start``."""
    return {
        "ExecutionId": execution_id,
        "OrganizationUnit": _identity(f"E{unit.id}", unit.name) if unit else None,
        "Professional": _professional(),
        "CoProfessional": None,
        "StartDate": start,
        "EndDate": None,
    }


def executed_decision(execution_id: int, of_decision: Row, start: date) -> Row:
    """Ties an execution to a decision."""
    return {
        "ExecutionId": execution_id,
        "DecisionId": of_decision["Id"],
        "DecisionDate": of_decision["Date"],
        "DecisionStartDate": of_decision["FromDate"],
        "DecisionEndDate": of_decision["ToDate"],
        "ExecutedDecisionStartDate": start,
        "ExecutedDecisionEndDate": None,
    }


def absence(absence_id: int, person_id: str, days: Sequence[date | None], reason: int, note: str) -> Row:
    """An absence from its first to its last day."""
    return {
        "Id": absence_id,
        "PersonId": person_id,
        "StartDate": days[0],
        "EndDate": days[1],
        "Reason": code_text(reason, catalogue.ABSENCE_REASONS[reason]),
        "Note": note,
    }


@cache
def _provider(unit: Unit) -> Row:
    return caseworker("coordinator", "Provider", unit) | {"Id": catalogue.ORDER_PROVIDERS.get(unit.id, "UTF")}


@cache
def _identity(number: int | str, name: str) -> Row:
    return {"Id": number, "Name": name}


@cache
def _professional() -> Row:
    person = catalogue.PERSONNEL["coordinator"]
    return {"Id": f"U{person.id}", "Name": f"{person.first_name} {person.last_name}"}
