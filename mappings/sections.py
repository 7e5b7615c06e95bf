"""The sections of a municipality's mapping: each key, and its default if it may be left out."""

from datetime import date, time
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from adapter.domain.nights import NightWindow
from adapter.domain.pauses import PAUSES
from adapter.domain.policy import WriteBack
from connectors.phoniro.wire import EndReason


def _clock(value: object) -> object:
    # TOML 1.0 wants seconds in a local time; people write "21:00".
    if isinstance(value, str):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    if not isinstance(value, time):
        raise PydanticCustomError("clock", 'is not a time of day; write it as "21:00"')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("zone", "is not a time zone's name, as Europe/Stockholm is") from None
    return value


def _mailbox(value: object) -> object:
    name, at, domain = value.partition("@") if isinstance(value, str) else ("", "", "")
    if not (name and at and "." in domain) or any(sign.isspace() for sign in str(value)):
        raise PydanticCustomError("mailbox", "is not a mail address")
    return value


def _table(value: object) -> object:
    if isinstance(value, dict) and (bad := [key for key in value if not str(key).isascii() or not str(key).isdigit()]):
        raise PydanticCustomError("number_key", "has a key that is no number: {keys}", {"keys": ", ".join(bad)})
    return value


Clock = Annotated[time, BeforeValidator(_clock)]
Day = Annotated[date, Strict()]
Id = Annotated[StrictInt, Field(gt=0)]
Text = Annotated[StrictStr, Field(min_length=1)]
Zone = Annotated[StrictStr, AfterValidator(_zone)]
Mailbox = Annotated[StrictStr, BeforeValidator(_mailbox)]
Count = Annotated[StrictInt, Field(ge=0, le=10_000)]
"""A number of minutes, hours, days, months or looks. The limit keeps every date that it moves within the calendar."""
AtLeastOne = Annotated[Count, Field(gt=0)]
Tolerance = Annotated[StrictInt, Field(ge=0, le=120)]
RetryAfter = Annotated[StrictInt, Field(ge=1, le=60)]


class Part(BaseModel):
    """A section of the file. It is frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Municipality(Part):
    name: Text = Field(description="the municipality's name")
    zone: Zone = "Europe/Stockholm"


class Service(Part):
    """How a service is recognised: ``Order.ServiceCategoryId`` or ``OrderedService.ServiceType.Code`` (LA6)."""

    categories: tuple[Id, ...] = ()
    types: tuple[Id, ...] = ()


def _named(camera: Service) -> Service:
    if not camera.categories and not camera.types:
        raise PydanticCustomError("camera", "names no category and no type, so no order would be seen")
    return camera


class Services(Part):
    camera: Annotated[Service, AfterValidator(_named)] = Field(description="which services are supervision by camera")
    alarm: Service = Service()
    nightly_units: tuple[Id, ...] = Field((), description="time units that mean once a night or once a day")


class Heading(Part):
    """Where a message is written (``provider_headlines``) and read back (``headlines``; LA3)."""

    write_under: Id = Field(description="the provider headline that the message is written under")
    read_under: Text = Field(description="the headline that the message is read back under")


class Messages(Part):
    coordinator: Heading = Field(description="the headings of messages to the coordinator")
    alarm_team: Heading = Field(description="the headings of messages to the alarm team")
    authority: Heading = Field(description="the headings of messages to the authority")
    plan: Heading = Field(description="the headings of the plan")

    def of(self, to: str) -> Heading | None:
        """The headings for a recipient. None if there is no such recipient."""
        return getattr(self, to) if to in type(self).model_fields else None


class Author(Part):
    """Whom the adapter writes as. Its notes are found by ``signature`` (LA4)."""

    personnel_id: Id = Field(description="the personnel id that notes are written as")
    title: Text = Field(description="the title that notes are written with")
    signature: Text = Field(description="the signature that notes are found by")


class Units(Part):
    """Receiving units (LA9), by Lifecare's provider unit ids."""

    alarm_team: Id = Field(description="the unit that the alarm team's messages go to")
    authority: Id = Field(description="the unit that the authority's messages go to")
    coordinator: Id = Field(description="the coordinator's unit where nothing else tells it")
    by_provider: dict[str, Id] = Field(default={}, description="from Order.Provider.Id")
    by_company: Annotated[dict[int, Id], BeforeValidator(_table)] = Field(default={}, description="from Order.Company")
    names: Annotated[dict[int, Text], BeforeValidator(_table)] = Field(default={}, description="what mails call a unit")

    @field_validator("authority")
    @classmethod
    def _another_unit(cls, unit: int, before: ValidationInfo) -> int:
        if unit == before.data.get("alarm_team"):
            raise PydanticCustomError("same_unit", "is the same unit as units.alarm_team")
        return unit


class Organisations(Part):
    """Phoniro's organisation of a unit."""

    default: Text = Field(description="the organisation of every unit that isn't listed")
    by_unit: Annotated[dict[int, Text], BeforeValidator(_table)] = {}


