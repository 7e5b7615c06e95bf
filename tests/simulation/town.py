"""A simulated town: vendors, people, weather, and the adapter's processes, all from one seed, in one thread."""

from __future__ import annotations

import asyncio
import random
import traceback
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, bindparam, select, update

from adapter.store import codec
from adapter.store.database import Database
from adapter.store.tables import cases
from connectors.errors import AmbiguousWrite, Transient
from connectors.mock.lifecare.simulator import SimulatedLifecare
from connectors.mock.phoniro.night_plan import NightPlan
from connectors.mock.phoniro.simulator import SimulatedPhoniro
from tests.simulation.lives import Life
from tests.simulation.loop import LoopClock, SetClock, VirtualLoop
from tests.simulation.network import Vendor
from tests.simulation.process import Process
from tests.simulation.promises import Broken, Watch
from tests.simulation.weather import Weather
from tests.world import settings_for

_c = cases.c
_UNREAD = select(_c.ref, _c.decision, _c.lease_owner).where(
    _c.tenant == "exempel",
    _c.person == bindparam("person"),
    _c.closed_at.is_(None),
    _c.facts_read_at <= bindparam("acted_at"),
)
_NOW = update(cases).where(_c.tenant == "exempel", _c.ref == bindparam("of"), _c.lease_owner.is_(None))
_LOOK = _NOW.values(due_at=bindparam("now"), due_reason="time", ready_at=bindparam("now"))
_READ = _NOW.values(read_again_at=bindparam("now"), ready_at=bindparam("now"))

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DATABASE = Database("sqlite://")
"""Each town has its own. Only the compiled statements stay for the next town."""
OVERDUE = timedelta(minutes=35)
AWAITING_HOURS, REREAD_HOURS = 4, 24
BUSY = 1000
"""The commits and calls of a busy hour, for each case and for the feeds."""
STEPS = tuple(sign * step for step in (timedelta(hours=1), timedelta(days=1)) for sign in (1, -1))
"""By how much the adapter's clock is set."""
CALM_DAYS = 2
"""Days after the last fault until everything must be as it should be, and then until all cases are closed."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a town: the number of cases and the days with faults. ``nights``: Phoniro plays its nights by itself,
    and the adapter follows them."""

    cases: int = 20
    days: int = 30
    nights: bool = True


def small(seed: int) -> Scale:
    """A small town for the test suite. In every fifth town Phoniro plays its nights too."""
    return Scale(cases=1, days=1, nights=seed % 5 == 0)


NIGHTS = NightPlan(missed=0.15, offline=0.05, second=0.1, late=0.1, corrected=0.1, unlisted=0.1)
CHANGES = (datetime(2026, 3, 27, 8, 0, tzinfo=UTC), datetime(2026, 10, 23, 8, 0, tzinfo=UTC))
"""So long before the nights of the clock change that most persons' looks are followed by then."""


