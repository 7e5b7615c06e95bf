"""What stands in the simulated Phoniro, what can be asked of it, and what people change in it by hand."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from connectors.mock.phoniro.night_plan import NightPlan, Told
from connectors.mock.phoniro.schedules import Schedule, Version
from connectors.mock.phoniro.schemas import Customer, HandChange, NewSchedule, SetOutcome, Status, instant
from connectors.mock.routing import Clock
from connectors.mock.vendor import SimulatedVendor

ORGANISATIONS: Final[Mapping[str, str]] = {
    "hemtjanst-norr": "Hemtjänst Norr",
    "hemtjanst-soder": "Hemtjänst Söder",
}
DEFAULT_CLIENT: Final = ("adapter", "simulated")
"""Id and secret of the simulation's own client."""
LOOKED: Final = frozenset({"ok", "not_visible_then_ok", "visit_dispatched"})
EtagStyle = Literal["strong", "weak", "suffixed"]


class PhoniroState(SimulatedVendor):
    """Phoniro Care's e-tillsyn in memory. Schedules are named by their id; an unknown one raises KeyError.

    ``seed`` makes ids and tokens the same in every run. Habits can be switched on at any time: ``list_lag_seconds``,
    how long ago by ``clock`` what lists of schedules show was so (reads by id never lag), ``token_seconds``, how long a
    new token lives, ``etag_style``, what a compressing proxy makes of a strong ETag for a client that accepts a content
    coding (PA1), ``outcome_after_seconds``, for how long a supervision is ``pending`` (PA4), and ``nights``, the looks'
    outcomes.
    """

    def __init__(self, clock: Clock, *, seed: int = 0) -> None:
        self._seed = seed
        super().__init__(clock)

    def reset(self) -> None:
        """Forget everything, tokens and switched habits included."""
        super().reset()
        self.rng = random.Random(self._seed)  # noqa: S311 - nothing secret: the same ids in every run
        self.tokens: dict[str, datetime] = {}
        self.schedules: list[Schedule] = []
        self._by_id: dict[str, Schedule] = {}
        self._by_reference: dict[str, Schedule] = {}
        self.customers: dict[str, Customer] = {}
        self.list_lag_seconds: float = 0
        self.token_seconds = 3600
        self.etag_style: EtagStyle = "strong"
        self.outcome_after_seconds: float = 0
        self.nights: NightPlan | None = None
        self._outcomes: dict[tuple[datetime, str], list[SetOutcome]] = {}

    @property
    def now(self) -> datetime:
        """The present instant by the simulation's clock (UTC)."""
        return self.clock()

    def revoke_tokens(self) -> int:
        """Every token answers 401 from now on; gives how many there were."""
        revoked = len(self.tokens)
        self.tokens.clear()
        return revoked

    def set_nights(self, plan: NightPlan) -> None:
        """From now on looks come out as the plan says; without a plan each is done at its time."""
        self.nights = plan

    # Schedules.

    def schedule(self, schedule_id: str) -> Schedule:
        """The schedule with that id."""
        return self._by_id[schedule_id]

    def schedule_by_reference(self, reference: str) -> Schedule | None:
        """The schedule that has that externalReference."""
        return self._by_reference.get(reference)

    def lose(self, schedule_id: str) -> None:
        """Remove a schedule without a word, as when the vendor restores an old backup."""
        lost = self._by_id.pop(schedule_id)
        self._by_reference.pop(lost.new.external_reference)
        self.schedules.remove(lost)

    def status(self, schedule_id: str) -> Status:
        """The schedule's status now."""
        return self.schedule(schedule_id).now.status(self.now)

    def add_schedule(
        self, new: NewSchedule, act: str = "created by somebody else", schedule_id: str | None = None
    ) -> Schedule:
        """A new schedule, past the API's checks. Raises KeyError where the reference is taken."""
        if new.external_reference in self._by_reference:
            raise KeyError(new.external_reference)
        schedule_id = schedule_id or str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        patience = (new.tolerance_minutes, new.retry_after_minutes)
        dates = (new.valid_from, new.valid_to)
        first = Version(1, self.now, act, new.time_zone, *dates, new.rules, *patience, new.camera_id)
        schedule = Schedule(schedule_id, len(self.schedules), new, [first])
        self.schedules.append(schedule)
        self._by_id[schedule_id] = self._by_reference[new.external_reference] = schedule
        return schedule

    def change_by_hand(self, schedule_id: str, change: HandChange) -> Schedule:
        """Somebody changes it in the vendor's own pages. Raises ValueError if the schedule has ended for good."""
        schedule = self.schedule(schedule_id)
        if schedule.now.ended(self.now):
            raise ValueError(f"schedule {schedule_id} has ended for good")
        return self.write(schedule, "changed by hand", **change.set_fields())

    def write(self, schedule: Schedule, act: str, **fields: Any) -> Schedule:
        """Write a new version of a schedule: like the last one, except for ``fields``."""
        last = schedule.now
        schedule.versions.append(replace(last, number=last.number + 1, at=self.now, act=act, **fields))
        return schedule

    # Supervisions.

    def set_outcome(self, outcome: SetOutcome) -> None:
        """Set what came of one supervision, or correct it. Where nothing is set, it is as ``nights`` has it."""
        self.schedule(outcome.schedule_id)
        self._outcomes.setdefault((outcome.due_at, outcome.schedule_id), []).append(outcome)

    def supervisions(self, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
        """Every look that was due and possible in [start, end) and not later than now, with its schedule, in order."""
        end = min(end, self.now + timedelta(microseconds=1))
        due = sorted((at, schedule.id) for schedule in self.schedules for at in schedule.looks(start, end))
        return [one for one in due if one in self._outcomes or self.told(*one) is not None]

    def told(self, due: datetime, schedule_id: str) -> Told | None:
        """What is told of a look that nobody set, and how long after its time; None if it isn't even listed."""
        if self.nights is None:
            return ((timedelta(seconds=self.outcome_after_seconds), "ok"),)
        return self.nights.of(schedule_id, due, self.schedule(schedule_id).now.retry_after_minutes)

    def supervision(self, due: datetime, schedule_id: str) -> dict[str, Any]:
        """One of them as the API tells it now: ``pending`` first, then its outcome, then what corrects it (PA4)."""
        now, set_to = self.now, self._outcomes.get((due, schedule_id), [])
        told = [one for one in set_to if one.told_at is None or one.told_at <= now]
        by_itself = [one for after, one in self.told(due, schedule_id) or () if not set_to and due + after <= now]
        outcome = told[-1].outcome if told else by_itself[-1] if by_itself else "pending"
        looked, operator = outcome in LOOKED, told[-1].operator_id if told else "operator-1"
        return {
            "id": f"{schedule_id}:{int(due.timestamp())}",
            "scheduleId": schedule_id,
            "dueAt": instant(due),
            "startedAt": instant(due) if looked else None,
            "endedAt": instant(due + timedelta(minutes=2)) if looked else None,
            "outcome": outcome,
            "operatorId": operator if looked else None,
        }
