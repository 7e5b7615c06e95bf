"""Lifecare's resources, the fields by which each can be searched, and how a condition is written (L5, L6, L7, LA1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from connectors.lifecare import wire
from connectors.lifecare.values import person_number

Kind = Literal["text", "int", "date", "person"]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Resource(Generic[M]):
    """A list in Lifecare.

    ``searchable``: the fields that the vendor marks ``[Searchable]`` (L6) and that we use, with their kind. ``key``:
    the field with the row's id (None: the rows have no id). ``delta``: it accepts ``gt`` and ``lt`` (L7).
    """

    name: str
    model: type[M]
    searchable: Mapping[str, Kind]
    key: str | None = "Id"
    delta: bool = False


ORDERS = Resource("orders", wire.Order, {"PersonId": "person", "UpdateTime": "date"})
ORDERED_SERVICES = Resource("ordered_services", wire.OrderedService, {"OrderId": "text", "EndDate": "date"}, key=None)
DECISIONS = Resource("sol_decisions", wire.Decision, {"PersonId": "person"}, delta=True)
EXECUTIONS = Resource("executions", wire.Execution, {"PersonId": "person"}, delta=True)
CLIENTS = Resource("clients", wire.Client, {"PersonId": "person"}, delta=True)
ABSENCES = Resource("client_absences", wire.ClientAbsence, {"PersonId": "person"}, delta=True)
DOCUMENTATIONS = Resource(
    "documentations",
    wire.Documentation,
    {"ExecutionId": "int", "HeadlineId": "text", "Status": "text", "CreatedSignature": "text"},
)
PROVIDER_HEADLINES = Resource("provider_headlines", wire.ProviderHeadline, {})
HEADLINES = Resource("headlines", wire.Headline, {})
PROVIDER_UNITS = Resource("provider_units", wire.ProviderUnit, {}, delta=True)
SERVICE_PLANS = Resource("service_plans", wire.ServicePlan, {"PersonId": "person"})
"""Not in ``RESOURCES``, because it is read only if a municipality maps plans (LA13)."""
SERVICE_CONFIGURATIONS = Resource("service_configurations", wire.ServiceConfiguration, {}, key=None)

PERSONNELS = Resource("personnels", wire.Personnel, {"UserId": "text"}, key="PersonId", delta=True)
REPORTED_VISITS = Resource("reported_visits", wire.ReportedVisit, {"ExternalId": "text"}, delta=True)

WRITE_BACK: tuple[Resource[Any], ...] = (PERSONNELS, REPORTED_VISITS)
"""Needed only if looks are written back (LA12)."""
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


def q(resource: Resource[Any], **conditions: str | int | date) -> str:
    """``Field='Value' and Field2='...'`` (L5, LA1), in the given order.

    A calendar date is sent as ``yyyy-MM-dd``, a person number without its hyphen (L13). Raises ``ValueError`` for a
    field that isn't searchable (L6) and ``TypeError`` for a value of the wrong kind. Neither shows the value.
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
        case "int", int() if not isinstance(value, bool):
            return str(value)
        case "date", date() if not isinstance(value, datetime):
            return value.isoformat()
        case "person", str():
            return person_number(value)
        case "text", str():
            return value.replace("'", "''")
    raise TypeError(f"{resource.name}.{field} is searched by a value of kind {kind}, not by {type(value).__name__}")
