"""What the adapter has done for a case, and what it wants to do: acts, and what is known of their effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from adapter.domain.nights import NightTimes

What = Mapping[str, str | int | bool | None]
"""An act's content: flat, JSON, nothing personal in it. Dates are ISO 8601."""


class ActKind(StrEnum):
    """What is done; how each is made safe to repeat is told by ``engine.outcomes.SAFE_TO_REPEAT``."""

    MESSAGE = "message"
    MAIL = "mail"
    PUT_PERSON = "put_person"
    CREATE = "create"
    CHANGE = "change"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    EMPTY_PERSON = "empty_person"


SCHEDULE_KINDS = frozenset({ActKind.CREATE, ActKind.CHANGE, ActKind.PAUSE, ActKind.RESUME, ActKind.END})
PERSON_KINDS = frozenset({ActKind.PUT_PERSON, ActKind.EMPTY_PERSON})


class ActState(StrEnum):
    """pending -> sending -> done, or unknown (its answer was lost), or parked (a person must act), or dropped."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    PARKED = "parked"
    DROPPED = "dropped"


COUNTS = frozenset({ActState.SENDING, ActState.UNKNOWN, ActState.DONE})
"""States in which an act has, or may have, had its effect."""


@dataclass(frozen=True, slots=True)
class Act:
    """A row of the ledger. ``n`` numbers the acts of a case from 1; ``key`` is unique in the case for ever (P4)."""

    n: int
    key: str
    kind: ActKind
    state: ActState
    what: What
    created_at: datetime
    done_at: datetime | None = None
    attempts: int = 0
    error: str | None = None

    @property
    def counts(self) -> bool:
        return self.state in COUNTS


class ScheduleStatus(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A schedule as it was last seen at the camera platform (``seen_at``, UTC). ``orders``: those it has rested on."""

    n: int
    status: ScheduleStatus
    valid_from: date
    valid_to: date | None
    times: NightTimes | None
    seen_at: datetime
    orders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What the camera platform was last told of the person: a fingerprint (``Client.details``), or emptied."""

    details: str
    emptied: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything done for a case. ``schedule`` is the newest one, if any; ``person_elsewhere`` says that another open
    case of the same person still needs the person's data at the camera platform. ``closed``: the case was closed."""

    opened_at: datetime
    acts: tuple[Act, ...] = ()
    schedule: ScheduleRecord | None = None
    person: PersonRecord | None = None
    person_elsewhere: bool = False
    closed: bool = False

    def counting(self, *kinds: ActKind) -> tuple[Act, ...]:
        """Acts that had, or may have had, their effect, in the order in which they were decided."""
        return tuple(a for a in self.acts if a.counts and (not kinds or a.kind in kinds))

    def uncertain(self, kinds: frozenset[ActKind]) -> bool:
        """Whether an act of these kinds is under way or its outcome unknown: then no other of them goes out (P4)."""
        return any(a.kind in kinds and a.state in (ActState.SENDING, ActState.UNKNOWN) for a in self.acts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act that the decision calls for. ``opens``: it starts, resumes or extends supervision, and so goes out on
    fresh facts only (P1). ``why`` is a code of the text table. ``not_before`` (UTC) holds back what can wait."""

    key: str
    kind: ActKind
    what: What
    why: str
    opens: bool = False
    not_before: datetime | None = None
