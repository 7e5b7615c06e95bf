"""What the adapter has done for a case, and what it wants to do: acts, and what is known of their effects."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from adapter.domain.nights import NightTimes

What = Mapping[str, str | int | bool | None]
"""An act's content: flat, JSON, nothing personal in it. Dates are ISO 8601."""


class ActKind(StrEnum):
    """What is done; how each is made safe to repeat is told by ``engine.retry_policy.SAFE_TO_REPEAT``."""

    MESSAGE = "message"
    MAIL = "mail"
    PUT_PERSON = "put_person"
    CREATE = "create"
    CHANGE = "change"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    EMPTY_PERSON = "empty_person"
    VISIT = "visit"
    REMOVE_VISIT = "remove_visit"


SCHEDULE_KINDS = frozenset({ActKind.CREATE, ActKind.CHANGE, ActKind.PAUSE, ActKind.RESUME, ActKind.END})
PERSON_KINDS = frozenset({ActKind.PUT_PERSON, ActKind.EMPTY_PERSON})
VISIT_KINDS = frozenset({ActKind.VISIT, ActKind.REMOVE_VISIT})
"""Their acts belong to a single look, not to the case."""


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
    """A row of the ledger. ``n`` numbers the acts of a case from 1; ``key`` is unique in the case for ever (P4). A
    message or mail has a ``code`` of chance: after a backup was put back, another act may get its number and key."""

    n: int
    key: str
    kind: ActKind
    state: ActState
    what: What
    created_at: datetime
    done_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    code: str | None = None

    @property
    def counts(self) -> bool:
        return self.state in COUNTS

    def listed(self, name: str) -> list[str]:
        """The field of its content that holds a JSON list; empty if there is none."""
        found: list[str] = json.loads(str(self.what.get(name) or "[]"))
        return found

    @property
    def mark(self) -> str:
        """``07-K4QX``: what its note and mail are known by. Acts decided by older versions have no code: ``07``."""
        return f"{self.n:02d}-{self.code}" if self.code else f"{self.n:02d}"


class ScheduleStatus(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A schedule as it was last seen at the camera platform (``seen_at``, UTC). ``orders``: those it has rested on.
    ``patience``: how many minutes after its time a look may be done, and after how many minutes one looks again for
    somebody who wasn't visible; None if that was never seen."""

    n: int
    status: ScheduleStatus
    valid_from: date
    valid_to: date | None
    times: NightTimes | None
    patience: tuple[int, int] | None = field(default=None, kw_only=True)
    seen_at: datetime
    orders: frozenset[str] = frozenset()

    def runs_on(self, day: date) -> bool:
        """Whether somebody could look on the day (local), as it was seen."""
        valid = self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
        return valid and self.status is ScheduleStatus.OPEN


class LookOutcome(StrEnum):
    """What came of a look. ``ABSENT``: the platform doesn't list it (yet), though our schedule calls for it."""

    OK = "ok"
    SECOND_TRY = "not_visible_then_ok"
    VISIT = "visit_dispatched"
    CAMERA_OFFLINE = "camera_offline"
    MISSED = "missed"
    PENDING = "pending"
    ABSENT = "absent"


LOOK_DONE = frozenset({LookOutcome.OK, LookOutcome.SECOND_TRY, LookOutcome.VISIT})


@dataclass(frozen=True, slots=True)
class Look:
    """A look of the case's schedule number ``n``. All instants are UTC. ``judged_at``: when it was first known as done
    or not done. ``entitled`` is False if somebody looked without a right, while the schedule was paused or ended.
    ``id`` is the platform's own."""

    n: int
    due_at: datetime
    outcome: LookOutcome
    entitled: bool = True
    judged_at: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    id: str | None = None

    @property
    def done(self) -> bool:
        return self.outcome in LOOK_DONE

    @property
    def not_done(self) -> bool:
        """Whether it is known that nobody looked."""
        return self.judged_at is not None and not self.done

    @property
    def looked(self) -> bool:
        """Whether somebody looked, whatever came of it."""
        return self.begun_at is not None or self.done


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What the camera platform was last told of the person: a fingerprint (``Client.details``), or that the data is
    emptied."""

    details: str
    emptied: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything done for a case. ``schedule`` is the newest one. ``person_elsewhere``: another open case of the same
    person still needs the person's data at the camera platform. ``closed``: the case was closed. ``looks`` are those of
    the last nights, ``first_looks`` the first done look of each schedule. ``night_load``: how many looks all schedules
    of the municipality call for in a night, by unit and quarter of an hour."""

    opened_at: datetime
    acts: tuple[Act, ...] = ()
    schedule: ScheduleRecord | None = None
    person: PersonRecord | None = None
    person_elsewhere: bool = False
    closed: bool = False
    looks: tuple[Look, ...] = ()
    first_looks: tuple[Look, ...] = ()
    night_load: Mapping[int | None, Mapping[time, int]] = field(default_factory=dict)

    @property
    def ever_scheduled(self) -> bool:
        return self.schedule is not None or bool(self.counting(ActKind.CREATE))

    def counting(self, *kinds: ActKind) -> tuple[Act, ...]:
        """Acts that had their effect, or may have had it, in the order in which they were decided."""
        return tuple(a for a in self.acts if a.counts and (not kinds or a.kind in kinds))

    def uncertain(self, kinds: Collection[ActKind] = tuple(ActKind)) -> bool:
        """Whether an act of these kinds is under way or its outcome unknown. Then no other of them is sent (P4)."""
        return any(a.kind in kinds and a.state in (ActState.SENDING, ActState.UNKNOWN) for a in self.acts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act that the decision calls for. ``opens``: it starts, resumes or extends supervision, and is sent on fresh
    facts only (P1). ``why`` is a code of the text table. ``not_before`` (UTC): it can wait until then."""

    key: str
    kind: ActKind
    what: What
    why: str
    opens: bool = False
    not_before: datetime | None = None
