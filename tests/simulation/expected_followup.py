"""Every figure that a town's follow-up should show, counted from the simulated vendors, the mail server and the people,
and from the faults and deaths that the town itself caused.

Only one thing is read from the adapter's database: which person a schedule belongs to.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING

from sqlalchemy import select

from adapter.followup.report import SPAN, Cell, Table
from adapter.followup.tallies import ALL
from adapter.store.tables import persons
from connectors.mock.phoniro.schedules import Schedule, Version
from mappings.texts import Texts
from tests.simulation.lives import NIGHT, ZONE, local
from tests.simulation.network import Heard, Vendor
from tests.simulation.promises import CASE, MARK
from tests.simulation.waits import TAKE_DOWN, Waits, Written, rounded

if TYPE_CHECKING:
    from tests.simulation.year import Citizen, Year

Key = tuple[str, int, str]
"""A figure's month (``2026-03``, or ``SPAN``), unit and name."""

_OUTCOMES = {
    "ok": "ok",
    "not_visible_then_ok": "second_try",
    "visit_dispatched": "visit",
    "camera_offline": "camera_offline",
    "missed": "missed",
}
_LEFT = (*TAKE_DOWN, "deceased")

_NOTES = {
    "Ny beställning:": "received",
    "Fortsatt beställning": "renewed",
    "Ärende med trygghetskamera har flyttats": "moved",
    "Trygghetskamera ska installeras": "install",
    "Brukarens andra insatser": "keys",
    "Tider för nattillsyn är överenskomna": "times",
    "Ändrade tider": "times_changed",
    "Nya datum för": "dates_changed",
    "Ny första dag": "dates_changed",
    "Ny sista dag": "dates_changed",
    "Sista dagen": "dates_changed",
    "Tillsynstider för": "plan",
    "Tillsynstiderna för": "plan_void",
    "Tiderna för nattillsyn kunde inte": "times_refused",
    "Uppmärksamma: beställningen": "not_executed",
    "Uppmärksamma: klart för start": "no_consent",
    "Uppmärksamma: anteckningen": "contradiction",
    "Utföraren har fått uppgift": "end_heard",
    "Samtycket till trygghetskamera": "consent_withdrawn",
    "Brukaren har avlidit": "deceased",
    "Nattillsyn via trygghetskamera ska pausas den": "pause_ahead",
    "Nattillsyn via trygghetskamera ska pausas i": "pause_ahead",
    "Nattillsyn via trygghetskamera är igång": "resumed",
    "Nattillsyn via trygghetskamera": "paused",
    "Gör det för hand": "by_hand",
    "Klart i Phoniro": "by_hand_done",
    "Behövs inte längre": "by_hand_done",
    "E-tillsyn är inlagd": "started",
    "Ändrat: trygghetskameran": "stay",
    "Trygghetskameran ska hämtas": "collect",
    "Avboka installationen": "cancel_or_fetch",
    "Trygghetskameran är hämtad": "cancel",
    "Installationen av": "cancel",
    "Nattillsyn som inte blev gjord": "looks_missed",
    "Rättelse om nattillsynen": "looks_corrected",
    "Trygghetskameran svarar inte": "camera_offline",
    "Trygghetskameran svarar igen": "camera_online",
    "Klart att avsluta ärendet": "ready_to_close",
}
_MAILS = {
    "Inte gjort efter": "escalation",
    "Inte löst efter": "pause_reminder",
    "Ska kameran sitta kvar": "absence",
    "En trygghetskamera är ännu inte hämtad": "camera_left",
    "Nattillsyn är inte gjord": "look_missed",
    "Rättelse: nattillsynen": "look_done",
    "Nattillsyn som inte blev gjord": "looks_late",
    "Ingen följer": "looks_unfollowed",
    "Alla tillsyner kan inte": "looks_unread",
    "Någon har tittat": "look_unentitled",
    "Tillsyner i Phoniro som inte hör": "looks_unowned",
    "Nattillsyn via trygghetskamera är igång": "night_resumed",
    "Nattillsyn via trygghetskamera": "night_paused",
    "Ny nattillsyn": "night_started",
    "Gör det för hand": "by_hand",
    "Klart i Phoniro": "by_hand_done",
    "Behövs inte längre": "by_hand_done",
    "Att känna till": "notice",
    "Ärende": "parked",
    "Fråga om ärende": "parked",
    "Behöver skötas utanför": "unwritten",
    "Beställning": "order",
    "Gjorda tillsyner kan inte": "visits_held",
}
"""How a mail's subject begins, and the follow-up's name for it."""


_STEPS, _CAUSES = (
    {words: code for code, words in Texts.load().sections[section].items()} for section in ("step_names", "causes")
)


