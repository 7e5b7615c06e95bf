"""The municipality's routine as data: its steps, who does each, by what it is seen, and what undoes what.

The ids are the routine's own (I1..I12 on the way in, A0..A6 on the way out). The words that people read stand in the
text table of ``mappings``; nothing here is shown to anybody.
"""

from dataclasses import dataclass
from enum import StrEnum

from adapter.domain.facts import Signal


class Role(StrEnum):
    ASSESSOR = "assessor"
    COORDINATOR = "coordinator"
    ALARM_TEAM = "alarm_team"
    AUTHORITY = "authority"
    ADAPTER = "adapter"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``role`` does it; ``signals`` are the notes that show it done, all of them needed; ``gate`` says that
    e-tillsyn isn't scheduled without it (I11); ``after`` are the steps whose being done makes it awaited."""

    id: str
    role: Role
    signals: tuple[Signal, ...] = ()
    gate: bool = False
    after: tuple[str, ...] = ()


WAY_IN = (
    Step("I1", Role.ASSESSOR, gate=True),
    Step("I2", Role.ADAPTER, after=("I1",)),
    Step("I3", Role.ADAPTER, after=("I1",)),
    Step("I4", Role.COORDINATOR, (Signal.TIMES_AGREED,), gate=True, after=("I2",)),
    Step("I5", Role.ALARM_TEAM, (Signal.INSTALLATION_BOOKED,), after=("I3",)),
    Step("I6", Role.ALARM_TEAM, (Signal.KEYS_COLLECTED,), gate=True, after=("I3",)),
    Step("I7", Role.ALARM_TEAM, (Signal.APPENDIX_SIGNED,), after=("I3", "I4")),
    Step("I8", Role.ALARM_TEAM, (Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED), gate=True, after=("I5",)),
    Step("I9", Role.ALARM_TEAM, (Signal.READY_FOR_START,), gate=True, after=("I8",)),
    Step("I10", Role.COORDINATOR, gate=True, after=("I2",)),
    Step("I11", Role.ADAPTER, after=("I1", "I4", "I6", "I8", "I9", "I10")),
    Step("I12", Role.ADAPTER, after=("I11",)),
)

WAY_OUT = (
    Step("A0", Role.COORDINATOR, (Signal.END_HEARD,)),
    Step("A1", Role.ASSESSOR),
    Step("A2", Role.ADAPTER, after=("A1",)),
    Step("A3", Role.ADAPTER, after=("A1",)),
    Step("A4", Role.ALARM_TEAM, (Signal.PICKUP_BOOKED,), after=("A3",)),
    Step("A5", Role.ALARM_TEAM, (Signal.EQUIPMENT_COLLECTED,), after=("A3",)),
    Step("A6", Role.COORDINATOR, after=("A5",)),
)

STEPS = {step.id: step for step in WAY_IN + WAY_OUT}


