"""Which resources there are, what can be asked of each, and how it is written (L5, L6, L7, LA1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from connectors.lifecare import wire
from connectors.lifecare.values import person_number

Kind = Literal["text", "int", "bool", "date", "person"]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Resource(Generic[M]):
    """A list of the vendor's.

    ``searchable``: the fields that the vendor marks ``[Searchable]`` (L6), as far as they are used, and their kind;
    ``key`` names a row (None: the row has no id, its content names it); ``delta``: it takes ``gt``/``lt`` (L7).
    """

    name: str
    model: type[M]
    searchable: Mapping[str, Kind]
    key: str | None = "Id"
    delta: bool = False


ORDERS = Resource(
    "orders",
    wire.Order,
    {
        "Id": "text",
        "PersonId": "person",
        "ServiceCategoryId": "int",
        "ExecutionId": "int",
        "OrderDate": "date",
        "StartDate": "date",
        "EndDate": "date",
        "UpdateTime": "date",
    },
)
ORDERED_SERVICES = Resource(
    "ordered_services",
    wire.OrderedService,
    {"OrderId": "text", "DecisionId": "int", "StartDate": "date", "EndDate": "date"},
    key=None,
)
DECISIONS = Resource(
    "sol_decisions",
    wire.Decision,
    {
        "Id": "int",
        "PersonId": "person",
        "Date": "date",
        "FromDate": "date",
        "ToDate": "date",
        "ExecutionStartDate": "date",
        "ExecutionEndDate": "date",
    },
    delta=True,
)
EXECUTIONS = Resource(
    "executions",
    wire.Execution,
    {"Id": "int", "PersonId": "person", "UpdateTime": "date", "StartDate": "date", "EndDate": "date", "Law": "text"},
    delta=True,
)
CLIENTS = Resource(
    "clients",
    wire.Client,
    {"Id": "int", "PersonId": "person", "ProtectedRegistration": "bool", "Active": "bool", "UpdateTime": "date"},
    delta=True,
)
ABSENCES = Resource(
    "client_absences",
    wire.ClientAbsence,
    {"Id": "int", "PersonId": "person", "StartDate": "date", "EndDate": "date"},
    delta=True,
)
DOCUMENTATIONS = Resource(
    "documentations",
    wire.Documentation,
    {
        "Id": "text",
        "HeadlineId": "text",
        "ParentId": "text",
        "Status": "text",
        "ContentType": "text",
        "CreatedSignature": "text",
        "CreatedName": "text",
        "ExecutionId": "int",
        "OriginId": "text",
        "NextHistoryId": "text",
        "PreviousHistoryId": "text",
    },
)
PROVIDER_HEADLINES = Resource(
    "provider_headlines",
    wire.ProviderHeadline,
    {"Id": "int", "Name": "text", "ServiceCategoryId": "int", "IsActive": "bool", "Law": "text"},
)
HEADLINES = Resource("headlines", wire.Headline, {"Id": "text", "TreeId": "text", "Name": "text", "Law": "text"})
PROVIDER_UNITS = Resource(
    "provider_units", wire.ProviderUnit, {"Id": "int", "Name": "text", "CompanyId": "int"}, delta=True
)
SERVICE_CONFIGURATIONS = Resource(
    "service_configurations",
    wire.ServiceConfiguration,
    {"TypeId": "int", "TypeName": "text", "CategoryId": "int", "StartDate": "date", "EndDate": "date"},
    key=None,
)

RESOURCES: tuple[Resource[Any], ...] = (
    ORDERS,
    ORDERED_SERVICES,
    DECISIONS,
    EXECUTIONS,
    CLIENTS,
    ABSENCES,
    DOCUMENTATIONS,
    PROVIDER_HEADLINES,
    HEADLINES,
    PROVIDER_UNITS,
    SERVICE_CONFIGURATIONS,
)


def q(resource: Resource[Any], **conditions: str | int | bool | date) -> str:
    """``Field='Value' and Field2='...'`` (L5, LA1), in the order given.

    Dates are calendar dates, sent as ``yyyy-MM-dd``; a person number loses its hyphen (L13). ``ValueError`` for a field
    that the resource can't be searched by (L6), ``TypeError`` for a value of another kind than the field's; neither
    shows the value.
    """
    if not conditions:
        raise ValueError(f"{resource.name}: a query needs a condition")
    return " and ".join(f"{field}='{_sent(resource, field, value)}'" for field, value in conditions.items())


def _sent(resource: Resource[Any], field: str, value: object) -> str:
    kind = resource.searchable.get(field)
    match kind, value:
        case None, _:
            names = ", ".join(resource.searchable)
            raise ValueError(f"{resource.name} can't be searched by {field}, only by {names}")
        case "bool", bool():
            return "true" if value else "false"
        case "int", int() if not isinstance(value, bool):
            return str(value)
        case "date", date() if not isinstance(value, datetime):
            return value.isoformat()
        case "person", str():
            return person_number(value)
        case "text", str():
            return value.replace("'", "''")
    raise TypeError(f"{resource.name}.{field} is searched by a value of kind {kind}, not by {type(value).__name__}")
