"""What is known of a case: the facts as the authority, the provider and the person's record state them.

The words are the canonical model's own; which vendor field each comes from stands in ``mappings``. Dates are calendar
dates in the municipality's zone, last day included (L14); instants are aware UTC datetimes.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from adapter.domain.nights import Granted

T = TypeVar("T")


class Signal(StrEnum):
    """What a person tells by a journal note under an agreed heading (LA3)."""

    TIMES_AGREED = "times_agreed"
    TIMES_CHANGED = "times_changed"
    INSTALLATION_BOOKED = "installation_booked"
    KEYS_COLLECTED = "keys_collected"
    APPENDIX_SIGNED = "appendix_signed"
    CONSENT_SIGNED = "consent_signed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    LIABILITY_SIGNED = "liability_signed"
    READY_FOR_START = "ready_for_start"
    END_HEARD = "end_heard"
    PICKUP_BOOKED = "pickup_booked"
    EQUIPMENT_COLLECTED = "equipment_collected"
    COHABITANT_CONSENT = "cohabitant_consent"
    INFORMATION_GIVEN = "information_given"


URGENT = (Signal.CONSENT_WITHDRAWN, Signal.END_HEARD, Signal.TIMES_CHANGED)
"""Signals that can't wait for a case's turn. Their headings are read in every cycle."""

CONSENT = frozenset({Signal.CONSENT_SIGNED, Signal.CONSENT_WITHDRAWN})
"""The newest of these says whether there is consent."""


OPTIONAL = frozenset({Signal.COHABITANT_CONSENT, Signal.INFORMATION_GIVEN})
"""Signals that are needed before the start where the municipality has a heading for them (LA14)."""


class OrderStatus(StrEnum):
    REGISTERED = "registered"
    SENT = "sent"
    ACCEPTED = "accepted"
    WILL_NOT_BE_EXECUTED = "will_not_be_executed"


class ServiceKind(StrEnum):
    CAMERA = "camera"
    ALARM = "alarm"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One ordered service. ``granted`` is None if the number can't be checked (LA6)."""

    kind: ServiceKind
    decision_id: int | None
    first_day: date | None = None
    last_day: date | None = None
    granted: Granted | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the authority to a provider. ``gone``: it vanished without a word, and its last value is kept."""

    id: str
    status: OrderStatus
    order_date: date
    first_day: date | None
    last_day: date | None
    execution_id: int | None
    unit_id: int | None
    lines: tuple[ServiceLine, ...]
    gone: bool = False

    @property
    def is_camera(self) -> bool:
        return any(line.kind is ServiceKind.CAMERA for line in self.lines)


@dataclass(frozen=True, slots=True)
class AuthorityDecision:
    """A decision of the authority. ``deleted``: the vendor says so. ``gone``: it is no longer there, without a word.
    ``decided``: the day on which it was taken."""

    id: int
    first_day: date | None
    last_day: date | None
    deleted: bool = False
    gone: bool = False
    decided: date | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """The provider's execution of an order; where journal notes stand (LA7)."""

    id: int
    first_day: date | None
    last_day: date | None
    unit_id: int | None
    deleted: bool = False
    gone: bool = False

    def current(self, day: date) -> bool:
        return not self.deleted and not self.gone and (self.last_day is None or self.last_day >= day)


@dataclass(frozen=True, slots=True)
class Client:
    """The person, as far as the routine must know. ``details`` is a keyed fingerprint of name, number, address and
    phone: it shows that they changed, never what they are. ``client_id`` is None if the key can't see the person (LA9);
    ``gone``: it could earlier."""

    client_id: int | None
    protected: bool
    deceased: bool = False
    deregistered: str | None = None
    active: bool = True
    details: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Absence:
    """The person is away from ``first_day``. ``last_day`` is the day of return, None if it isn't known. ``deleted`` and
    ``gone`` as for a decision."""

    id: int
    first_day: date
    last_day: date | None
    deleted: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """A genomförandeplan with a camera service (LA13). ``since``: the later of the day on which it was established and
    the day on which the service begins in it. ``last_day``: the day on which either ends. ``gone`` as for a
    decision."""

    id: int
    since: date | None
    last_day: date | None
    follow_up: date | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A signal that counts: a note that is current, not error-marked and not replaced. ``text`` is kept only for times.

    ``day`` is the day that was booked, if the note says it plainly. ``by`` is set if a person declared the step by hand
    in the re-sync file instead of writing a note.
    """

    id: str
    signal: Signal
    at: datetime
    execution_id: int | None = None
    text: str = ""
    by: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """A resource's value, when all of it was last read (UTC), and whether the last attempt to read it failed."""

    value: T
    at: datetime
    stale: bool = False


@dataclass(frozen=True, slots=True)
class FactProblem:
    """Something in the facts that a person must mend. ``params`` hold nothing personal."""

    code: str
    resource: str
    params: tuple[tuple[str, str], ...] = ()


INFORMS = frozenset({"checksum", "grant_unknown", "plan_unread"})
"""Problems that are only told. With any other one its resource can't be relied on."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one case. ``orders`` has every order of the person, ``chain`` the ids of those of this
    case."""

    orders: Read[tuple[Order, ...]]
    decisions: Read[tuple[AuthorityDecision, ...]]
    executions: Read[tuple[Execution, ...]]
    client: Read[Client]
    absences: Read[tuple[Absence, ...]]
    notes: Read[tuple[Note, ...]]
    chain: frozenset[str] = frozenset()
    problems: tuple[FactProblem, ...] = field(default=())
    renumbered: int = 0
    """How often the person's number was replaced while the case was open (LA10)."""
    plans: Read[tuple[ServicePlan, ...]] | None = None
    """None if the municipality maps no plans, and until they are read. No schedule depends on them."""

    @property
    def stale(self) -> tuple[str, ...]:
        """Names of the resources that couldn't be read."""
        names = ("orders", "decisions", "executions", "client", "absences", "notes")
        return tuple(name for name in names if getattr(self, name).stale)

    @property
    def unsure(self) -> tuple[str, ...]:
        """Resources that are too uncertain to start, resume or extend anything: stale, or with rows left out."""
        broken = {p.resource for p in self.problems if p.code not in INFORMS}
        return tuple(dict.fromkeys((*self.stale, *sorted(broken))))

    @property
    def read_at(self) -> datetime:
        """When the oldest of them was read (UTC)."""
        return min(
            self.orders.at, self.decisions.at, self.executions.at, self.client.at, self.absences.at, self.notes.at
        )
