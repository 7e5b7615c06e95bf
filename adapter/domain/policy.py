"""What a municipality decides for itself, handed to ``decide`` as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta, tzinfo
from enum import StrEnum

from adapter.domain.facts import Signal
from adapter.domain.nights import NightWindow


@dataclass(frozen=True, slots=True)
class Lateness:
    """After how many working days an awaited step is reminded of, reminded of again, and escalated."""

    remind: int
    again: int
    escalate: int


class WriteBack(StrEnum):
    """Whether looks are written to the case system as visits (LA12). ``PLAN``: only shown, not written."""

    OFF = "off"
    PLAN = "plan"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Policy:
    """``zone`` is the municipality's. ``late`` has the patience for each step, or cause of a pause that somebody must
    mend; what isn't there is never late. ``by_hand_after``: how long a pause or an end may be called for and not be
    seen before somebody is asked to do it by hand. ``night_units`` have a night mailbox of their own; None stands for
    every unit without one. ``quiet``: the local hours in which no message or reminder goes out (pauses and ends do).

    ``patience``: how many minutes after its time a look may be done, and after how many it is tried again;
    ``patience_by_unit`` goes before it. ``watch_grace``: how much longer it may take until the outcome is known.
    ``most_looks_at_once``: how many looks of a unit may fall in a quarter of an hour; 0: any number.

    ``gates``: signals that the municipality wants before the start, beside those of the routine (LA14). A consent is
    reviewed after ``consent_review_months``; 0: never. ``plans``: I12 is shown by a service plan (LA13), asked of night
    staff if ``plans_by_night``. ``followup_mails``: a mailbox wants the monthly list of decisions that aren't executed
    or are interrupted. ``write_back_protected``: looks at persons with protected identity are written back too.
    ``holidays``: days beside Saturdays and Sundays on which nobody works.
    """

    zone: tzinfo
    window: NightWindow = field(default_factory=NightWindow)
    deviation_grace: timedelta = timedelta(hours=2)
    renewal_gap_days: int = 14
    last_day_is_home: bool = True
    late: Mapping[str, Lateness] = field(default_factory=dict)
    quiet: tuple[time, time] | None = None
    holidays: frozenset[date] = frozenset()
    by_hand_after: timedelta = timedelta(minutes=10)
    open_absence_days: int = 30
    schedule_ahead_days: int = 3
    settle_changes: timedelta = timedelta(minutes=15)
    night_units: frozenset[int | None] = frozenset()
    patience: tuple[int, int] = (30, 15)
    patience_by_unit: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    watch_grace: timedelta = timedelta(minutes=5)
    gates: frozenset[Signal] = frozenset()
    consent_review_months: int = 0
    most_looks_at_once: int = 0
    write_back: WriteBack = WriteBack.OFF
    write_back_protected: bool = False
    followup_mails: bool = False
    plans: bool = False
    plans_by_night: bool = False

    def patience_of(self, unit: int | None) -> tuple[int, int]:
        return self.patience_by_unit.get(unit or 0, self.patience)

    @property
    def tolerance(self) -> timedelta:
        """The longest tolerance that any unit's schedules have."""
        return timedelta(minutes=max(minutes for minutes, _ in (self.patience, *self.patience_by_unit.values())))

    def has_night_mailbox(self, unit: int | None) -> bool:
        return unit in self.night_units or None in self.night_units
