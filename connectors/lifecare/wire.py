"""Lifecare's own models, with the vendor's names of fields, reduced to what this project needs.

Unknown fields are ignored. The vendor's enumerations are plain strings here, so that a new value breaks nothing. Every
field but the id can be missing: an entity in a change feed may have little more than ``Deleted: true`` (L7). A model's
``repr`` shows only its class and id (P8).
"""

from collections.abc import Iterator
from typing import Any

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel, to_pascal

from connectors.json_values import Number, Prose, Word
from connectors.lifecare.values import CalendarDate, Flag, Instant, Many, PersonId, SentInstant
from connectors.rows import Wire


class _Shape(Wire):
    model_config = ConfigDict(coerce_numbers_to_str=True, alias_generator=to_pascal)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "id", getattr(self, "id", None)


class CodeText(_Shape):
    code: Number | None = None
    text: Prose | None = None


class Caseworker(_Shape):
    id: Word | None = None


class Company(_Shape):
    id: Number | None = None


class Order(_Shape):
    """An order to a provider. ``status``: Registered, Sent, Accepted, WillNotBeExecuted (LA8)."""

    id: Word
    person_id: PersonId = None
    service_category_id: Number | None = None
    execution_id: Number | None = None
    order_date: CalendarDate = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    status: Word | None = None
    provider: Caseworker | None = None
    company: Company | None = None
    update_time: Instant = None


class OrderedServiceDetail(_Shape):
    """How often: ``frequency`` times per ``periodicity`` weeks and ``time_unit`` (LA6)."""

    frequency: Number | None = None
    periodicity: Number | None = None
    weekdays: Many[Word] = ()
    time_unit: Number | None = None


class OrderedService(_Shape):
    """One service of an order; it has no id of its own."""

    order_id: Word
    decision_id: Number | None = None
    service_type: CodeText | None = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    details: Many[OrderedServiceDetail] = ()


class Decision(_Shape):
    id: Number
    person_id: PersonId = None
    date: CalendarDate = None
    from_date: CalendarDate = None
    to_date: CalendarDate = None
    deleted: Flag = False


class ProviderUnitBase(_Shape):
    id: Number | None = None


class Execution(_Shape):
    id: Number
    person_id: PersonId = None
    update_time: Instant = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    provider_unit: ProviderUnitBase | None = None
    deleted: Flag = False


class ClientDeregistration(_Shape):
    """``reason``: Decease, Emigrated, Other."""

    date: CalendarDate = None
    reason: Word | None = None


class Address(_Shape):
    street_address: Prose | None = None
    zip_code: Prose | None = None
    city: Prose | None = None
    protected: Flag = False
    type: Word | None = None


class Phone(_Shape):
    phone_number: Prose | None = None
    protected: Flag = False
    type: Word | None = None


class Client(_Shape):
    """A person who gets care. ``active`` is None if the vendor doesn't say."""

    id: Number
    person_id: PersonId = None
    first_name: Prose | None = None
    last_name: Prose | None = None
    protected_registration: Flag = False
    is_confidential: Flag = False
    active: bool | None = None
    deregistration: ClientDeregistration | None = None
    addresses: Many[Address] = ()
    phones: Many[Phone] = ()
    update_time: Instant = None
    deleted: Flag = False


class ClientAbsence(_Shape):
    id: Number
    person_id: PersonId = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    reason: CodeText | None = None
    deleted: Flag = False


class ServicePlanService(_Shape):
    service_type: CodeText | None = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None


class ServicePlan(_Shape):
    """A genomförandeplan (LA13). Only its services and dates are read."""

    id: Number
    person_id: PersonId = None
    established_date: CalendarDate = None
    end_date: CalendarDate = None
    follow_up_date: CalendarDate = None
    services: Many[ServicePlanService] = ()


class Documentation(_Shape):
    """A note, as Lifecare answers it. ``status``: Current, History, Deleted."""

    id: Word
    headline_id: Word | None = None
    status: Word | None = None
    text: Prose | None = None
    plain_text: Prose | None = None
    created_signature: Word | None = None
    created_time: Instant = None
    signed_time: Instant = None
    occurrence_time: Instant = None
    execution_id: Number | None = None
    error_marked: Flag = False
    next_history_id: Word | None = None


class ProviderHeadline(_Shape):
    """A heading to write under (LA3)."""

    id: Number
    name: Prose | None = None
    is_active: bool | None = None


class Headline(_Shape):
    """A heading to read under (LA3)."""

    id: Word
    name: Prose | None = None


class ProviderUnit(_Shape):
    id: Number
    name: Prose | None = None
    active: bool | None = None
    deleted: Flag = False


class ServiceConfiguration(_Shape):
    """A service type in its category; it has no id of its own."""

    type_id: Number
    type_name: Prose | None = None
    category_id: Number | None = None
    category_name: Prose | None = None


class Personnel(_Shape):
    """An employee of the municipality (LA11). ``active`` is None if the vendor doesn't say."""

    person_id: PersonId = None
    user_id: Word | None = None
    active: bool | None = None
    deleted: Flag = False


class ReportedService(_Shape):
    """One service of a visit (LA12)."""

    service_type: CodeText
    service_category: CodeText
    execution_id: int
    status: str = "Done"
    quantity: int = 1


class ReportVisit(_Shape):
    """A visit to report (LA12). Instants are aware and are sent in UTC with whole seconds (L16). ``id`` is the id of
    the visit that it corrects."""

    id: int | None = None
    external_id: str
    reporting_system: str
    client_person_id: str
    personnel_person_id: str
    personnel_user_id: str
    execution_id: int
    provider_unit_id: int | None = None
    start_time: SentInstant
    end_time: SentInstant
    status: str = "Completed"
    is_double_manning: bool = False
    start_quittance_type: str = "None"
    end_quittance_type: str = "None"
    services: tuple[ReportedService, ...]


class ReportedVisit(_Shape):
    """A reported visit, as Lifecare answers it (LA12)."""

    id: Number
    external_id: Word | None = None
    reporting_system: Word | None = None
    client_person_id: PersonId = None
    execution_id: Number | None = None
    start_time: Instant = None
    end_time: Instant = None
    deleted: Flag = False


class _CamelShape(_Shape):
    """The second version of the vendor's API writes its fields in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class CreateProviderJournalNoteRequest(_CamelShape):
    """A note to write (LA3). Instants are aware and are sent in UTC with whole seconds (L16)."""

    occurrence_time_utc: SentInstant
    text: str
    client_id: int
    provider_unit_id: int
    headline_id: int
    created_personnel_id: int
    created_personnel_title: str
    execution_id: int | None = None


class JournalNoteV2(_CamelShape):
    """A new note, as the call that wrote it answers it."""

    id: Number
    client_id: Number | None = None