class Letter(StrEnum):
    """A message: a journal note that the adapter writes to a unit. Each is one template in ``mappings``."""

    RECEIVED = "received"
    """I2, to the coordinator: an order came, and what is asked."""
    RENEWED = "renewed"
    """To the coordinator: a new order continues the case; execute it (I10 is needed anew)."""
    MOVED = "moved"
    """To the coordinator of the unit that the case moved to."""
    INSTALL = "install"
    """I3, to the alarm team: install a camera; whether keys are needed, and why."""
    KEYS = "keys"
    """To the alarm team: whether keys are needed changed before the installation."""
    TIMES = "times"
    """I7, to the alarm team: number and times per night, for bilaga 1."""
    TIMES_CHANGED = "times_changed"
    """To the alarm team: the times changed."""
    DATES_CHANGED = "dates_changed"
    """To the alarm team and the coordinator: the first day (before the start) or the last day changed."""
    PLAN = "plan"
    """I12, in the plan: the times, and the first and last look."""
    PLAN_VOID = "plan_void"
    """In the plan: the times no longer hold (I12's counterpart)."""
    TIMES_REFUSED = "times_refused"
    """To the coordinator: the agreed times can't be read or contradict the order, with the reason."""
    NOT_EXECUTED = "not_executed"
    """I10, a deviation, to the coordinator: installed before the order was executed."""
    INSTALLED_SOON = "installed_soon"
    """I10, to the coordinator, the working day before a booked installation: the order isn't executed."""
    NO_CONSENT = "no_consent"
    """A deviation, to the coordinator: ready for start, but a paper isn't signed."""
    CONTRADICTION = "contradiction"
    """A deviation, to the coordinator: a note says that something is over which the authority hasn't ended."""
    END_HEARD = "end_heard"
    """A0, to the authority: the provider heard that it shall end."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """To the authority and the coordinator: consent withdrawn, e-tillsyn paused."""
    DECEASED = "deceased"
    """To the coordinator and the alarm team, in words of its own."""
    DEATH_CORRECTED = "death_corrected"
    """To those who were told of the death: it was a mistake."""
    RENUMBERED = "renumbered"
    """To the coordinator: the person has another number in Lifecare, and everything goes on under it."""
    DECLARED = "declared"
    """To the coordinator: a step was declared done by hand, by whom; it counts as its signal would."""
    DEREGISTERED = "deregistered"
    """To the coordinator: emigrated, deregistered or inactive; nothing else happens."""
    PAUSED = "paused"
    """To the coordinator (and the authority, where it must act): paused, or to be paused, and why."""
    PAUSE_AHEAD = "pause_ahead"
    """To the coordinator, the working day before: a pause that is foreseen."""
    BY_HAND = "by_hand"
    """To the coordinator: what was called for hasn't been seen in Phoniro; do it there by hand, now."""
    BY_HAND_DONE = "by_hand_done"
    """To the coordinator: it has been seen in Phoniro, or is no longer called for."""
    ON_HOLD = "on_hold"
    """To both units: the order was set back before the start; nothing happens until it is sent again."""
    HOLD_OVER = "hold_over"
    """To those who were told of the hold: it is over."""
    FEWER_GRANTED = "fewer_granted"
    """To the coordinator, a week ahead: a renewal grants fewer looks than there are times for."""
    ORDER_FOR_DECEASED = "order_for_deceased"
    """To the coordinator: an order for somebody who is dead."""
    STARTED = "started"
    """I11, to the coordinator: e-tillsyn has been scheduled; from when planned visits may cease."""
    RESUMED = "resumed"
    """To those who were told of the pause: e-tillsyn is active again."""
    STAY = "stay"
    """To the alarm team: the camera that was to be collected or cancelled is wanted again."""
    COLLECT = "collect"
    """A3, to the alarm team: collect the camera (and hand back keys)."""
    CANCEL_OR_FETCH = "cancel_or_fetch"
    """A3, where the installation was only booked: cancel, or fetch it if it is up already."""
    CANCEL = "cancel"
    """A3, where nothing was booked: cancelled, nothing to do."""
    LOOKS_MISSED = "looks_missed"
    """To the coordinator, in the morning: looks of the night that were not done, and what came of it."""
    CROWDED = "crowded"
    LOOKS_CORRECTED = "looks_corrected"
    """To the coordinator: what was told of a night was wrong, or there is more."""
    CAMERA_OFFLINE = "camera_offline"
    """To the alarm team and the coordinator: the camera was offline twice in a row."""
    CAMERA_ONLINE = "camera_online"
    """To those who were told of it: the camera answers again."""
    READY_TO_CLOSE = "ready_to_close"
    """A6, to the coordinator: everything is undone; close the case in Lifecare."""


ASSIGNMENT_IN = frozenset({Letter.INSTALL, Letter.STAY})
ASSIGNMENT_OUT = frozenset({Letter.COLLECT, Letter.CANCEL_OR_FETCH, Letter.CANCEL})
"""The alarm team works by the newest of these that was sent."""
