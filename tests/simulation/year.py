"""A year of a simulated town. Its follow-up is counted a second time (``expected_followup``).

``python -m tests.simulation.year [PERSONS DAYS SEED]`` simulates a year of a town of 300 persons, prints how far it has
come, and compares every figure.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time as clock
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from itertools import chain

from sqlalchemy import Connection, select, update

from adapter.domain.facts import Signal
from adapter.domain.ledger import ActState
from adapter.engine.recount import FROM_ACTS, recount
from adapter.engine.service_log import BEAT
from adapter.followup import tallies
from adapter.followup.report import Month, by_span
from adapter.followup.tallies import Tally
from adapter.followup.uptime import ADAPTER, Span
from adapter.observability import configure_logging
from adapter.store import counts, look_log, tables
from adapter.store.outbox import act_from_row
from adapter.store.tables import cases
from connectors.mock.lifecare.catalogue import COORDINATOR_UNIT, COORDINATOR_UNIT_SOUTH
from connectors.mock.phoniro.night_plan import NightPlan
from tests.simulation.expected_followup import ExpectedFollowup, Key, expected, reported
from tests.simulation.lives import ZONE, Life, local
from tests.simulation.process import Process
from tests.simulation.promises import Watch
from tests.simulation.town import AWAITING_HOURS, Scale, SlowMail, Town
from tests.simulation.weather import ALL as ALL_FAULTS
from tests.simulation.weather import DEAD, LOSES_ANSWERS, Storm, Weather

UNITS = (COORDINATOR_UNIT.id, COORDINATOR_UNIT_SOUTH.id)
START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
NIGHTS = NightPlan(missed=0.02, offline=0.01, second=0.05, visit=0.02, late=0.01, corrected=0.01, unlisted=0.01)
QUIET = (time(20, 0), time(6, 45))
"""Not until half past six: from midnight that is six and a half hours, which a few seconds would round up or down."""
READ_EVERY = timedelta(hours=1)
"""How often the looks are read at night. In service they are read every few minutes, which finds the same."""


@dataclass
class Citizen(Life):
    """A person whose life happens by day, who has one order, and who gives the camera back at the end. ``noted``: each
    time that a signal was noted."""

    noted: dict[Signal, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def note(self, signal: Signal, text: str = "Klart.") -> None:
        if signal is Signal.KEYS_COLLECTED and not self.truths[-1].keys_needed:
            return
        super().note(signal, text)
        if self.execution or self.elsewhere:
            self.noted[signal].append(self.town.clock.now())

    def over_at(self, *, started: bool) -> datetime | None:
        """When the authority's end came. An order that is called off after the start only pauses."""
        for truth, after in zip(self.truths, [*self.truths[1:], None], strict=True):
            if truth.cancelled and not started:
                return truth.at
            if truth.last_day:
                midnight = datetime.combine(truth.last_day + timedelta(days=1), time(0), ZONE).astimezone(UTC)
                if after is None or max(midnight, truth.at) < after.at:
                    return max(midnight, truth.at)
        return None

    async def hours(self, low: float, high: float) -> None:
        await super().hours(low, high)
        now = local(self.town.clock.now())
        if not 7 <= now.hour < 17:
            morning = datetime.combine(now.date() + timedelta(days=now.hour >= 17), datetime.min.time(), ZONE)
            wakes = morning.replace(hour=8) + timedelta(minutes=self.rng.uniform(0, 120))
            await asyncio.sleep((wakes.astimezone(UTC) - self.town.clock.now()).total_seconds())

    async def happen(self) -> None:
        truth = self.truths[-1]
        if (truth.deceased or truth.cancelled) and not self.ended_by_authority:
            self.decide_end()
        elif truth.cancelled or (truth.last_day and truth.last_day < local(self.town.clock.now()).date()):
            await self._leave()
        else:
            await super().happen()

    async def _leave(self) -> None:
        await self.hours(1, 100)
        if self.rng.random() < 0.7:
            self.note(Signal.PICKUP_BOOKED)
        await self.hours(1, 100)
        self.note(Signal.EQUIPMENT_COLLECTED)
        await self.hours(1, 100)
        for execution in (self.execution, self.elsewhere):
            if execution is not None:
                self.town.lifecare.end_execution(execution)
        self._now("closes", executing=False)
        await asyncio.Event().wait()

    def decide_end(self) -> None:
        """Half of the decisions end with the month, as real ones do."""
        today = local(self.town.clock.now()).date()
        if self.order is None or self.rng.random() < 0.5:
            super().decide_end()
            return
        day = (today.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        self.town.lifecare.decision_end(self.order.decision_id, day)
        self.ended_by_authority = True
        self._now(f"ends {day}", last_day=day)

    def take_back_note(self) -> None:
        """Not here: corrected evidence is found within a day, and other tests have what follows."""


class NoPromises(Watch):
    """Checks no promises here, because other tests do."""

    def hour(self) -> None:
        return


class Fair(Weather):
    """Has no storm at night or near the end of a month, so that what is counted late still counts in its month."""

    def forecast(self, start: datetime, days: int) -> None:
        for day in range(0, days, 15):
            for vendor in ("lifecare", "phoniro"):
                at = (start + timedelta(days=day + self.rng.randrange(15))).replace(hour=self.rng.randrange(7, 12))
                if 3 <= at.day <= 24:
                    dead = self.rng.random() < 0.4
                    faults = DEAD if dead else self.rng.choice((ALL_FAULTS, LOSES_ANSWERS))
                    share = 1.0 if dead else self.rng.uniform(0.1, 0.6)
                    hours = self.rng.choice((0.2, 1, 4))
                    self.storms.append(Storm(vendor, at, at + timedelta(hours=hours), share, faults))


class PlainMail(SlowMail):
    """A mail server that accepts everything at once. ``last``: the last copy of each mail."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.last: dict[str, tuple[datetime, str]] = {}

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        # If the sender died before it could store the outcome, the mail is sent again. The second copy counts.
        self.last[message_id] = (self.town.clock.now(), f"{subject}\n{body}")


FIRST_BEAT = timedelta(seconds=0.777)
"""So long after its start a process beats first. Nothing else happens at that instant, nor whole minutes after it."""


class Beating(Process):
    """A process that notes calls and outages, and stores once a minute what it noted and that it is at work."""

    town: Year
    born: datetime
    died: datetime | None = None

    def start(self) -> None:
        tenant = self.rt.tenants["exempel"]
        object.__setattr__(tenant, "policy", replace(tenant.policy, quiet=QUIET))
        self.born = self.town.clock.now() + FIRST_BEAT
        self.town.begun.append(self)
        super().start()
        self.tasks.append(asyncio.ensure_future(self._beats()))

    def die(self) -> None:
        if self.died is None:
            self.died = self.town.clock.now()
            self.still_at_work()
        super().die()

    def beats(self, end: datetime) -> Span | None:
        """From the first beat to the last one before it died, or before ``end``; None if it died before the first."""
        minutes = ((self.died or end) - self.born) // BEAT
        return Span(ADAPTER, self.born, self.born + minutes * BEAT) if minutes >= 0 else None

    async def _beats(self) -> None:
        log = self.rt.service_log
        await asyncio.sleep(FIRST_BEAT.total_seconds())
        while True:
            if log._since is None or log._unsaved or log._over or log._trouble:
                await log.beat(self, ["exempel"])  # type: ignore[arg-type]
            else:
                # This beat would only say that the process is at work. The last such beat is stored at the end.
                log._beat_at = self.town.clock.now()
            await asyncio.sleep(BEAT.total_seconds())

    async def run(self, fn: Callable[[Connection], None]) -> None:
        """Without a point at which the process can die."""
        self.town.db.run_sync(fn)

    def still_at_work(self) -> None:
        """Store the last of the beats that were left out."""
        log = self.rt.service_log
        if log._since is not None and log._beat_at is not None:
            span = Span(ADAPTER, log._since, log._beat_at)
            self.town.db.run_sync(lambda c: counts.save_spans(c, log.owner, [("exempel", span)]))


class Year(Town):
    """A town for ``run`` to simulate to its end. Afterwards ``months`` has what the adapter counted, ``expected`` the
    figures as they should be, and ``differences`` the figures that differ. ``anew``: the months with acts and looks
    counted a second time, once rightly and twice wrongly."""

    life_kind, weather_kind, mail_kind, watch_kind, apart = Citizen, Fair, PlainMail, NoPromises, (0,)
    process_kind = Beating
    stepped = 0
    seldom = timedelta(days=60)
    lives: list[Citizen]  # type: ignore[assignment]
    mail: PlainMail

    def __init__(self, seed: int, scale: Scale, start: datetime = START) -> None:
        self.begins = start
        self.differences: list[str] = []
        self.months: list[Month] = []
        self.expected: dict[Key, int] = {}
        self.anew: dict[str, list[Month]] = {}
        self.begun: list[Beating] = []
        super().__init__(seed, scale)
        self.deaths, self.deaths_at_writes, self.two = 0.0001, 0.005, False
        self.writes_back = False  # written back visits are no figure, and cost more than all the rest
        self.phoniro.set_nights(NIGHTS)
        for n, life in enumerate(self.lives):
            life.unit = UNITS[n % len(UNITS)]

    def acted(self, person_id: str, what: str) -> None:
        self.acted_at = now = self.clock.now()
        self.log(f"{person_id[-4:]} {what}")
        # What people did by day is read before the night, even if it can't be read at first.
        self._later(self.rng.uniform(0, (AWAITING_HOURS - 1) * 3600), person_id, now, True)

    def first_moment(self) -> datetime:
        return self.begins

    def next_news(self, now: datetime) -> datetime:
        return now + READ_EVERY

    async def _run(self) -> None:
        await self._lived_through()
        self.weather.lifted = True
        await self._hours(24)
        # In service each case is decided once a day, and then knows the night before.
        _open = (cases.c.closed_at.is_(None), cases.c.lease_owner.is_(None))
        now = self.clock.now()
        self.db.run_sync(
            lambda c: c.execute(update(cases).where(*_open).values(due_at=now, due_reason="time", ready_at=now))
        )
        for process in self.processes:
            process.wake.set()
        await self._hours(3)
        for process in self.begun:
            if process.died is None:
                process.still_at_work()
        self.differences = compared(self)


def anew(town: Year) -> dict[str, list[Month]]:
    """The months with acts and looks counted a second time, by the right days and by two wrong kinds of days."""
    return {
        "rightly": counted_anew(town, ZONE),
        "by the days of another zone": counted_anew(town, UTC),
        "by a clock that knows no summer time": counted_anew(town, timezone(timedelta(hours=1))),
    }


def counted_anew(town: Year, zone: tzinfo) -> list[Month]:
    """What the town counted, but with the counts of acts and looks made a second time, by the days of a zone."""
    tenant = town.processes[0].rt.tenants["exempel"]
    a = tables.acts
    done = select(a).where(a.c.state == ActState.DONE, a.c.done_at.is_not(None))

    def read(c: Connection) -> list[Tally]:
        units = {row.ref: row.unit for row in c.execute(select(cases.c.ref, cases.c.unit))}
        of_acts = [tallies.of_act(act_from_row(c, r), r.done_at, units.get(r.ref), zone) for r in c.execute(done)]
        known = look_log.since(c, tenant.name, town.start)
        looked = [(ref, look) for ref, some in known.items() for look in some]
        return [*chain(*of_acts), *(tallies.of_look(k, tenant.policy.window, zone, units[ref]) for ref, k in looked)]

    anew = town.db.run_sync(read)
    months = []
    for month in town.months:
        kept = [t for t in month.tallies if not t.what.startswith((*FROM_ACTS, "look."))]
        months.append(replace(month, tallies=[*kept, *(t for t in anew if month.first <= t.day <= month.last)]))
    return months


def compared(town: Year) -> list[str]:
    """Every figure that the report has wrong, and every difference that counting again from the source finds."""
    tenant = town.processes[0].rt.tenants["exempel"]
    first, last, now = local(town.start).date(), local(town.clock.now()).date(), town.clock.now()
    town.months = town.db.run_sync(lambda c: counts.months(c, tenant.name, first, last, zone=ZONE, now=now))
    town.expected = theirs = expected(ExpectedFollowup(town))
    ours = reported(by_span(town.months))
    town.anew = anew(town)
    again = town.db.run_sync(lambda c: recount(c, tenant, first, last))
    return [
        *(
            f"{key}: the report says {ours.get(key, 0)}, and should say {theirs.get(key, 0)}"
            for key in sorted({*ours, *theirs})
            if ours.get(key) != theirs.get(key)
        ),
        *map(str, again),
    ]


class Told(Year):
    """A year that prints every week how far it has come."""

    async def _run(self) -> None:
        telling = asyncio.ensure_future(self._tell())
        await super()._run()
        telling.cancel()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(7 * 24 * 3600)
            print(f"{self.clock.now():%Y-%m-%d} after {clock.process_time():.0f} s CPU", flush=True)


def main(persons: int = 300, days: int = 365, seed: int = 1) -> int:
    configure_logging("CRITICAL", json=True, stream=io.StringIO())
    began, town = clock.process_time(), Told(seed, Scale(persons, days))
    town.run()
    for line in town.differences:
        print(line)
    looks = sum(1 for s in town.phoniro.schedules for _ in s.looks(town.start, town.clock.now()))
    print(
        f"{persons} persons over {days} days, {looks} looks, {town.faults} calls met by faults, {town.killed} kills: "
        f"{len(town.expected)} figures, {len(town.differences)} differ ({clock.process_time() - began:.0f} s CPU)"
    )
    return 1 if town.differences else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
