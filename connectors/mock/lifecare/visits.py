"""Reported visits: what another system says that it did, checked against the vendor's description (LA12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.notes import Instant, NoteActs, there
from connectors.mock.lifecare.rendering import Invalid, read_body
from connectors.mock.lifecare.table import Row

_USERS: Final = {person.signature: person.person_id for person in catalogue.PERSONNEL.values()}
Quittance = Literal["None", "Nfc", "Bluetooth", "Lock"]


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_pascal)


class Code(_Sent):
    code: int
    text: str | None = None


class ServiceReport(_Sent):
    """One service of a visit."""

    service_type: Code
    service_category: Code
    execution_id: int
    status: Literal["Done", "NotDone", "Declined"]
    quantity: int = Field(ge=0)


class VisitReport(_Sent):
    """The body of ``POST /api/v1/reported_visits``. With ``id`` it changes that visit."""

    external_id: str = Field(min_length=1)
    client_person_id: Annotated[str, Field(pattern=r"^\d{8}[0-9A-Z]{4}$")]
    personnel_person_id: str
    personnel_user_id: str
    execution_id: int
    start_time: Instant
    status: Literal["Started", "Completed", "Cancelled", "Declined", "CompletedAndChangedTime"]
    is_double_manning: bool
    start_quittance_type: Quittance
    end_quittance_type: Quittance
    reporting_system: str = Field(min_length=1)
    id: int | None = None
    service_category: Code | None = None
    provider_unit_id: int | None = None
    end_time: Instant | None = None
    services: list[ServiceReport] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.status == "Completed" and (self.end_time is None or self.end_time < self.start_time):
            raise ValueError("a completed visit has an end after its start")
        return self


@dataclass(frozen=True, slots=True)
class VisitWritten:
    """A change of a reported visit that came in through the API: ``created``, ``updated`` or ``deleted``."""

    at: datetime
    what: Literal["created", "updated", "deleted"]
    external_id: str
    reporting_system: str
    visit_id: int


class VisitActs(NoteActs):
    """Everything about reported visits. One ``ExternalId`` of a reporting system is one visit: a second is refused."""

    _visits: list[VisitWritten]

    def reset(self) -> None:
        """Forget everything, the visits that came in too."""
        super().reset()
        self._visits = []

    def visits_written(self) -> list[VisitWritten]:
        """Each change of a visit through the API, oldest first."""
        return list(self._visits)

    def visits(self) -> list[Mapping[str, Any]]:
        """The reported visits that stand, in the order in which they came."""
        return [row.data for row in self.tables["reported_visits"].rows.values() if not row.deleted]

    def write_visit(self, body: bytes) -> int:
        """``POST /api/v1/reported_visits``: the id of the visit that was made or changed. Raises Invalid."""
        asked = read_body(VisitReport, body, "reportedVisit")
        self._check(asked)
        known = self._known(asked.external_id, asked.reporting_system)
        if asked.id is None and known is not None:
            raise Invalid("Invalid argument: ExternalId. The visit has been reported before.")
        if asked.id is not None and (known is None or known.key != asked.id):
            raise Invalid("Invalid argument: Id. There is no such visit of the reporting system.")
        fields = asked.model_dump(by_alias=True, exclude_none=True) | {"LastUpdatedTime": self.now()}
        if known is None:
            visit_id = self._next("visit")
            self._add("reported_visits", **{**fields, "Id": visit_id})
        else:
            visit_id = int(known.key)
            self._table("reported_visits").change(visit_id, fields, self.now())
        self._tell("created" if known is None else "updated", asked.external_id, asked.reporting_system, visit_id)
        return visit_id

    def delete_visit(self, external_id: str, reporting_system: str) -> bool:
        """``DELETE /api/v1/reported_visits``; False where there is none."""
        known = self._known(external_id, reporting_system)
        if known is None:
            return False
        self._table("reported_visits").delete(known.key, self.now())
        self._tell("deleted", external_id, reporting_system, int(known.key))
        return True

    def _tell(self, what: Literal["created", "updated", "deleted"], external_id: str, system: str, id: int) -> None:
        self._visits.append(VisitWritten(self.now().astimezone(UTC), what, external_id, system, id))

    def _known(self, external_id: str, reporting_system: str) -> Row | None:
        rows = self.tables["reported_visits"].where("ExternalId", external_id)
        return next((r for r in rows if not r.deleted and r.data["ReportingSystem"] == reporting_system), None)

    def _check(self, asked: VisitReport) -> None:
        """Person, staff, unit and service must be known to Lifecare. Raises Invalid."""
        client = there(self.tables["clients"].get(asked.client_person_id), "ClientPersonId").data
        for execution_id in {asked.execution_id, *(service.execution_id for service in asked.services)}:
            execution = self.tables["executions"].get(execution_id)
            theirs = execution is not None and execution.data["PersonId"] == client["PersonId"]
            there(execution if theirs else None, "ExecutionId")
        if asked.provider_unit_id is not None:
            there(self.tables["provider_units"].get(asked.provider_unit_id), "ProviderUnitId")
        known = _USERS.get(asked.personnel_user_id)
        there(known if known == asked.personnel_person_id else None, "PersonnelPersonId")
        for service in asked.services:
            row = self.tables["service_configurations"].get(service.service_type.code)
            same = row is not None and row.data["CategoryId"] == service.service_category.code
            there(row if same else None, "ServiceType")