class Mailboxes(Part):
    """Functional mailboxes. ``by_unit`` goes before ``coordinator``, ``night_by_unit`` before ``night``."""

    coordinator: Mailbox = Field(description="the coordinators' mailbox")
    alarm_team: Mailbox = Field(description="the alarm team's mailbox")
    authority: Mailbox = Field(description="the authority's mailbox")
    escalation: Mailbox = Field(description="the mailbox of those who see to steps that were left undone")
    it: Mailbox = Field(description="the mailbox of those who run the adapter")
    night: Mailbox | None = Field(None, description="who works at night, in every unit that isn't listed")
    followup: Mailbox | None = Field(None, description="who follows up decisions that are not executed, once a month")
    by_unit: Annotated[dict[int, Mailbox], BeforeValidator(_table)] = {}
    night_by_unit: Annotated[dict[int, Mailbox], BeforeValidator(_table)] = {}


class Plans(Part):
    """Genomförandeplaner (LA13). Without this section the adapter's own note shows I12."""

    camera_types: Annotated[tuple[Id, ...], Field(min_length=1)] = Field(
        description="the service types by which a plan holds supervision by camera (Services.ServiceType.Code)"
    )
    night_staff: bool = Field(False, description="whether night staff write the plan and are reminded of it")


class Night(Part):
    start: Clock = time(21)
    end: Clock = time(7)

    @property
    def window(self) -> NightWindow:
        return NightWindow(self.start, self.end)

    @model_validator(mode="after")
    def _is_a_night(self) -> Self:
        try:
            _ = self.window
        except ValueError as error:
            raise PydanticCustomError("night", "{why}", {"why": str(error)}) from None
        return self


class Quiet(Part):
    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start == self.end:
            raise PydanticCustomError("quiet", "begins when it ends; leave it out for none")
        return self


class Patience(Part):
    """After how many working days an awaited step is reminded of, reminded of again, and escalated."""

    remind: Count
    again: Count
    escalate: Count

    @model_validator(mode="after")
    def _does_not_fall(self) -> Self:
        if not self.remind <= self.again <= self.escalate:
            raise PydanticCustomError("patience", "remind, again and escalate must not fall")
        return self


DEFAULT_PATIENCE = {
    "I4": Patience(remind=3, again=6, escalate=10),
    "I5": Patience(remind=5, again=8, escalate=12),
    "I6": Patience(remind=5, again=8, escalate=12),
    "I7": Patience(remind=5, again=10, escalate=15),
    "I8": Patience(remind=8, again=12, escalate=16),
    "I9": Patience(remind=3, again=6, escalate=10),
    "I10": Patience(remind=3, again=6, escalate=10),
    "I12": Patience(remind=5, again=10, escalate=15),
    "A1": Patience(remind=3, again=6, escalate=10),
    "A4": Patience(remind=3, again=6, escalate=10),
    "A5": Patience(remind=5, again=10, escalate=15),
    "A6": Patience(remind=5, again=10, escalate=20),
    **{cause: Patience(remind=1, again=2, escalate=4) for cause, pause in PAUSES.items() if pause.mends},
}
"""By step, and by the cause of a pause that somebody must mend."""
DEFAULT_END_REASONS: dict[str, EndReason] = {
    "decision_ended": "decision_ended",
    "decision_deleted": "decision_ended",
    "order_ended": "decision_ended",
    "service_ended": "decision_ended",
    "order_withdrawn": "order_withdrawn",
    "consent_withdrawn": "consent_withdrawn",
    "deceased": "deceased",
}


class LookPatience(Part):
    """How long the looks of a unit's schedules may take."""

    tolerance_minutes: Tolerance
    retry_after_minutes: RetryAfter


class ReportedVisits(Part):
    """Looks written back to Lifecare (LA12). Visits wait until the codes that are left out here are filled in."""

    mode: WriteBack = WriteBack.OFF
    reporting_system: Text = "Trygghetskamera"
    service_type: Id | None = None
    service_category: Id | None = None
    protected: StrictBool = False
    operator_is_user_id: StrictBool = False
    personnel: dict[Text, Annotated[StrictStr, Field(min_length=1, max_length=10)]] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that are missing, without which no visit can be reported."""
        return tuple(key for key in ("service_type", "service_category") if getattr(self, key) is None)

    def user_id(self, operator_id: str) -> str | None:
        """Lifecare's user id of the person with Phoniro's ``operator_id`` (LA11). None if it isn't mapped."""
        return self.personnel.get(operator_id) or (operator_id if self.operator_is_user_id else None)


class Routine(Part):
    """What the municipality decides for itself. Every key has a default."""

    night: Night = Night()
    quiet: Quiet | None = None
    renewal_gap_days: Count = 14
    deviation_grace_hours: Count = 2
    by_hand_after_minutes: AtLeastOne = 10
    schedule_ahead_days: Count = 3
    settle_changes_minutes: Count = 15
    open_absence_days: AtLeastOne = 30
    consent_review_months: Count = 0
    last_day_is_home: bool = True
    tolerance_minutes: Tolerance = 30
    retry_after_minutes: RetryAfter = 15
    looks_by_unit: Annotated[dict[int, LookPatience], BeforeValidator(_table)] = {}
    watch_grace_minutes: Count = 5
    most_looks_at_once: Count = 0
    retention_days: Count = 90
    audit_days: AtLeastOne = 1826
    late: dict[str, Patience] = {}
    end_reasons: dict[str, EndReason] = {}