def _name(text: str, names: dict[str, str]) -> str:
    return next((name for opening, name in names.items() if text.startswith(opening)), text[:40])


SETTLED = timedelta(minutes=30)
"""So long after the night began, the schedule of each person fits whether they are away or at home."""


class ExpectedFollowup:
    """What a town's follow-up should show, by what happened in the town."""

    def __init__(self, town: Year) -> None:
        self.town = town
        self.values: dict[Key, list[int]] = defaultdict(list)
        self.by_ref: dict[str, Citizen] = {}
        self.end = town.clock.now()
        beats = {p.number: p.beats(self.end) for p in town.begun}
        self.beats: dict[int, Span] = {n: (b.since, b.until) for n, b in beats.items() if b}
        """For each process: the first and the last time that it stored what it had noted."""
        self.begun = min(since for since, _ in self.beats.values())
        whose = town.db.run_sync(lambda c: c.execute(select(persons.c.external_id, persons.c.person)).all())
        by_person = {town.db.sealing.person("exempel", life.person_id): life for life in town.lives}
        self.of_customer = {row.external_id: by_person[row.person] for row in whose}
        self.letters: dict[str, list[Written]] = defaultdict(list)
        self._messages()
        self._mails()
        for life in town.lives:
            if life.order is not None:
                self._life(life)
        for schedule in town.phoniro.schedules:
            self._schedule(schedule, self.of_customer[schedule.new.customer_external_id])

    def put(self, at: datetime | date, unit: int, name: str, value: int = 0) -> None:
        day = local(at).date() if isinstance(at, datetime) else at
        for month, of in product((f"{day:%Y-%m}", SPAN), {unit, ALL}):
            self.values[month, of, name].append(value)

    def bounds(self, month: str) -> tuple[datetime, datetime]:
        """The begin and end (UTC) of a month, or of the whole time that was simulated."""
        if month == SPAN:
            return self.begun, self.end
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZONE)
        after = (first + timedelta(days=32)).replace(day=1)
        return max(first.astimezone(UTC), self.begun), min(after.astimezone(UTC), self.end)

    # --- what was written -------------------------------------------------------------------------------------------

    def _messages(self) -> None:
        by_person = {life.person_id: life for life in self.town.lives}
        for note in self.town.lifecare.notes_written():
            life = by_person[note.person_id]
            name = _name(note.text, _NOTES)
            self.put(note.written, life.unit, f"message.{name}")
            mark = MARK.search(note.text)
            assert mark is not None
            self.by_ref[mark.group(1)] = life
            known = self.town.lifecare_net.known.get(f"{mark.group(1)}/{mark.group(2)}", self.end)
            self.letters[life.person_id].append(Written(name, known, note.heading))

    def _mails(self) -> None:
        left, asked_before = Counter[tuple[str, datetime]](), Counter[str]()
        for at, text in self.town.mail.last.values():
            subject = text.splitlines()[0]
            late = re.findall(r"^(TK-\w+): .* klockan (\d\d:\d\d)", text, re.MULTILINE)
            name = _mail_name(subject)
            for ref_of, clock in late if name == "looks_late" else ():
                self._told(at, self.by_ref[ref_of].unit, clock)
            ref = CASE.search(subject)
            about = ref.group() if ref else late[0][0] if name == "looks_late" else None
            self.put(at, self.by_ref[about].unit if about else 0, f"mail.{name}")
            if ref is None:
                continue
            unit = self.by_ref[ref.group()].unit
            if subject.startswith(("Inte gjort efter", "Inte löst efter")):
                self.put(at, unit, f"escalations.{_about(text)}")
            elif subject.startswith("Påminnelse"):
                self.put(at, unit, f"reminders.{_about(text)}")
            elif subject.startswith("Fråga om ärende"):  # the first of them only asks
                asked_before[ref.group()] += 1
                if asked_before[ref.group()] > 1:
                    later = "reminders" if asked_before[ref.group()] < 4 else "escalations"
                    self.put(at, unit, f"{later}.nowhere_to_note")
            elif subject.startswith("En trygghetskamera är ännu inte hämtad"):
                asked = max(w for n, w, _ in self.letters[self.by_ref[ref.group()].person_id] if n in _LEFT and w <= at)
                left[ref.group(), asked] += 1
                self.put(at, unit, f"{'reminders' if left[ref.group(), asked] < 3 else 'escalations'}.camera_left")
            elif subject.startswith("Nattillsyn är inte gjord"):
                self._told(at, unit, subject.split()[4])

    def _told(self, at: datetime, unit: int, clock: str) -> None:
        """Count the minutes until a look was told as not done. ``clock`` is the look's time on the wall clock."""
        self.put(at, unit, "told", int((at - _before(at, *clock.strip(",").split(":"))).total_seconds() // 60))

    # --- a person ---------------------------------------------------------------------------------------------------

    def _life(self, life: Citizen) -> None:
        ordered, unit = life.truths[0].at, life.unit
        assert life.decided is not None
        self.put(ordered, unit, "ordered")
        theirs = [s for s in self.town.phoniro.schedules if self.of_customer[s.new.customer_external_id] is life]
        started = min((s.versions[0].at for s in theirs), default=None)
        if started is not None:
            self.put(started, unit, "lead", (local(started).date() - life.decided).days)
        if (over := life.over_at(started=False)) and over <= self.end and (started is None or over < started):
            self.put(over, unit, "withdrawn")
        evening = local(ordered).date()
        while (night := datetime.combine(evening, NIGHT, ZONE).astimezone(UTC) + SETTLED) < self.end:
            if cause := self._unwatched(life, theirs, night):
                self.put(evening, unit, f"unwatched.{cause}")
            evening += timedelta(days=1)
        known = min((self._known(s) for s in theirs), default=None)
        ended = max((v.at for s in theirs for v in s.versions if v.act == "ended"), default=None)
        for at, step, hours in Waits(life, self.letters[life.person_id], known, ended, self.town.lifecare_net).all():
            if at <= self.end:
                self.put(at, unit, f"step.{step}", hours)

    def _known(self, schedule: Schedule) -> datetime:
        """When a process first knew that the schedule had been created."""
        return self.town.phoniro_net.known.get(schedule.new.external_reference, self.end)

    def _unwatched(self, life: Citizen, theirs: list[Schedule], at: datetime) -> str | None:
        """Why a person with a decision in force is without supervision; None if they have it, or shall have none."""
        truth, day = life.truth(at), local(at).date()
        if truth is None or (truth.cancelled and not theirs) or truth.deceased:
            return None
        if day < truth.first_day or (truth.last_day and day > truth.last_day):
            return None
        version = next((v for s in theirs if (v := s.version_at(at))), None)
        if version is not None:
            cause = self._cause(life, at) if version.pausing(at) else None
            away = cause == "absence" and truth.is_away(at)
            return None if away else "not_resumed" if cause == "absence" else cause
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
                self.put(version.at, life.unit, f"pause.{paused[1]}", rounded(version.at - paused[0]))
            before = version
        for due in schedule.looks(self.town.start, self.end):
            told = self.town.phoniro.told(due, schedule.id)
            night = local(due).date() - timedelta(days=local(due).time() < time(12))
            self.put(night, life.unit, f"look.{_OUTCOMES[told[-1][1]] if told else 'unanswered'}")

    def active(self, month: str, unit: int) -> int:
        """How many persons have supervision at the end of a month, or now."""
        _, over = self.bounds(month)
        mine = [
            s for s in self.town.phoniro.schedules if unit in (ALL, self.of_customer[s.new.customer_external_id].unit)
        ]
        return sum(1 for s in mine if (v := s.version_at(over)) and not v.ended(over))

    # --- the vendors and the adapter itself --------------------------------------------------------------------------

    def service(self, month: str) -> dict[str, int]:
        """What the report should show of each system in a month, and the minutes of each outage that began in it."""
        since, until = self.bounds(month)
        ran = _joined(list(self.beats.values()))
        still = [*ran[1:], (self.end, self.end)] if self.end - ran[-1][1] > GAP else ran[1:]
        stops = [(one[1], other[0]) for one, other in zip(ran, still, strict=False)]
        found = _outages("adapter", stops, since, until, until - since)
        for net in (self.town.lifecare_net, self.town.phoniro_net):
            heard = [h for h in net.heard if month in (SPAN, f"{local(h.at):%Y-%m}") and self._stored(h)]
            well = sorted(h.seconds for h in heard if h.well)
            found |= {f"calls.{net.name}": len(heard), f"failed.{net.name}": len(heard) - len(well)}
            found |= {f"p{n}.{net.name}": _milliseconds(well[ceil(len(well) * n / 100) - 1]) for n in (50, 95)}
            found |= _outages(net.name, self._outages(net), since, until, _within(ran, since, until))
        return found

    def _stored(self, heard: Heard) -> bool:
        return heard.process in self.beats and heard.at <= self.beats[heard.process][1]

    def _outages(self, net: Vendor) -> list[Span]:
        """As each process saw it: from the first of five bad answers in a row until the next good one."""
        found = []
        for process, (_, last) in self.beats.items():
            bad: list[datetime] = []
            for at, well in [*((h.at, h.well) for h in net.heard if h.process == process), (self.end, True)]:
                if not well:
                    bad.append(at)
                    continue
                over = min(at, last)
                if len([b for b in bad if b <= over]) >= 5 and over - bad[0] >= timedelta(minutes=1):
                    found.append((bad[0], over))
                bad = []
        return _joined(found)


Span = tuple[datetime, datetime]
GAP = timedelta(minutes=3)
_MILLISECONDS = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)


def _joined(spans: list[Span]) -> list[Span]:
    """The spans in order. Spans that are at most three minutes apart are joined."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since - found[-1][1] <= GAP:
            since, until = found[-1][0], max(until, found.pop()[1])
        found.append((since, until))
    return found


def _within(spans: list[Span], since: datetime, until: datetime) -> timedelta:
    return sum((max(min(b, until) - max(a, since), timedelta()) for a, b in spans), timedelta())


def _outages(system: str, spans: list[Span], since: datetime, until: datetime, whole: timedelta) -> dict[str, int]:
    down = _within(spans, since, until)
    begun = [(a, b) for a, b in spans if since <= a < until]
    shown = [(f"{local(a):%Y-%m-%d %H:%M} {local(b):%Y-%m-%d %H:%M}", b - a) for a, b in begun]
    return {
        f"outages.{system}": len(begun),
        f"minutes.{system}": ceil(down / timedelta(minutes=1)),
        f"available.{system}": floor((whole - down) / whole * 10_000),
        **{f"outage.{system} {when}": ceil(length / timedelta(minutes=1)) for when, length in shown},
    }


def _milliseconds(seconds: float) -> int:
    """Rounded up to the next step; each step is about a quarter more than the one before."""
    exact: int = next(n * 10**k for k in range(6) for n in _MILLISECONDS if seconds * 1000 <= n * 10**k)
    return min(exact, 120_000)


def _mail_name(subject: str) -> str:
    if subject.startswith("Påminnelse"):
        return "pause_reminder" if subject.endswith("nattillsyn som inte utförs via kamera") else "reminder"
    return _name(subject, _MAILS)


def _about(text: str) -> str:
    """The step, or the cause of a pause, that a reminder is about."""
    step, cause = text.splitlines()[0].rpartition(": ")[2], re.search(r"kan ha nattillsyn beviljad: (.*?)\. Det", text)
    return _CAUSES[cause.group(1)] if cause else _STEPS[step]


def _before(at: datetime, hour: str, minute: str) -> datetime:
    """The last time before an instant when the wall clock showed this; if it did twice that night, the first."""
    wall = local(at).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0, fold=0)
    if wall.astimezone(UTC) > at:
        wall = datetime.combine(wall.date() - timedelta(days=1), wall.time(), ZONE)
    return wall.astimezone(UTC)


_LENGTHS = ("lead", "pause", "step", "told")


def expected(should: ExpectedFollowup) -> dict[Key, int]:
    """Each figure that is counted here, without those that are 0."""
    found: dict[Key, int] = {}
    for (month, unit, name), values in should.values.items():
        if name not in ("lead", "told"):
            found[month, unit, name] = len(values)
        if name.split(".")[0] in _LENGTHS:
            found[month, unit, f"{name} median"] = _percentile(values, 50)
            found[month, unit, f"{name} p90"] = _percentile(values, 90)
    for month, unit in product({key[0] for key in found}, {key[1] for key in found}):
        found[month, unit, "active"] = should.active(month, unit)
        for name, number in should.service(month).items() if unit == ALL else ():
            found[month, unit, name] = number
    return {key: number for key, number in found.items() if number}


def _percentile(values: list[int], percent: int) -> int:
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


def reported(tables: tuple[Table, ...]) -> dict[Key, int]:
    """The same figures, as the report shows them."""
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
            return [(n, row[n]) for n in ("ordered", "adopted", "started", "withdrawn", "ended", "active")] + lengths(
                "lead", "lead"
            )
        case "steps":
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
            return [(f"{name}.{row['about']}", row[name]) for name in ("reminders", "escalations")]
        case "messages":
            return [(f"{row['kind']}.{row['message']}", row["number"])]
        case "service":
            columns = {"calls": "calls", "failed": "failed", "outages": "outages", "minutes": "outage_minutes"}
            system, available = row["system"], row["available"]
            times = [(f"p{n}.{system}", row[f"answer_p{n}"]) for n in (50, 95)]
            assert isinstance(available, float)
            every = [(f"{name}.{system}", row[column]) for name, column in columns.items()]
            return [*every, *times, (f"available.{system}", round(available * 100))]
        case "outages":
            ended = row["ended_at"] or row["begun_at"]
            return [(f"outage.{row['system']} {row['begun_at']} {ended}", row["minutes"])]
    return []
