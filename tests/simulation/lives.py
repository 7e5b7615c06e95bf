"""People in a simulated town: what they do in Lifecare, when, and what that allows, independent of the adapter's
decisions."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapter.domain.facts import Signal
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.lifecare.catalogue import COORDINATOR_UNIT

if TYPE_CHECKING:
    from tests.simulation.town import Town

ZONE = ZoneInfo("Europe/Stockholm")
NIGHT = time(21, 0)
PAPERS = (
    Signal.TIMES_AGREED,
    Signal.INSTALLATION_BOOKED,
    Signal.APPENDIX_SIGNED,
    Signal.CONSENT_SIGNED,
    Signal.LIABILITY_SIGNED,
    Signal.READY_FOR_START,
)
GATES = (Signal.TIMES_AGREED, Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED, Signal.READY_FOR_START)


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE)


@dataclass(frozen=True, slots=True)
class Truth:
    """What Lifecare says about one person from ``at`` (UTC) on."""

    at: datetime
    first_day: date
    last_day: date | None = None
    accepted: bool = False
    executing: bool = False
    signed: frozenset[Signal] = frozenset()
    keys_needed: bool = False
    withdrawn: bool = False
    cancelled: bool = False
    deceased: bool = False
    away: tuple[tuple[date, date], ...] = ()

    def forbids(self, at: datetime) -> str | None:
        """Why nobody may look at that instant; None if somebody may."""
        day = local(at).date()
        if not (self.accepted and self.executing) or self.cancelled:
            return "not executed"
        if missing := [gate.value for gate in GATES if gate not in self.signed]:
            return f"without {', '.join(missing)}"
        if self.keys_needed and Signal.KEYS_COLLECTED not in self.signed:
            return "without keys"
        if day < self.first_day or (self.last_day is not None and day > self.last_day):
            return "no decision in force"
        if self.withdrawn:
            return "consent withdrawn"
        if self.deceased:
            return "deceased"
        return "away" if self.is_away(at) else None

    def is_away(self, at: datetime) -> bool:
        nights = [
            (datetime.combine(first, NIGHT, ZONE), datetime.combine(last, NIGHT, ZONE)) for first, last in self.away
        ]
        return any(first <= at < last for first, last in nights)


@dataclass
class Life:
    """One person, from the order to the end."""

    town: Town
    person_id: str
    rng: random.Random
    unit: int = COORDINATOR_UNIT.id
    order: Ordered | None = None
    decided: date | None = None
    execution: int | None = None
    elsewhere: int | None = None
    consents: list[str] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    ended_by_authority: bool = False
    corrected: bool = False
    """Evidence was corrected afterwards. It may take a day until that is found."""

    # --- what is true -----------------------------------------------------------------------------------------------

    def truth(self, at: datetime) -> Truth | None:
        return next((t for t in reversed(self.truths) if t.at <= at), None)

    def forbids(self, at: datetime) -> str | None:
        """Why nobody may look, by what Lifecare said, on the real day and on the day by the adapter's clock; None if
        somebody may."""
        truth = self.truth(at)
        return "nothing ordered" if truth is None else truth.forbids(at) and truth.forbids(self.as_told(at))

    def keeps_shut(self, at: datetime) -> str | None:
        """The same without a first day in the future as a reason. A schedule made ahead opens by itself on that day, so
        the time before it doesn't count for other reasons."""
        truth = self.truth(at)
        if truth is None:
            return "nothing ordered"
        begun = [replace(truth, first_day=min(truth.first_day, local(t).date())) for t in (at, self.as_told(at))]
        return begun[0].forbids(at) and begun[1].forbids(self.as_told(at))

    def as_told(self, at: datetime) -> datetime:
        """The adapter's clock at that instant."""
        return at + self.town.adapters_clock.ahead_at(at)

    def _now(self, what: str, **changes: object) -> None:
        self.town.acted(self.person_id, what)
        self.truths.append(replace(self.truths[-1], at=self.town.clock.now(), **changes))  # type: ignore[arg-type]

    # --- what people do ---------------------------------------------------------------------------------------------

    async def hours(self, low: float, high: float) -> None:
        await asyncio.sleep(self.rng.uniform(low, high) * 3600)

    async def live(self) -> None:
        rng, lifecare = self.rng, self.town.lifecare
        await self.hours(0, self.town.days * 24 * 0.4)
        lifecare.seed_person(self.person_id)
        today = local(self.town.clock.now()).date()
        alone = rng.random() < 0.4
        if not alone:
            other = lifecare.order(self.person_id, "shower", start=today, order_date=today)
            lifecare.accept(other.order_id)
            self.elsewhere = lifecare.start_execution(other.order_id, start=today)
            await self.hours(0, 1)
        first = today + timedelta(days=rng.choice((0, 0, 0, 2)))
        self.order = lifecare.order(self.person_id, "camera", start=first, order_date=today, unit_id=self.unit)
        self.decided = lifecare.row("sol_decisions", self.order.decision_id)["Date"]
        self.truths.append(Truth(self.town.clock.now(), first, keys_needed=alone))
        self.town.acted(self.person_id, "ordered")
        await self._way_in()
        while True:
            await self.hours(4, self.town.days * 24 * 0.3)
            await self.happen()

    async def happen(self) -> None:
        """What comes next."""
        self._happening()

    async def _way_in(self) -> None:
        rng = self.rng
        steps: list[Signal | str] = [*PAPERS]
        if self.truths[-1].keys_needed or rng.random() < 0.2:
            steps.append(Signal.KEYS_COLLECTED)
        if rng.random() < 0.3:
            rng.shuffle(steps)
        steps.insert(0 if rng.random() < 0.7 else rng.randrange(len(steps)), "execute")
        for step in steps:
            if rng.random() < 0.02:
                continue
            await self.hours(0, rng.choice((0.05, 1, 6)))
            if step == "execute":
                self.execute()
            else:
                self.note(Signal(step))
                if rng.random() < 0.05:
                    self.note(Signal(step))

    def _happening(self) -> None:
        happenings = (
            self.go_away, self.go_away, self.withdraw, self.withdraw, self.consent_again, self.change_times, self.hear,
            self.decide_end, self.extend, self.die, self.stop_execution, self.take_back_note, self.cancel,
        )  # fmt: skip
        weights = (3, 3, 2, 2, 6, 3, 1, 3, 3, 0.5, 0.5, 1, 0.5)
        self.rng.choices(happenings, weights)[0]()

    def execute(self) -> None:
        if self.execution is None and self.order is not None and not self.truths[-1].cancelled:
            self.town.lifecare.accept(self.order.order_id)
            self.execution = self.town.lifecare.start_execution(
                self.order.order_id, start=local(self.town.clock.now()).date(), unit_id=self.unit
            )
            self._now("executes", accepted=True, executing=True)

    def note(self, signal: Signal, text: str = "Klart.") -> None:
        place = self.execution or self.elsewhere
        if place is None:
            return
        if signal in (Signal.TIMES_AGREED, Signal.TIMES_CHANGED):
            text = self.rng.choice(("22.30, 02:15 och 05.00", "22.00, 01.30 och 04.45"))
            # 02:30 is a time that a clock change skips or repeats.
            text = text.replace("02:15", "02:30") if self.town.nights else text
        note = self.town.lifecare.note_as("alarm_team", place, signal.value, text)
        signed = self.truths[-1].signed | {signal}
        if signal is Signal.CONSENT_WITHDRAWN:
            self._now("withdraws", withdrawn=True)
        elif signal is Signal.CONSENT_SIGNED:
            self.consents.append(note)
            self._now("consents", withdrawn=False, signed=signed)
        else:
            self._now(f"notes {signal.value}", signed=signed)

    def go_away(self) -> None:
        first = local(self.town.clock.now()).date() + timedelta(days=self.rng.randrange(0, 3))
        last = first + timedelta(days=self.rng.randrange(1, 4))
        self.town.lifecare.absence(self.person_id, first, last)
        self._now(f"away {first} to {last}", away=(*self.truths[-1].away, (first, last)))

    def withdraw(self) -> None:
        if Signal.CONSENT_SIGNED in self.truths[-1].signed:
            self.note(Signal.CONSENT_WITHDRAWN)

    def consent_again(self) -> None:
        if self.truths[-1].withdrawn:
            self.note(Signal.CONSENT_SIGNED)

    def change_times(self) -> None:
        if Signal.TIMES_AGREED in self.truths[-1].signed:
            self.note(Signal.TIMES_CHANGED)

    def hear(self) -> None:
        self.note(Signal.END_HEARD)

    def decide_end(self) -> None:
        assert self.order is not None
        day = local(self.town.clock.now()).date() + timedelta(days=self.rng.choice((-1, 0, 0, 1, 3)))
        day = max(day, self.truths[-1].first_day)
        self.town.lifecare.decision_end(self.order.decision_id, day)
        self.ended_by_authority = True
        self._now(f"ends {day}", last_day=day)

    def extend(self) -> None:
        """Only before the end, because a new start after it would be a new schedule."""
        assert self.order is not None
        last = self.truths[-1].last_day
        if last is not None and last > local(self.town.clock.now()).date():
            day = last + timedelta(days=self.rng.randrange(1, 5))
            self.town.lifecare.decision_end(self.order.decision_id, day)
            self._now(f"extended to {day}", last_day=day)

    def die(self) -> None:
        self.town.lifecare.decease(self.person_id)
        self._now("dies", deceased=True)

    def stop_execution(self) -> None:
        if self.execution is not None and self.truths[-1].executing:
            yesterday = local(self.town.clock.now()).date() - timedelta(days=1)
            self.town.lifecare.end_execution(self.execution, yesterday)
            self._now("ends the execution", executing=False)

    def cancel(self) -> None:
        assert self.order is not None
        self.town.lifecare.will_not_be_executed(self.order.order_id)
        self.ended_by_authority = self.ended_by_authority or self.execution is None
        self._now("order withdrawn", cancelled=True)

    def take_back_note(self) -> None:
        """Every note of a consent is found to be an error; a new one may follow."""
        truth = self.truths[-1]
        if Signal.CONSENT_SIGNED in truth.signed and not truth.withdrawn:
            while self.consents:
                self.town.lifecare.error_mark(self.consents.pop())
            self.corrected = True
            self._now("consent error-marked", withdrawn=True)

    async def finish(self) -> None:
        """Everybody does their part, so that the case can close."""
        if self.order is None:
            return
        lifecare, today = self.town.lifecare, local(self.town.clock.now()).date()
        yesterday = max(today - timedelta(days=1), self.truths[-1].first_day)
        lifecare.decision_end(self.order.decision_id, yesterday)
        self.ended_by_authority = True
        self._now(f"ends {yesterday} at last", last_day=yesterday)
        await self.hours(40, 41)
        self.note(Signal.EQUIPMENT_COLLECTED)
        if self.truths[-1].keys_needed:
            await self.hours(0, 1)
        for execution in (self.execution, self.elsewhere):
            if execution is not None:
                lifecare.end_execution(execution)
        self._now("closes", executing=False)
