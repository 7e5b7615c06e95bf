"""The resources of the API: which are there, what can be searched (L6), which have a change feed (L7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Resource:
    """One list of the API.

    ``definition`` is the end of the name of its rows' definition in the vendor's description. ``key`` is the field that
    ``GET resource/{id}`` reads by; None where rows have no identity that is served. ``feed`` tells ``gt`` and ``lt``
    (L7). ``searchable`` maps each field that may stand in ``q`` to how its value is compared: ``text``, ``int``,
    ``number``, ``bool``, ``person``, ``date`` (calendar date, L6) or ``instant``. ``indexed`` are those that are looked
    up without reading the whole list, as ``key`` is.
    """

    name: str
    definition: str
    key: str | None
    searchable: Mapping[str, str]
    indexed: tuple[str, ...] = ()
    feed: bool = False
    by_id: bool = False


def _resource(
    name: str,
    definition: str,
    searchable: str,
    *,
    key: str | None = None,
    indexed: tuple[str, ...] = (),
    feed: bool = False,
    by_id: bool = False,
) -> Resource:
    fields = dict(item.split(":", 1) for item in searchable.split())
    return Resource(name, definition, key, MappingProxyType(fields), indexed, feed, by_id)


_ALL: Final = (
    _resource(
        "orders",
        "Order.V1.Order",
        "Id:text PersonId:person ServiceCategoryId:int InvestigationId:int ExecutionId:int OrderDate:date "
        "StartDate:date EndDate:date Orderer.Id:text Provider.Id:text Company.Id:int UpdateTime:date",
        key="Id",
        indexed=("PersonId", "ExecutionId", "UpdateTime"),
        by_id=True,
    ),
    _resource(
        "ordered_services",
        "OrderedService.V1.OrderedService",
        "OrderId:text DecisionId:int ServiceType.Code:int ServiceType.Text:text ServiceTypeId:int Icf.Code:text "
        "StartDate:date EndDate:date Hours.Value:number Quantity.Value:number Visits.Value:number Amount.Value:number",
        indexed=("OrderId", "DecisionId"),
    ),
    _resource(
        "sol_decisions",
        "Decision.V1.Decision",
        "Id:int InvestigationId:int PersonId:person Code.Code:int Code.Text:text Type.Code:int Type.Text:text "
        "Date:date FromDate:date ToDate:date Reason.Code:int Reason.Text:text Caseworker.Id:text "
        "ServiceCategory.Code:int ServiceCategory.Text:text HourType.Code:int HourType.Text:text "
        "AmountType.Code:int AmountType.Text:text QuantityType.Code:int QuantityType.Text:text VisitType.Code:int "
        "VisitType.Text:text DecisionLevel.Code:int DecisionLevel.Text:text DayType.Code:int DayType.Text:text "
        "ExecutionStartDate:date ExecutionEndDate:date",
        key="Id",
        indexed=("PersonId",),
        feed=True,
        by_id=True,
    ),
    _resource(
        "decision_services",
        "DecisionService.V1.DecisionService",
        "Id:int DecisionId:int ServiceType.Code:int ServiceType.Text:text",
        key="Id",
        indexed=("DecisionId",),
    ),
    _resource(
        "executed_decisions",
        "ExecutedDecision.V1.ExecutedDecision",
        "ExecutionId:int DecisionId:int DecisionDate:date DecisionStartDate:date DecisionEndDate:date "
        "ExecutedDecisionStartDate:date ExecutedDecisionEndDate:date",
        indexed=("ExecutionId", "DecisionId"),
    ),
    _resource(
        "executions",
        "Execution.V1.Execution",
        "Id:int PersonId:person UpdateTime:date StartDate:date EndDate:date ServiceCategory.Code:int "
        "ServiceCategory.Text:text ServiceCategoryId:int InvestigationId:int Law:text OrganizationUnit.Id:text "
        "OrganizationUnit.Name:text ProviderUnit.Id:int ProviderUnit.Name:text Professional.Id:text "
        "CoProfessional.Id:text",
        key="Id",
        indexed=("PersonId", "UpdateTime"),
        feed=True,
        by_id=True,
    ),
    _resource(
        "executing_providers",
        "ExecutingProvider.V1.ExecutingProvider",
        "ExecutionId:int OrganizationUnit.Id:text OrganizationUnit.Name:text Professional.Id:text "
        "CoProfessional.Id:text StartDate:instant EndDate:instant",
        indexed=("ExecutionId",),
    ),
    _resource(
        "client_absences",
        "ClientAbsence.V1.ClientAbsence",
        "Id:int PersonId:person StartDate:date EndDate:date Reason.Code:int Reason.Text:text",
        key="Id",
        indexed=("PersonId",),
        feed=True,
        by_id=True,
    ),
    _resource(
        "clients",
        "Client.V1.Client",
        "Id:int ProtectedRegistration:bool Active:bool UpdateTime:date PersonId:person FirstName:text LastName:text",
        key="PersonId",
        indexed=("Id", "UpdateTime"),
        feed=True,
        by_id=True,
    ),
    _resource(
        "documentations",
        "Common.V1.Documentation",
        "Id:text HeadlineId:text ParentId:text Status:text ContentType:text CreatedSignature:text CreatedTime:instant "
        "CreatedName:text ExecutionId:int OriginId:text NextHistoryId:text PreviousHistoryId:text",
        key="Id",
        indexed=("ExecutionId", "HeadlineId", "CreatedSignature"),
        by_id=True,
    ),
    _resource(
        "headlines",
        "Headline.V1.Headline",
        "Id:text TreeId:text ParentId:text Name:text Law:text ServiceCategory.Code:int ServiceCategory.Text:text "
        "ServiceCategoryId:int InvestigationType.Code:int InvestigationType.Text:text",
        key="Id",
    ),
    _resource(
        "provider_headlines",
        "ProviderHeadline.V1.ProviderNoteHeadline",
        "Id:int Name:text ServiceCategoryId:int ServiceCategoryName:text IsActive:bool Law:text",
        key="Id",
    ),
    _resource(
        "provider_units",
        "ProviderUnit.V1.ProviderUnit",
        "CompanyId:int IsShelteredHousing:bool Id:int Name:text",
        key="Id",
        feed=True,
    ),
    _resource(
        "service_configurations",
        "ServiceConfiguration.V1.ServiceConfiguration",
        "TypeId:int TypeName:text CategoryId:int CategoryName:text ParentId:text UpdateTime:instant DisplayOrder:int "
        "StartDate:date EndDate:date",
        key="TypeId",
    ),
)

RESOURCES: Final[Mapping[str, Resource]] = MappingProxyType({resource.name: resource for resource in _ALL})