class SlowMail:
    """A mail server that fails now and then, before or after it accepted the mail."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.sent: dict[str, list[tuple[str, str, str]]] = {}
        self.taken: list[tuple[datetime, str]] = []
        """When, and what it says: subject and text."""

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        luck = 1.0 if self.town.weather.lifted else self.town.rng.random()
        if luck < 0.05:
            raise Transient("busy", vendor="mail", call="send")
        self.sent.setdefault(message_id, []).append((to, subject, body))
        self.taken.append((self.town.clock.now(), f"{subject}\n{body}"))
        if luck < 0.1:
            raise AmbiguousWrite("cut", vendor="mail", call="send")

    async def check(self) -> None:
        return None


class Town:
    """``run`` raises ``Broken`` with the broken promise and the time. ``apart``: by how many seconds a vendor's clock
    may be wrong."""

    life_kind: type[Life] = Life
    weather_kind: type[Weather] = Weather
    mail_kind: type[SlowMail] = SlowMail
    watch_kind: type[Watch] = Watch
    process_kind: type[Process] = Process
    apart: tuple[int, ...] = (0, 0, -90, 45, 120)
    stepped: float = 0.4
    """The share of towns in which the adapter's clock is set, and set right again."""
    seldom = timedelta(days=7)
    """How often a case is read again if nobody did anything about it. ``acted`` makes the others be read again."""

    def __init__(self, seed: int, scale: Scale, *, trace: bool = False) -> None:
        self.seed, self.days, self.trace = seed, scale.days, trace
        self.rng = random.Random(seed)
        random.seed(seed)  # tenacity draws its waits from the module's own
        self.loop = VirtualLoop()
        self.nights = scale.nights
        self.writes_back = scale.nights and seed % 3 == 1
        """Whether looks are written back to Lifecare."""
        self.start = self.first_moment()
        self.clock = LoopClock(self.loop, self.start)
        self.adapters_clock = SetClock(self.clock)
        self.steps = self.drawn_steps(random.Random(seed + 5))
        self.weather = self.weather_kind(random.Random(seed + 1))
        skews = [timedelta(seconds=self.rng.choice(self.apart)) for _ in range(2)]
        self.lifecare = SimulatedLifecare(lambda: self.clock.now() + skews[0], seed=seed)
        lag = self.rng.choice((0, 5, 20))
        self.phoniro = SimulatedPhoniro(lambda: self.clock.now() + skews[1], seed=seed)
        self.phoniro.list_lag_seconds = lag
        if scale.nights:
            self.phoniro.set_nights(NIGHTS)
        nets = [random.Random(seed + n) for n in (2, 3)]
        self.lifecare_net = Vendor("lifecare", self.lifecare.handle, self.clock, self.weather, nets[0])
        self.phoniro_net = Vendor("phoniro", self.phoniro.handle, self.clock, self.weather, nets[1])
        self.phoniro_net.revoke = self.phoniro.revoke_tokens
        self.mail = self.mail_kind(self)
        self.settings = settings_for(poll_seconds=3600)
        self.db = DATABASE
        self.two = self.rng.random() < 0.3
        self.deaths, self.deaths_at_writes, self.stalls = 0.0005, 0.02, 0.0015
        self.processes: list[Process] = []
        self.births = self.killed = 0
        self.failure: Broken | None = None
        self.lives = [
            self.life_kind(
                self, f"1934{1 + n // 28:02d}{1 + n % 28:02d}TF{n % 100:02d}", random.Random(seed * 1000 + n)
            )
            for n in range(scale.cases)
        ]
        self.watch = self.watch_kind(self)
        self.today = self.start.date() - timedelta(days=1)
        self.lines: list[str] = []
        self.acted_at = self.start
        self.points, self.bound = 0, BUSY * (5 + scale.cases)

    def first_moment(self) -> datetime:
        """When (UTC) it begins."""
        return random.Random(self.seed + 4).choice((START, *CHANGES)) if self.nights else START

    def drawn_steps(self, rng: random.Random) -> list[tuple[datetime, timedelta]]:
        """When the clock is set, and by how much: wrong, and right again before the faults end."""
        if rng.random() >= self.stepped:
            return []
        end, steps = self.start + timedelta(days=self.days - 0.1), []
        for _ in range(rng.randint(1, 1 + self.days // 6)):
            at, step = self.start + timedelta(days=rng.uniform(0.1, 0.8) * self.days), rng.choice(STEPS)
            right = min(at + timedelta(hours=rng.choice((rng.uniform(0.1, 4), rng.uniform(4, 30)))), end)
            steps += [(at, step), (right, -step)]
        return sorted(steps)

    @property
    def sets_clock(self) -> bool:
        """Whether the time of something means nothing, because the clock was wrong then."""
        return bool(self.steps) and not self.weather.lifted

    async def _set_clock(self) -> None:
        for at, step in self.steps:
            await asyncio.sleep((at - self.clock.now()).total_seconds())
            self.log(f"the clock is set by {step}")
            self.adapters_clock.step(step)
            for process in self.processes:
                process.clock_set(step)

    def log(self, line: str) -> None:
        self.lines.append(f"{self.clock.now():%m-%d %H:%M:%S} {line}")
        if self.trace:
            print(self.lines[-1])

    def acted(self, person_id: str, what: str) -> None:
        """Somebody did something in Lifecare. In service a case is read whole each ``REREAD_HOURS``, and what it awaits
        each ``AWAITING_HOURS``, at moments of its own. Here only the first of those readings after an act is done: the
        others, most of what a month consists of, find nothing new."""
        now = self.clock.now()
        self.acted_at = now
        self.log(f"{person_id[-4:]} {what}")
        self._later(self.rng.uniform(0, AWAITING_HOURS * 3600), person_id, now, False)

    def _later(self, seconds: float, person_id: str, acted_at: datetime, anyhow: bool) -> None:
        self.loop.call_later(seconds, self._read_again, person_id, acted_at, anyhow, context=Context())

    def _read_again(self, person_id: str, acted_at: datetime, anyhow: bool) -> None:
        """The moment when the person's case is read again, if it awaits something or ``anyhow``."""
        now, person = self.adapters_clock.now(), self.db.sealing.person("exempel", person_id)
        # A time by a wrong clock means nothing.
        theirs = {"person": person, "acted_at": now + timedelta(days=2) if self.sets_clock else acted_at}
        for ref, decision, owner in self.db.run_sync(lambda c: c.execute(_UNREAD, theirs).all()):
            if owner is not None:  # it is being read just now
                self._later(60, person_id, acted_at, anyhow)
                continue
            if anyhow or codec.DECISION.load(decision).awaits:
                soon = {"statement": _READ if anyhow else _LOOK, "parameters": {"of": ref, "now": now}}
                self.db.run_sync(partial(Connection.execute, **soon))
            if not anyhow:
                self._later(self.rng.uniform(0, (REREAD_HOURS - AWAITING_HOURS) * 3600), person_id, acted_at, True)
        for process in self.processes:
            process.wake.set()

    def broken(self, what: str, error: BaseException | None = None) -> None:
        if self.failure is None:
            told = "".join(traceback.format_exception(error)) if error else ""
            self.failure = Broken(f"{self.clock.now():%Y-%m-%d %H:%M:%S} {what}\n{told}".rstrip())

    @property
    def faults(self) -> int:
        return sum(self.lifecare_net.met.values()) + sum(self.phoniro_net.met.values())

    # --- the adapter's processes ------------------------------------------------------------------------------------

    def birth(self) -> None:
        self.births += 1
        process = self.process_kind(self, self.births, random.Random(self.rng.random()))
        self.processes.append(process)
        process.start()

    def death(self, process: Process) -> None:
        self.killed += 1
        self.processes.remove(process)
        process.die()
        # In its own context, so that a new process inherits nothing from a dead one.
        self.loop.call_later(self.rng.choice((1, 30, 300)), self.birth, context=Context())

    def next_news(self, now: datetime) -> datetime:
        """When a reading of the looks can bring anything new: when they became due, when Phoniro listed something new,
        when they are overdue, and when the night is over. In service they are read every ``watch_seconds``."""
        until = now + timedelta(hours=1)
        moments = [until]
        for schedule in self.phoniro.schedules:
            for due in schedule.looks(now - timedelta(hours=4), until):
                told = [due + after for after, _ in self.phoniro.told(due, schedule.id) or ()]
                moments += [due, *told, due + OVERDUE, due + OVERDUE + timedelta(hours=1)]
        if self.weather.stormy(now, timedelta(minutes=40), vendor="phoniro"):
            moments.append(now + timedelta(minutes=10))
        return min(at for at in moments if at > now)

    # --- time -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        self.db.upgrade()
        try:
            self.loop.run_until_complete(self._run())
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
            self.db.close()

    async def _lived_through(self) -> None:
        """All days with people and faults, without the calm days at the end."""
        self.weather.forecast(self.start, self.days)
        people = [asyncio.ensure_future(self._lived(life)) for life in self.lives]
        people.append(asyncio.ensure_future(self._set_clock()))
        for _ in range(1 + self.two):
            self.birth()
        await self._hours(self.days * 24)
        for task in people:
            task.cancel()

    async def _run(self) -> None:
        await self._lived_through()
        self.log("all faults lifted, people rest")
        self.weather.lifted = True
        await self._hours(CALM_DAYS * 24 - 8)
        self.watch.settled()
        await asyncio.gather(*(life.finish() for life in self.lives))
        self.watch.people_done = True
        await self._hours(CALM_DAYS * 24)
        self.watch.closed()
        self._raise()

    async def _lived(self, life: Life) -> None:
        try:
            await life.live()
        except Exception as error:  # noqa: BLE001 - a fault of the simulation itself
            self.broken("a person couldn't do what people do", error)

    def points_left(self) -> bool:
        """Whether an hour had no more commits and calls than a busy hour has. With an endless loop the simulation would
        never reach the end of the hour."""
        self.points += 1
        if self.points == self.bound:
            self.broken(f"more than {self.bound} commits and calls within an hour")
        return self.points < self.bound

    async def _hours(self, hours: int) -> None:
        for _ in range(hours):
            self.points = 0
            await asyncio.sleep(3600)
            self.watch.hour()
            self._raise()

    def _raise(self) -> None:
        if self.failure is not None:
            raise self.failure
