"""Phoniro's own models. Requests are checked strictly, answers are read tolerantly.

Answers: unknown fields are ignored, and words from a list (status, outcome, weekday, type) stay plain strings, so that
a new one breaks nothing. Requests: what Phoniro would refuse is refused here. The error names the field and never the
value, which may be personal data (P8).
"""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from connectors.json_values import Number, Word
from connectors.rows import Wire

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Calendar weekdays, in the order of ``date.weekday()``."""

EndReason = Literal["decision_ended", "order_withdrawn", "consent_withdrawn", "deceased", "moved", "other"]
PauseReason = Literal["absence", "consent_withdrawn", "deceased", "equipment", "other"]

EXTERNAL_ID_LIMIT: Final = 64
_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_PERSONAL_NUMBER = re.compile(r"[0-9]{8}[0-9A-Z]{4}")
_LIKE_PERSONAL_NUMBER = re.compile(r"([0-9]{2})?[0-9]{6}[-+]?[0-9A-Za-z]{4}")


@lru_cache(maxsize=1440)
def _time_of(text: str) -> time:
    """Cached, because schedules repeat the same times."""
    if not _CLOCK_TIME.fullmatch(text):
        raise ValueError("not a time of the form HH:MM")
    return time(int(text[:2]), int(text[3:]))


def _clock_time(value: object) -> object:
    if isinstance(value, str):
        return _time_of(value)
    # pydantic would read a number as seconds: YAML reads 22:30 as 1350.
    if not isinstance(value, time):
        raise ValueError("not a time of the form HH:MM")
    if value.second or value.microsecond or value.tzinfo:
        raise ValueError("a time has hours and minutes only")
    return value


def _not_number(value: object) -> object:
    # pydantic would read a number as a Unix time.
    if isinstance(value, int | float):
        raise ValueError("a date or time must be text, not a number")
    return value


ClockTime = Annotated[
    time, BeforeValidator(_clock_time), PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str)
]
"""Wall-clock time in the schedule's zone, ``HH:MM``."""


def _safe_year(value: date) -> date:
    # Leaves room to add or subtract a day, a zone or a month.
    if not 2 <= value.year <= 9998:
        raise ValueError("the year must be between 2 and 9998")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


CalendarDate = Annotated[date, BeforeValidator(_not_number), AfterValidator(_safe_year)]
Instant = Annotated[AwareDatetime, BeforeValidator(_not_number), AfterValidator(_safe_year)]
"""Aware, in UTC."""


def external_id_fault(external_id: str) -> str | None:
    """Why this can't be a customer's external id, without showing it; None if it can."""
    if not 1 <= len(external_id) <= EXTERNAL_ID_LIMIT:
        return f"externalId must have 1 to {EXTERNAL_ID_LIMIT} characters"
    if _LIKE_PERSONAL_NUMBER.fullmatch(external_id):
        return "externalId looks like a personal identity number, but it is part of URLs"
    return None


class _Wire(Wire):
    model_config = ConfigDict(alias_generator=to_camel)

    def to_json(self) -> dict[str, Any]:
        """The JSON object to send, by the vendor's names."""
        return self.model_dump(mode="json", by_alias=True)


class Organisation(_Wire):
    """A unit that the client may write to."""

    id: Word
    name: Word


class Customer(_Wire):
    """A person. ``external_id`` is never a personal identity number. ``repr`` hides the personal fields."""

    external_id: str
    organisation_id: str
    protected_identity: bool
    personal_identity_number: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    street_address: str | None = Field(default=None, repr=False)
    postal_code: str | None = Field(default=None, repr=False)
    city: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)

    def unsendable(self) -> str | None:
        """Why this can't be sent, by field name; None if it can. Only a request is checked, not an answer."""
        if fault := external_id_fault(self.external_id):
            return fault
        if self.protected_identity and (named := self._personal_fields()):
            return f"identity is protected, but {', '.join(named)} is filled in"
        number = self.personal_identity_number
        if number is not None and not _PERSONAL_NUMBER.fullmatch(number):
            return "personalIdentityNumber must have 12 characters, without a hyphen"
        return None

    def _personal_fields(self) -> list[str]:
        plain = {"external_id", "organisation_id", "protected_identity"}
        return [to_camel(name) for name in type(self).model_fields if name not in plain and getattr(self, name)]


class Rule(_Wire):
    """Wall-clock times on calendar weekdays. 02:15 on ``tue`` belongs to the night that began on Monday."""

    weekdays: tuple[Word, ...]
    times: tuple[ClockTime, ...]


def _checked_rules(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if not rules:
        raise ValueError("there must be at least one rule")
    days = [day for rule in rules for day in rule.weekdays]
    if not set(days) <= set(WEEKDAYS):
        raise ValueError(f"weekdays are {', '.join(WEEKDAYS)}")
    if len(days) != len(set(days)):
        raise ValueError("a weekday may be in only one rule")
    for rule in rules:
        if not rule.weekdays or not 1 <= len(rule.times) <= 12 or len(rule.times) != len(set(rule.times)):
            raise ValueError("a rule has at least one weekday and 1 to 12 different times")
    return rules


SentRules = Annotated[tuple[Rule, ...], AfterValidator(_checked_rules)]


class NewSchedule(_Wire):
    """A schedule to create. ``valid_to`` is the last calendar date on which anybody may look; None: no end."""

    external_reference: str = Field(min_length=1, max_length=100)
    customer_external_id: str = Field(min_length=1, max_length=EXTERNAL_ID_LIMIT)
    organisation_id: str
    type: Literal["camera_night"] = "camera_night"
    time_zone: str
    valid_from: CalendarDate
    valid_to: CalendarDate | None = None
    rules: SentRules
    tolerance_minutes: int = Field(default=30, ge=0, le=120)
    retry_after_minutes: int = Field(default=15, ge=1, le=60)


class ScheduleChanges(_Wire):
    """A JSON merge patch (RFC 7396): a field that isn't given stays, and None clears it (``valid_to=None``: no end)."""

    valid_from: CalendarDate = Field(default=date.min)
    valid_to: CalendarDate | None = None
    rules: SentRules = ()
    tolerance_minutes: int = Field(default=30, ge=0, le=120)
    retry_after_minutes: int = Field(default=15, ge=1, le=60)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("there is nothing to change")
        return self

    def to_json(self) -> dict[str, Any]:
        """Only the given fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Schedule(_Wire):
    """The fields of a schedule that we read. ``status`` is ``planned``, ``active``, ``paused``, ``ended`` or a new
    word. Instants are aware UTC."""

    id: Word
    status: Word
    external_reference: Word
    customer_external_id: Word
    valid_from: CalendarDate
    valid_to: CalendarDate | None = None
    rules: tuple[Rule, ...]
    tolerance_minutes: Number | None = None
    retry_after_minutes: Number | None = None
    ended_at: Instant | None = None


class Supervision(_Wire):
    """A supervision that was due. ``outcome`` is ``ok``, ``not_visible_then_ok``, ``visit_dispatched``,
    ``camera_offline``, ``missed``, ``pending`` or a new word. ``operator_id`` names a person of the staff (P8)."""

    id: Word
    schedule_id: Word
    due_at: Instant
    outcome: Word
    started_at: Instant | None = None
    ended_at: Instant | None = None
    operator_id: Word | None = Field(default=None, repr=False)
