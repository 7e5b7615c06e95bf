"""What ``decide`` returns: the phase, what to do, what a person must know, and when to look again."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from adapter.domain.ledger import Wanted
from adapter.domain.routine import Role
from adapter.domain.unfulfilled import Unfulfilled


class Phase(StrEnum):
    PREPARING = "preparing"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDING = "ending"
    CLOSING = "closing"
    CLOSED = "closed"


class StepState(StrEnum):
    DONE = "done"
    AWAITED = "awaited"
    LATER = "later"
    NOT_NEEDED = "not_needed"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class StepView:
    """One line of the checklist: done by what evidence and when, or awaited from whom and since when (UTC).

    ``evidence`` is a code of the text table (``signal``, ``order``, ``act``, ...) with ``evidence_id`` beside it;
    ``late`` is 0 (in time), 1 (reminded), 2 (reminded again) or 3 (escalated).
    """

    id: str
    role: Role
    state: StepState
    evidence: str | None = None
    evidence_id: str | None = None
    at: datetime | None = None
    since: datetime | None = None
    late: int = 0
    reason: str | None = None
    seen: datetime | None = None
    """When the adapter first saw it in this state. Where only the day is known, this is the only exact moment."""


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Who is without supervision, and why. ``cause`` is a code of the text table's section ``unwatched``. ``since``
    (UTC) is as far as is known. ``late`` is as for a step. ``runs``: the camera platform was last seen to have it
    running still, so it only *shall* be without."""

    cause: str
    since: datetime | None = None
    role: Role | None = None
    late: int = 0
    runs: bool = False

    @property
    def urgent(self) -> bool:
        """Whether somebody must see to it. A case on its way to its start needs nobody until a step is late."""
        return self.cause != "not_started"


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person must know or do. ``code`` names its sentence in the text table; ``parks`` says that the
    case can't go on without a person (it goes on by itself once the cause is gone)."""

    code: str
    params: tuple[tuple[str, str], ...] = ()
    parks: bool = False
    role: Role = Role.COORDINATOR

    @property
    def urgent(self) -> bool:
        """Whether somebody must act. If not, it is only good to know."""
        return self.parks or self.code.startswith("stop_")


@dataclass(frozen=True, slots=True)
class Decision:
    """``wanted`` is everything that is to be done and isn't yet. A pending act that isn't in ``wanted`` is no longer
    called for. ``wake_at`` (UTC) is when time alone changes something next; None if nothing does. ``release``: when the
    case closes, the orders that belong to a later case; of a closed case, the orders that grant supervision again."""

    phase: Phase
    wanted: tuple[Wanted, ...]
    steps: tuple[StepView, ...]
    attention: tuple[Attention, ...] = ()
    wake_at: datetime | None = None
    waiting: tuple[str, ...] = ()
    """Why e-tillsyn isn't scheduled or isn't active: codes of the text table, in the order in which to say them."""
    awaits: tuple[str, ...] = ()
    """Steps that wait for a note. A case that waits for any is read more often."""
    release: tuple[str, ...] = ()
    collected: bool = False
    """Whether the camera was collected after the authority's end. From then on a new order begins a new case."""
    unwatched: Unwatched | None = None
    """Set if the person is granted supervision, it isn't running, and that isn't planned."""
    unfulfilled: Unfulfilled | None = None
    """Set if supervision is granted and doesn't run, whatever the reason."""
    unit: int | None = None
    """The provider's unit that has the case, as far as is known."""
    execution: int | None = None
    """The case's execution, as far as is known."""
    balanced: bool = field(default=False)
    """Whether each act that was carried out on the way in has had its counterpart (P7)."""


def seen_since(before: Decision | None, after: Decision, now: datetime) -> Decision:
    """``after``, with the time (UTC) at which each step was first seen in its present state."""
    was = {view.id: view for view in before.steps} if before else {}

    def seen(view: StepView) -> datetime | None:
        if view.state in (StepState.LATER, StepState.NOT_NEEDED):
            return None
        old = was.get(view.id)
        return old.seen if old is not None and old.state is view.state else now

    return replace(after, steps=tuple(replace(view, seen=seen(view)) for view in after.steps))
