"""What clients may send to the simulated Phoniro, field by field as the contract has it, and how it writes instants.

A field that the contract does not know is refused (422): it can only be a slip of the client.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Status = Literal["planned", "active", "paused", "ended"]
EndReason = Literal["decision_ended", "order_withdrawn", "consent_withdrawn", "deceased", "moved", "other"]
PauseReason = Literal["absence", "consent_withdrawn", "deceased", "equipment", "other"]
Outcome = Literal["ok", "not_visible_then_ok", "visit_dispatched", "camera_offline", "missed", "pending"]


def parse_instant(value: Any) -> Any:
    """An RFC 3339 text as an aware datetime in UTC; anything else as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    if not RFC3339.match(value):
        raise ValueError("must be an RFC 3339 date-time with its offset")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def to_cursor(place: Any) -> str:
    """A place in a list, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def from_cursor(text: Any) -> Any:
    """The place that a cursor means. Raises ValueError."""
    return json.loads(base64.urlsafe_b64decode(text))


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("must not hold anything twice")
    return values


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone") from None
    return value


def _no_personal_number(value: str) -> str:
    if re.fullmatch(r"\d{6}(\d{2})?[-+]?[0-9A-Z]{4}", value):
        raise ValueError("must never be a personal identity number")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(parse_instant)]
Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Body(BaseModel):
    """JSON in camelCase, strict, nothing unknown."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", alias_generator=to_camel)

    def json_dict(self) -> dict[str, Any]:
        """As JSON values, absent fields included."""
        return self.model_dump(mode="json", by_alias=True)


class Customer(Body):
    """A person; a protected one carries nothing personal."""

    external_id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_no_personal_number)]
    organisation_id: str
    protected_identity: bool
    personal_identity_number: str | None = Field(default=None, pattern=r"^[0-9]{8}[0-9A-Z]{4}$")
    first_name: str | None = None
    last_name: str | None = None
    street_address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    phone: str | None = None

    @model_validator(mode="after")
    def _nothing_personal_when_protected(self) -> Customer:
        stays = {"external_id", "organisation_id", "protected_identity"}
        told = [to_camel(name) for name, value in self if name not in stays and value is not None]
        if self.protected_identity and told:
            raise ValueError(f"a protected identity must come without {', '.join(told)}")
        return self


class Rule(Body):
    """Wall-clock times on calendar weekdays."""

    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1), AfterValidator(_unique)]
    times: Annotated[tuple[Time, ...], Field(min_length=1, max_length=12), AfterValidator(_unique)]


def _one_rule_per_weekday(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    _unique(tuple(weekday for rule in rules for weekday in rule.weekdays))
    return rules


Rules = Annotated[tuple[Rule, ...], Field(min_length=1), AfterValidator(_one_rule_per_weekday)]


class NewSchedule(Body):
    """A schedule to be created. Dates are calendar dates in ``time_zone``, the last one included."""

    external_reference: str = Field(min_length=1, max_length=100)
    customer_external_id: str
    organisation_id: str
    type: Literal["camera_night"]
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    valid_from: date
    valid_to: date | None = None
    rules: Rules
    tolerance_minutes: int = Field(default=30, ge=0, le=120)
    retry_after_minutes: int = Field(default=15, ge=1, le=60)
    camera_id: str | None = None

    @model_validator(mode="after")
    def _dates_in_order(self) -> NewSchedule:
        check_dates(self.valid_from, self.valid_to)
        return self


def check_dates(valid_from: date, valid_to: date | None) -> None:
    """Raises ValueError where the last day comes before the first."""
    if valid_to is not None and valid_to < valid_from:
        raise ValueError("validTo must not come before validFrom")


class Patch(Body):
    """A JSON merge patch (RFC 7396) of a schedule: null takes a field away, which only last day and camera allow."""

    valid_from: date | None = None
    valid_to: date | None = None
    rules: Rules | None = None
    tolerance_minutes: int | None = Field(default=None, ge=0, le=120)
    retry_after_minutes: int | None = Field(default=None, ge=1, le=60)
    camera_id: str | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Patch:
        for name in ("valid_from", "rules", "tolerance_minutes", "retry_after_minutes"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{to_camel(name)} can't be taken away")
        return self

    def set_fields(self) -> dict[str, Any]:
        """What the patch sets, null included."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class End(Body):
    """From ``end_at`` on nobody can look; a time in the past means now."""

    end_at: Instant
    reason: EndReason


class Pause(Body):
    """Nobody can look, until ``until`` or for good."""

    until: Instant | None = None
    reason: PauseReason


class HandChange(Patch):
    """Admin only: what somebody changes by hand in the vendor's own web pages, past the API's checks."""

    ended_at: Instant | None = None
    paused: bool = False
    paused_until: Instant | None = None


class SetOutcome(Body):
    """Admin only: what came of one supervision. It is told from ``told_at`` on, by default at once. Set again
    with a later ``told_at`` it is a correction (PA4)."""

    schedule_id: str
    due_at: Instant
    outcome: Outcome
    operator_id: str | None = None
    told_at: Instant | None = None


class ScheduleQuery(BaseModel):
    """Query parameters of the list of schedules; ``cursor`` is the place after which the page begins."""

    limit: int = Field(default=100, ge=1, le=500)
    cursor: Annotated[int, BeforeValidator(from_cursor)] = -1
    external_reference: str | None = Field(default=None, alias="externalReference")


class SupervisionQuery(BaseModel):
    """Query parameters of the list of supervisions: those due from ``start`` to ``end``."""

    start: Instant = Field(alias="from")
    end: Instant = Field(alias="to")
    limit: int = Field(default=100, ge=1, le=500)
    cursor: Annotated[tuple[Instant, str] | None, BeforeValidator(from_cursor)] = None


def instant(value: datetime) -> str:
    """An instant as RFC 3339 in UTC."""
    return value.isoformat().replace("+00:00", "Z")
