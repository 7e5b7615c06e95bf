"""A simulated town's follow-up, counted a second time: from what stands at the simulated vendors, in the mail server
and with the people. Of what the adapter stored only whose a schedule is is looked up.

``python -m tests.simulation.year [PERSONS DAYS SEED]`` lives a year of a town of 300 and compares to the last figure.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import time as clock
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import chain
from math import ceil

from sqlalchemy import Connection, select, update

from adapter.domain.facts import Signal
from adapter.domain.ledger import ActState
from adapter.engine.recount import FROM_ACTS, recount
from adapter.followup import tallies
from adapter.followup.report import ALL, Cell, Month, Table, report
from adapter.followup.tallies import Tally
from adapter.observability import configure_logging
from adapter.store import counts, look_log, tables
from adapter.store.outbox import act_from_row
from adapter.store.tables import cases, persons
from connectors.mock.lifecare.catalogue import COORDINATOR_UNIT, COORDINATOR_UNIT_SOUTH
from connectors.mock.phoniro import NightPlan, Schedule
from connectors.mock.phoniro.schedules import Version
from tests.simulation.lives import NIGHT, ZONE, Life, local
from tests.simulation.promises import CASE, MARK, Watch
from tests.simulation.town import AWAITING_HOURS, Scale, SlowMail, Town
from tests.simulation.weather import ALL as ALL_FAULTS
from tests.simulation.weather import DEAD, LOSES_ANSWERS, Storm, Weather

UNITS = (COORDINATOR_UNIT.id, COORDINATOR_UNIT_SOUTH.id)
START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
NIGHTS = NightPlan(missed=0.02, offline=0.01, second=0.05, visit=0.02, late=0.01, corrected=0.01, unlisted=0.01)
READ_EVERY = timedelta(hours=1)
"""How often the looks are read at night: in service every few minutes, which finds no others."""


@dataclass
class Citizen(Life):
    """Somebody who acts by day, has one supervision, and gives the camera back when it has ended. ``noted``: when a
    signal was first noted."""

    noted: dict[Signal, datetime] = field(default_factory=dict)

    def note(self, signal: Signal, text: str = "Klart.") -> None:
        super().note(signal, text)
        if self.execution or self.elsewhere:
            self.noted.setdefault(signal, self.town.clock.now())

    def over_at(self) -> datetime | None:
        """When the authority's end came."""
        for truth, after in zip(self.truths, [*self.truths[1:], None], strict=True):
            if truth.cancelled:
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
        await self.hours(1, 200)
        self.note(Signal.EQUIPMENT_COLLECTED)
        await self.hours(1, 100)
        for execution in (self.execution, self.elsewhere):
            if execution is not None:
                self.town.lifecare.end_execution(execution)
        self._now("closes", executing=False)
        await asyncio.Event().wait()

    def decide_end(self) -> None:
        """As decisions end: half of them with the month."""
        today = local(self.town.clock.now()).date()
        if self.order is None or self.rng.random() < 0.5:
            super().decide_end()
            return
        day = (today.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        self.town.lifecare.decision_end(self.order.decision_id, day)
        self.ended_by_authority = True
        self._now(f"ends {day}", last_day=day)

    def take_back_note(self) -> None:
        """Evidence that is corrected is found within a day; what it is told as is other tests' business."""


class Unwatched(Watch):
    """The promises are held elsewhere."""

    def hour(self) -> None:
        return


class Fair(Weather):
    """No storm at night or at a month's end: what is counted on another day than it happened is then in its month."""

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
    """A mail server that takes everything at once. ``last``: the last copy of each mail."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.last: dict[str, tuple[datetime, str]] = {}

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        # One that was sent again, as its sender died before it could note it, was done then.
        self.last[message_id] = (self.town.clock.now(), f"{subject}\n{body}")


class Year(Town):
    """``run`` lives it to its end; ``differences`` then are the figures that the adapter has otherwise, ``months`` what
    it counted, and ``expected`` the figures as they should be. ``anew``: the months with acts and looks counted anew,
    rightly and wrongly."""

    life_kind, weather_kind, mail_kind, watch_kind, apart = Citizen, Fair, PlainMail, Unwatched, (0,)
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
        super().__init__(seed, scale)
        self.deaths, self.deaths_at_writes, self.two = 0.0001, 0.005, False
        self.phoniro.set_nights(NIGHTS)
        for n, life in enumerate(self.lives):
            life.unit = UNITS[n % len(UNITS)]

    def acted(self, person_id: str, what: str) -> None:
        self.acted_at = now = self.clock.now()
        self.log(f"{person_id[-4:]} {what}")
        self._later(self.rng.uniform(0, AWAITING_HOURS * 3600), person_id, now, True)

    def first_moment(self) -> datetime:
        return self.begins

    def next_news(self, now: datetime) -> datetime:
        return now + READ_EVERY

    async def _run(self) -> None:
        await self._lived_through()
        self.weather.lifted = True
        await self._hours(24)
        # In service each case is decided once a day, with what the night before was.
        _open = (cases.c.closed_at.is_(None), cases.c.lease_owner.is_(None))
        now = self.clock.now()
        self.db.run_sync(
            lambda c: c.execute(update(cases).where(*_open).values(due_at=now, due_reason="time", ready_at=now))
        )
        for process in self.processes:
            process.wake.set()
        await self._hours(3)
        self.differences = compared(self)


Key = tuple[str, int, str]
"""A figure's month (``2026-03``), unit and name."""

_OUTCOMES = {
    "ok": "ok",
    "not_visible_then_ok": "second_try",
    "visit_dispatched": "visit",
    "camera_offline": "camera_offline",
    "missed": "missed",
}
_INSTALL = ("Trygghetskamera ska installeras",)
_TAKE_DOWN = ("Trygghetskameran ska hämtas", "Trygghetskameran är hämtad", "Installationen av", "Avboka installationen")
_STEPS = {"I5": Signal.INSTALLATION_BOOKED, "I9": Signal.READY_FOR_START, "A5": Signal.EQUIPMENT_COLLECTED}


SETTLED = timedelta(minutes=30)
"""After the night's begin, who is away is, and who is home is looked after again."""


class Books:
    """What a town's follow-up should say, by what happened in it."""

    def __init__(self, town: Year) -> None:
        self.town = town
        self.values: dict[Key, list[int]] = defaultdict(list)
        self.by_ref: dict[str, Citizen] = {}
        self.end = town.clock.now()
        whose = town.db.run_sync(lambda c: c.execute(select(persons.c.external_id, persons.c.person)).all())
        by_person = {town.db.sealing.person("exempel", life.person_id): life for life in town.lives}
        self.of_customer = {row.external_id: by_person[row.person] for row in whose}
        self._messages()
        self._mails()
        for life in town.lives:
            if life.order is not None:
                self._life(life)
        for schedule in town.phoniro.schedules:
            self._schedule(schedule, self.of_customer[schedule.new.customer_external_id])

    def put(self, at: datetime | date, unit: int, name: str, value: int = 0) -> None:
        day = local(at).date() if isinstance(at, datetime) else at
        for of in {unit, ALL}:
            self.values[f"{day:%Y-%m}", of, name].append(value)

    # --- what was written -------------------------------------------------------------------------------------------

    def _messages(self) -> None:
        by_person = {life.person_id: life for life in self.town.lives}
        for note in self.town.lifecare.notes_written():
            life = by_person[note.person_id]
            self.put(note.written, life.unit, "message")
            if mark := MARK.search(note.text):
                self.by_ref[mark.group(1)] = life

    def _mails(self) -> None:
        left = Counter[str]()
        for at, text in self.town.mail.last.values():
            subject = text.splitlines()[0]
            self.put(at, ALL, "mail")
            if subject.startswith("Nattillsyn som inte blev gjord"):
                for ref_of, clock in re.findall(r"^(TK-\w+): .* klockan (\d\d:\d\d)", text, re.MULTILINE):
                    self._told(at, self.by_ref[ref_of].unit, clock)
            ref = CASE.search(subject)
            if ref is None:
                continue
            unit = self.by_ref[ref.group()].unit
            if subject.startswith(("Inte gjort efter", "Inte löst efter")):
                self.put(at, unit, "escalations")
            elif subject.startswith("Påminnelse"):
                self.put(at, unit, "reminders")
            elif subject.startswith("En trygghetskamera är ännu inte hämtad"):
                left[ref.group()] += 1
                self.put(at, unit, "reminders" if left[ref.group()] < 3 else "escalations")
            elif subject.startswith("Nattillsyn är inte gjord"):
                self._told(at, unit, subject.split()[4])

    def _told(self, at: datetime, unit: int, clock: str) -> None:
        """That a look of that time on the wall's clock wasn't done."""
        self.put(at, unit, "told", int((at - _before(at, *clock.strip(",").split(":"))).total_seconds() // 60))

    # --- a person ---------------------------------------------------------------------------------------------------

    def _life(self, life: Citizen) -> None:
        ordered, unit = life.truths[0].at, life.unit
        self.put(ordered, unit, "ordered")
        theirs = [s for s in self.town.phoniro.schedules if self.of_customer[s.new.customer_external_id] is life]
        started = min((s.versions[0].at for s in theirs), default=None)
        if started is not None:
            self.put(started, unit, "lead", (local(started).date() - local(ordered).date()).days)
        if (over := life.over_at()) and over <= self.end and (started is None or over < started):
            self.put(over, unit, "withdrawn")
        evening = local(ordered).date()
        while (night := datetime.combine(evening, NIGHT, ZONE).astimezone(UTC) + SETTLED) < self.end:
            if cause := self._unwatched(life, theirs, night):
                self.put(evening, unit, f"unwatched.{cause}")
            evening += timedelta(days=1)
        self._steps(life)

    def _unwatched(self, life: Citizen, theirs: list[Schedule], at: datetime) -> str | None:
        """Why nobody looks after somebody who is granted it; None where somebody does, or nobody has to."""
        truth, day = life.truth(at), local(at).date()
        if truth is None or (truth.cancelled and not theirs) or truth.deceased:
            return None
        if day < truth.first_day or (truth.last_day and day > truth.last_day):
            return None
        version = next((v for s in theirs if (v := s.version_at(at))), None)
        if version is not None:
            cause = self._cause(life, at) if version.pausing(at) else None
            return None if cause == "absence" else cause
        return "consent_withdrawn" if truth.withdrawn else None if truth.is_away(at) else "not_started"

    def _cause(self, life: Citizen, at: datetime) -> str:
        truth = life.truth(at)
        assert truth is not None
        if truth.deceased:
            return "deceased"
        if truth.withdrawn:
            return "consent_withdrawn"
        if truth.cancelled:
            return "will_not_be_executed"
        return "absence" if truth.executing else "execution_over"

    def _steps(self, life: Citizen) -> None:
        """From when the note that asks for it was written to when its own was."""
        for step, signal in _STEPS.items():
            at = life.noted.get(signal)
            if at is None:
                continue
            since = self._asked(life, step, at)
            self.put(at, life.unit, f"step.{step}", _hours(at - since) if since else 0)

    def _asked(self, life: Citizen, step: str, at: datetime) -> datetime | None:
        if step == "I9":
            papers = [life.noted.get(s) for s in (Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED)]
            return max(p for p in papers if p) if all(p and p <= at for p in papers) else None
        texts = _INSTALL if step == "I5" else _TAKE_DOWN
        notes = [n for n in self.town.lifecare.notes_written() if n.person_id == life.person_id]
        return next((n.written for n in notes if n.text.startswith(texts) and n.written <= at), None)

    # --- a schedule -------------------------------------------------------------------------------------------------

    def _schedule(self, schedule: Schedule, life: Citizen) -> None:
        before: Version | None = None
        paused: tuple[datetime, str] | None = None
        for version in schedule.versions:
            if version.act == "created":
                self.put(version.at, life.unit, "started")
            if version.act == "paused":
                paused = (version.at, self._cause(life, version.at))
                self.put(version.at, life.unit, f"paused.{paused[1]}")
            if version.act == "ended":
                self.put(version.at, life.unit, "ended")
            if version.act in ("resumed", "ended") and paused and before and before.paused:
                self.put(version.at, life.unit, f"pause.{paused[1]}", _hours(version.at - paused[0]))
            before = version
        for due in schedule.looks(self.town.start, self.end):
            told = self.town.phoniro.told(due, schedule.id)
            night = local(due).date() - timedelta(days=local(due).time() < time(12))
            self.put(night, life.unit, f"look.{_OUTCOMES[told[-1][1]] if told else 'unanswered'}")

    def active(self, month: str, unit: int) -> int:
        """How many are looked after when a month is over, or now."""
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZONE)
        over = min((first + timedelta(days=32)).replace(day=1).astimezone(UTC), self.end)
        mine = [
            s for s in self.town.phoniro.schedules if unit in (ALL, self.of_customer[s.new.customer_external_id].unit)
        ]
        return sum(1 for s in mine if (v := s.version_at(over)) and not v.ended(over))


def _before(at: datetime, hour: str, minute: str) -> datetime:
    """The last time before an instant that the clock on the wall showed that; of two the first."""
    wall = local(at).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0, fold=0)
    if wall.astimezone(UTC) > at:
        wall = datetime.combine(wall.date() - timedelta(days=1), wall.time(), ZONE)
    return wall.astimezone(UTC)


def _hours(length: timedelta) -> int:
    hours = max(length.total_seconds() / 3600, 0)
    return int(hours + 0.5) if hours < 47.5 else int(hours / 24 + 0.5) * 24


_LENGTHS = ("lead", "pause", "step", "told")


def expected(books: Books) -> dict[Key, int]:
    """Each figure that is counted here; what comes to nothing is left out."""
    found: dict[Key, int] = {}
    for (month, unit, name), values in books.values.items():
        if name not in ("lead", "told"):
            found[month, unit, name] = len(values)
        if name.split(".")[0] in _LENGTHS:
            found[month, unit, f"{name} median"] = _percentile(values, 50)
            found[month, unit, f"{name} p90"] = _percentile(values, 90)
    for month, unit in {key[:2] for key in found}:
        found[month, unit, "active"] = books.active(month, unit)
    return {key: number for key, number in found.items() if number}


def _percentile(values: list[int], percent: int) -> int:
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


def reported(tables: tuple[Table, ...]) -> dict[Key, int]:
    """The same figures as the report has them."""
    found: dict[Key, int] = defaultdict(int)
    for table in tables:
        for cells in table.rows:
            row = dict(zip(table.columns, cells, strict=True))
            for name, value in _named(table.name, row):
                assert value is None or isinstance(value, int)
                found[str(row["month"]), int(str(row["unit"])), name] += value or 0
    return {key: number for key, number in found.items() if number}


def _named(table: str, row: dict[str, Cell]) -> list[tuple[str, Cell]]:
    def lengths(name: str, of: str) -> list[tuple[str, Cell]]:
        return [(f"{name} {each}", row[f"{of}_{each}"]) for each in ("median", "p90")]

    match table:
        case "cases":
            return [(n, row[n]) for n in ("ordered", "started", "withdrawn", "ended", "active")] + lengths(
                "lead", "lead"
            )
        case "steps" if row["step"] in _STEPS:
            return [(f"step.{row['step']}", row["done"]), *lengths(f"step.{row['step']}", "hours")]
        case "pauses":
            pause = f"pause.{row['cause']}"
            return [(f"paused.{row['cause']}", row["begun"]), (pause, row["over"]), *lengths(pause, "hours")]
        case "unwatched":
            return [(f"unwatched.{row['cause']}", row["nights"])]
        case "looks":
            names = ("ok", "second_try", "visit", "camera_offline", "missed", "unanswered", "unknown")
            return [(f"look.{n}", row[n]) for n in names] + lengths("told", "told")
        case "reminders":
            return [("reminders", row["reminders"]), ("escalations", row["escalations"])]
        case "messages" if row["kind"] == "message" or row["unit"] == ALL:
            return [(str(row["kind"]), row["number"])]
    return []


def anew(town: Year) -> dict[str, list[Month]]:
    """The months with acts and looks counted anew."""
    return {
        "rightly": counted_anew(town, ZONE),
        "by the days of another zone": counted_anew(town, UTC),
        "by a clock that knows no summer time": counted_anew(town, timezone(timedelta(hours=1))),
    }


def counted_anew(town: Year, zone: tzinfo) -> list[Month]:
    """What the town counted, with what is counted of acts and looks counted anew, by the days of a zone."""
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
    """Every figure in which the report and the books differ, and what counting again from the source finds."""
    tenant = town.processes[0].rt.tenants["exempel"]
    first, last, now = local(town.start).date(), local(town.clock.now()).date(), town.clock.now()
    town.months = town.db.run_sync(lambda c: counts.months(c, tenant.name, first, last, zone=ZONE, now=now))
    town.expected = theirs = expected(Books(town))
    ours = reported(report(town.months, every=True))
    town.anew = anew(town)
    again = town.db.run_sync(lambda c: recount(c, tenant, first, last))
    return [
        *(
            f"{key}: the report says {ours.get(key, 0)}, the books {theirs.get(key, 0)}"
            for key in sorted({*ours, *theirs})
            if ours.get(key) != theirs.get(key)
        ),
        *map(str, again),
    ]


def main(persons: int = 300, days: int = 365, seed: int = 1) -> int:
    configure_logging("CRITICAL", json=True, stream=io.StringIO())
    began, town = clock.process_time(), Year(seed, Scale(persons, days))
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
