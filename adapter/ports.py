"""The ports: what the engine needs of the world, in the canonical model's words. ``gateways`` are their real sides.

Every method may raise ``PortError``; nothing else passes a port (a gateway turns a connector's error into it). No
method retries a write.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from adapter.domain.facts import (
    Absence,
    AuthorityDecision,
    Client,
    Execution,
    FactProblem,
    Note,
    Order,
    ServicePlan,
    Signal,
)
from adapter.domain.ledger import Act, LookOutcome, ScheduleRecord


class Failure(StrEnum):
    """How a call ended badly; ``engine.retry_policy`` has the one table of what follows."""

    TRANSIENT = "transient"
    AMBIGUOUS = "ambiguous"
    NOT_SENT = "not_sent"
    """Nothing was sent, because our turn came too late. It says nothing about the vendor."""
    UNAUTHORISED = "unauthorised"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    CONFLICT = "conflict"
    CONTRACT = "contract"
    UNMAPPED = "unmapped"
    """Our own tables lack something that the act needs (a unit, a client that the key can't see)."""


class PortError(Exception):
    """A call through a port failed. The message is redacted and fit for a log line; ``audit`` is what stays of it for
    ever: codes, the HTTP status and the names of fields, of the vendor's words nothing (P8)."""

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        vendor: str,
        retry_after: float | None = None,
        status: int | None = None,
        fields: tuple[str, ...] = (),
        lacks: tuple[str, str] | None = None,
    ) -> None:
        """``lacks``: the table of the mapping and the key in it that are missing."""
        super().__init__(message)
        self.lacks = lacks
        self.failure = failure
        self.vendor = vendor
        self.retry_after = retry_after
        told = {"failure": failure.value, "vendor": vendor, "status": status, "fields": ", ".join(fields)}
        self.audit: dict[str, str | int] = {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Changed:
    """Something in a change feed. ``fingerprint`` tells two states of the same thing apart; nothing personal in it
    (but for ``person_id``, which is never logged). ``link`` is the id by which a case that knows the thing is linked to
    it, if the thing doesn't name its person. Things that can't be read are included: to be broken is a change."""

    id: str
    person_id: str | None
    fingerprint: str
    maybe_camera: bool = False
    """Of an order: whether its category can hold a camera service, so that the person's orders are worth reading."""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A feed's window, read whole. ``server_time`` is the vendor's clock when it began (UTC), None if not told.
    ``sure`` is False if the vendor may only have said nothing, rather than that there is nothing: read it again."""

    items: tuple[Changed, ...]
    problems: tuple[FactProblem, ...]
    server_time: datetime | None
    sure: bool = True


class CaseSource(Protocol):
    """The case system (Lifecare), read only. ``person_id`` is the vendor's key of a person."""

    async def read_headings(self) -> None:
        """Learn, once, the names that people know the signals' headings by. What can't be read now is asked for next
        time; until then messages do without. Raises nothing."""
        ...

    async def orders(self, person_id: str) -> tuple[tuple[Order, ...], tuple[FactProblem, ...]]: ...

    async def person_of(self, order_id: str) -> str | None:
        """Whose the order is; empty if it names nobody, None if there is no such order."""
        ...

    async def decisions(
        self, person_id: str, ids: frozenset[int]
    ) -> tuple[tuple[AuthorityDecision, ...], tuple[FactProblem, ...]]:
        """All decisions of the person, deleted ones marked, and those of ``ids`` wherever they are: one that is
        somebody else's is a problem (L11), one that isn't found is absent from the answer."""
        ...

    async def executions(self, person_id: str) -> tuple[tuple[Execution, ...], tuple[FactProblem, ...]]: ...

    async def client(self, person_id: str) -> tuple[Client, tuple[FactProblem, ...]]: ...

    async def absences(self, person_id: str) -> tuple[tuple[Absence, ...], tuple[FactProblem, ...]]: ...

    async def plans(self, person_id: str) -> tuple[tuple[ServicePlan, ...], tuple[FactProblem, ...]]:
        """The person's plans that hold supervision by camera (LA13). All problems are of those that only inform."""
        ...

    async def notes(
        self, execution_ids: frozenset[int], signals: frozenset[Signal], since: date
    ) -> tuple[tuple[Note, ...], tuple[FactProblem, ...]]:
        """The notes of these signals that count on these executions, created on or after ``since`` (a local calendar
        date)."""
        ...

    async def orders_updated_on(self, day: date) -> Window: ...

    async def changed_since(self, feed: str, since: datetime) -> Window:
        """``feed`` is ``decisions``, ``executions``, ``clients`` or ``absences``; ``since`` is UTC."""
        ...

    async def urgent_notes(self) -> Window:
        """All current notes under the urgent headings; ``person_id`` is None, ``id`` is ``note:execution``."""
        ...

    async def services_ending_on(self, day: date) -> Window:
        """Ordered services whose last day it is: they have no change feed. ``id`` is ``fingerprint:order``."""
        ...

    async def shows(self, *resources: str) -> bool:
        """Whether any of these resources (named as for ``answers``, or ``headings``) shows anything to the key."""
        ...

    async def answers(self, resource: str) -> None:
        """Make sure that a resource of the case system shows anything at all: what it no longer shows of a case may
        then be taken to be gone. ``resource`` is a field of ``Facts``, or ``services``."""
        ...


@dataclass(frozen=True, slots=True)
class CaseContext:
    """What a gateway must know of a case to carry out an act. ``person_id`` is never logged."""

    tenant: str
    reference: str
    person_id: str
    client_id: int | None
    protected: bool
    schedule_ids: Mapping[int, tuple[str, str | None]]
    """By schedule number: the vendor's id, and the version (ETag) last seen."""
    external_id: str | None = None
    """The person's id at the platform, if it has been made."""
    unit: int | None = None
    execution: int | None = None
    """The unit and the execution that last had the case."""
    may_write: Callable[[], bool] = lambda: True
    """Asked at the last moment before anything is written to the vendor: False once the act may be another process's,
    as after a long wait or sleep. A gateway then sends nothing and raises ``PortError`` (transient)."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of an act. ``result`` goes to the audit (nothing personal). ``schedule`` is the schedule as read after
    the act, with the vendor's id and version; ``person`` is the fingerprint that the platform now holds."""

    result: Mapping[str, str | int | bool | None]
    schedule: ScheduleRecord | None = None
    schedule_id: str | None = None
    etag: str | None = None
    person: str | None = None


class Executor(Protocol):
    """Carries out acts, and finds out whether one whose answer was lost was carried out."""

    def vendor(self, act: Act) -> str: ...

    async def perform(self, act: Act, case: CaseContext) -> Effect: ...

    async def find(self, act: Act, case: CaseContext) -> Effect | None: ...

    async def observe(self, act: Act, case: CaseContext) -> Effect | None:
        """The schedule of a conflicting act as it is now, so that the case can be decided again; None if the act is
        about nothing that can be looked at."""
        ...


@dataclass(frozen=True, slots=True)
class PlatformSchedule:
    """A schedule of the camera platform as a full comparison sees it."""

    reference: str
    id: str
    etag: str | None
    record: ScheduleRecord
    customer: str = ""
    """The platform's id of the person."""


@dataclass(frozen=True, slots=True)
class BrokenSchedule:
    """One of its list that can't be used; ``problem`` names fields, never values."""

    id: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Supervision:
    """A look as the camera platform lists it, by the platform's ids. Instants are UTC."""

    id: str
    schedule_id: str
    due_at: datetime
    outcome: LookOutcome
    begun_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Supervisions:
    """A window of them, read whole. ``broken``: what is wrong with each row that can't be used; nothing personal."""

    rows: tuple[Supervision, ...]
    broken: tuple[str, ...] = ()


class SchedulePlatform(Protocol):
    """The camera platform (Phoniro), read for comparison."""

    def schedules(self) -> AsyncGenerator[Sequence[PlatformSchedule | BrokenSchedule], None]:
        """Every schedule there is, ours and others', by the page. The list may lag behind by seconds."""
        ...

    async def supervisions(self, start: datetime, end: datetime) -> Supervisions:
        """All looks that were due from ``start`` up to ``end`` (UTC), ours and others'."""
        ...

    async def schedule(self, schedule_id: str) -> PlatformSchedule | None:
        """One by the vendor's id, as it is now; None if there is none."""
        ...
