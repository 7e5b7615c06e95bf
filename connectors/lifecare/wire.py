"""Lifecare's own shapes, field by field as the vendor spells them, cut to what this project needs.

Unknown fields are ignored; what the vendor calls an enumeration stays a plain string, so that a new value breaks
nothing. All but the id can be missing: an entity in a change feed may be little more than ``Deleted: true`` (L7).
A model's ``repr`` shows its class and id only (P8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel, to_pascal

from connectors.lifecare.values import CalendarDate, Flag, Instant, Many, PersonId, SentInstant


class _Shape(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        alias_generator=to_pascal,
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "id", getattr(self, "id", None)


class CodeText(_Shape):
    code: int | None = None
    text: str | None = None


class Caseworker(_Shape):
    id: str | None = None
    full_name: str | None = None


class Company(_Shape):
    id: int | None = None
    name: str | None = None


class Order(_Shape):
    """An order to a provider. ``status``: Registered, Sent, Accepted, WillNotBeExecuted (LA8)."""

    id: str
    person_id: PersonId = None
    service_category_id: int | None = None
    execution_id: int | None = None
    order_date: CalendarDate = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    status: str | None = None
    provider: Caseworker | None = None
    company: Company | None = None
    update_time: Instant = None


class OrderedServiceDetail(_Shape):
    """How often: ``frequency`` times per ``periodicity`` weeks and ``time_unit`` (LA6)."""

    id: str | None = None
    frequency: int | None = None
    periodicity: int | None = None
    weekdays: Many[str] = ()
    time_unit: int | None = None


class OrderedService(_Shape):
    """One service of an order; it has no id of its own."""

    order_id: str
    decision_id: int | None = None
    service_type: CodeText | None = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    details: Many[OrderedServiceDetail] = ()


class Decision(_Shape):
    id: int
    person_id: PersonId = None
    date: CalendarDate = None
    from_date: CalendarDate = None
    to_date: CalendarDate = None
    order_ids: Many[int] = ()
    deleted: Flag = False


class ProviderUnitBase(_Shape):
    id: int | None = None
    name: str | None = None


class Execution(_Shape):
    id: int
    person_id: PersonId = None
    update_time: Instant = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    provider_unit: ProviderUnitBase | None = None
    deleted: Flag = False


class ClientDeregistration(_Shape):
    """``reason``: Decease, Emigrated, Other."""

    date: CalendarDate = None
    reason: str | None = None


class Address(_Shape):
    street_address: str | None = None
    zip_code: str | None = None
    city: str | None = None
    protected: Flag = False
    type: str | None = None


class Phone(_Shape):
    phone_number: str | None = None
    protected: Flag = False
    type: str | None = None


class Client(_Shape):
    """A care taker. ``active`` is None where the vendor says nothing."""

    id: int
    person_id: PersonId = None
    first_name: str | None = None
    last_name: str | None = None
    protected_registration: Flag = False
    is_confidential: Flag = False
    active: bool | None = None
    deregistration: ClientDeregistration | None = None
    addresses: Many[Address] = ()
    phones: Many[Phone] = ()
    update_time: Instant = None
    deleted: Flag = False


class ClientAbsence(_Shape):
    id: int
    person_id: PersonId = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None
    reason: CodeText | None = None
    deleted: Flag = False


class Documentation(_Shape):
    """A note as it is read. ``status``: Current, History, Deleted."""

    id: str
    headline_id: str | None = None
    status: str | None = None
    text: str | None = None
    plain_text: str | None = None
    created_signature: str | None = None
    created_time: Instant = None
    signed_time: Instant = None
    occurrence_time: Instant = None
    execution_id: int | None = None
    error_marked: Flag = False
    next_history_id: str | None = None


class ProviderHeadline(_Shape):
    """A heading to write under (LA3)."""

    id: int
    name: str | None = None
    service_category_id: int | None = None
    is_active: bool | None = None


class Headline(_Shape):
    """A heading to read under (LA3)."""

    id: str
    name: str | None = None


class ProviderUnit(_Shape):
    id: int
    name: str | None = None
    company_id: int | None = None
    active: bool | None = None
    deleted: Flag = False


class ServiceConfiguration(_Shape):
    """A service type in its category; it has no id of its own."""

    type_id: int
    type_name: str | None = None
    category_id: int | None = None
    category_name: str | None = None
    start_date: CalendarDate = None
    end_date: CalendarDate = None


class _CamelShape(_Shape):
    """The second version of the vendor's API writes its fields in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class CreateProviderJournalNoteRequest(_CamelShape):
    """A note to be written (LA3). Instants are aware; they are sent as UTC with seconds (L16)."""

    occurrence_time_utc: SentInstant
    text: str
    client_id: int
    provider_unit_id: int
    headline_id: int
    created_personnel_id: int
    created_personnel_title: str
    execution_id: int | None = None


class JournalNoteV2(_CamelShape):
    """A note as the call that wrote it answers."""

    id: int
    unit_id: int | None = None
    occurrence_time_utc: Instant = None
    client_id: int | None = None
