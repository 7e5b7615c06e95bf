"""The three lives: what people do, in order. After a step the story waits for what the adapter does about it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from adapter.demo.observer import LOOK_SECONDS, Life, Observer
from adapter.demo.persons import ASTRID, BERTIL, CECILIA, Person, days_ago, seed_fields
from adapter.demo.stage import DemoFailed
from adapter.domain.ledger import ActKind, ActState
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import ServiceKey
from connectors.mock.phoniro.schedules import Schedule
from connectors.mock.serve import RunningSimulators

HEARSAY_SECONDS = 2.0
_TIMES = "Varje natt 22:30, 02:15 och 05:00"
_ROLES = {"assessor": "biståndshandläggaren", "coordinator": "koordinatorn", "alarm_team": "larmgruppen"}


@dataclass(frozen=True, slots=True)
class Step:
    """What a person does at a step of the routine: a note under ``heading``, or another ``act`` of the simulated
    Lifecare. ``gate``: supervision waits for it. ``awaits``: what the adapter then has to do (``Life.done``)."""

    id: str
    who: str
    what: str
    heading: str = ""
    text: str = ""
    act: str = "note_as"
    gate: bool = False
    awaits: tuple[str, ...] = ()


SCHEDULED = ("create", "plan")
EXECUTED = Step("I10", "coordinator", "tar emot och verkställer beställningen", act="start_execution", gate=True)
TIMES = Step("I4", "coordinator", f"antecknar tiderna: {_TIMES}", "times_agreed", _TIMES, gate=True, awaits=("times",))
BOOKED = Step("I5", "alarm_team", "bokar tid för installation", "installation_booked")
APPENDIX = Step("I7", "alarm_team", "skriver bilaga 1 i två exemplar", "appendix_signed")
CONSENT = Step("I8", "alarm_team", "får samtycket undertecknat", "consent_signed", gate=True)
LIABILITY = Step("I8", "alarm_team", "får ansvarsförbindelsen undertecknad", "liability_signed", gate=True)
READY = Step("I9", "alarm_team", "antecknar: klart för start av tillsyn", "ready_for_start", gate=True)
KEYS = Step("I6", "alarm_team", "hämtar in nycklarna mot kvittens", "keys_collected", gate=True, awaits=SCHEDULED)
HEARD = Step(
    "A0",
    "coordinator",
    "antecknar att dottern säger att kameran inte behövs längre",
    "end_heard",
    awaits=("end_heard",),
)
ENDED = Step(
    "A1",
    "assessor",
    "avslutar insatsen: beslutet får ett slutdatum",
    act="decision_end",
    awaits=("end", "plan_void", "collect"),
)
WITHDRAWN = Step(
    "A1",
    "assessor",
    "återtar beställningen: den ska inte utföras",
    act="will_not_be_executed",
    awaits=("cancel_or_fetch",),
)
PICKUP = Step("A4", "alarm_team", "bokar tid för hämtning", "pickup_booked")
COLLECTED = Step("A5", "alarm_team", "hämtar kamerapaketet", "equipment_collected", awaits=("ready_to_close",))
CLOSED = Step("A6", "coordinator", "avslutar ärendet i Lifecare", act="end_execution", awaits=("closed",))


class Story:
    """Plays the lives one after another."""

    def __init__(self, vendors: RunningSimulators, observer: Observer) -> None:
        self.lifecare, self.phoniro = vendors.lifecare, vendors.phoniro
        self.observer, self.timeline = observer, observer.timeline
        now = datetime.now(UTC)
        # Ordered some days ago, so that it can also be ended within the demo.
        self.began, self.last_day = days_ago(3, now), days_ago(1, now)

    async def play(self) -> list[Life]:
        """All three; gives what came of them."""
        return [await self._whole_life(), await self._withdrawn_life(), await self._protected_life()]

    async def _whole_life(self) -> Life:
        """All the way in and all the way out; in between the provider hears of an end, which must end nothing (P3)."""
        self.timeline.chapter(f"Liv 1. Astrid: {ASTRID.life}")
        life = await self._ordered(ASTRID, "alarm", "har redan trygghetslarm, så nycklar behövs inte")
        ready = replace(READY, awaits=SCHEDULED)
        await self._do(life, EXECUTED, TIMES, BOOKED, APPENDIX, CONSENT, LIABILITY, ready)
        life.hearsay_at = datetime.now(UTC)
        await self._do(life, HEARD)
        await self._until(life, lambda: _decided_after(life, "end_heard"), "att ärendet är bedömt på nytt")
        life.active_after_hearsay = await self._stays_active(life)
        self._adapter(life, "", "avslutar ingenting: det krävs ett beslut", "dim")
        await self._do(life, ENDED, PICKUP, replace(COLLECTED, text="Kamerapaketet är hämtat."), CLOSED)
        return life

    async def _withdrawn_life(self) -> Life:
        """Withdrawn before the camera was installed: undone exactly as far as it got."""
        self.timeline.chapter(f"Liv 2. Bertil: {BERTIL.life}")
        life = await self._ordered(BERTIL, "shower", "har redan hjälp med dusch, så nycklar behövs inte")
        await self._do(life, EXECUTED, TIMES, replace(BOOKED, awaits=("I5",)), WITHDRAWN)
        nothing = "Ingenting var uppsatt. Tiden är avbokad."
        await self._do(life, replace(COLLECTED, what="antecknar att inget finns att hämta", text=nothing), CLOSED)
        return life

    async def _protected_life(self) -> Life:
        """Protected identity, and keys needed; the answer from Phoniro is lost on the way."""
        self.timeline.chapter(f"Liv 3. Cecilia: {CECILIA.life}")
        life = await self._ordered(CECILIA, None, "har skyddad identitet och inga andra insatser")
        await self._do(life, EXECUTED, TIMES, BOOKED, APPENDIX, CONSENT, LIABILITY, READY)
        await self._until(life, lambda: _waiting(life) == ("gate_I6",), "att bara nycklar saknas")
        reasons = " ".join(self.observer.words.say("waiting", code) for code in _waiting(life))
        self._adapter(life, "I11", f"lägger inte in något: {reasons}", "yellow")
        self.phoniro.faults.add(Rule(kind=Kind.CUT_AFTER, method="POST", pattern=r"supervision-schedules\?"))
        self.timeline.line(CECILIA, "", "nätverket", "kommer att tappa bort Phoniros svar på nästa schema", style="red")
        text = "Kamerapaketet är hämtat och nycklarna återlämnade."
        await self._do(life, KEYS, ENDED, PICKUP, replace(COLLECTED, text=text), CLOSED)
        return life

    async def _ordered(self, person: Person, other_service: ServiceKey | None, what: str) -> Life:
        """Somebody with another service or protected, and I1."""
        self.lifecare.seed_person(person.person_id, **seed_fields(person))
        if other_service is None:
            self.lifecare.protect(person.person_id)
        else:
            other = self.lifecare.order(person.person_id, other_service, start=self.began, status="Accepted")
            self.lifecare.start_execution(other.order_id, start=self.began)
        self.timeline.line(person, "", "", what, style="dim")
        at = datetime.now(UTC)
        made = self.lifecare.order(person.person_id, start=self.began, frequency=3)
        what = "beslutar om tillsyn via trygghetskamera och skickar beställningen"
        self.timeline.line(person, "I1", _ROLES["assessor"], what)
        life = Life(person, made.order_id, made.decision_id, gates=[at])
        self.observer.lives.append(life)
        await self._until(life, lambda: life.done("received", "install"), "besked om beställningen")
        self._adapter(life, "", f"kallar ärendet {life.ref}", "dim")
        return life

    async def _do(self, life: Life, *steps: Step) -> None:
        for step in steps:
            at = datetime.now(UTC)
            if step.gate:
                life.gates.append(at)
            if step.id == "A1":
                life.ended_at = at
            self.timeline.line(life.person, step.id, _ROLES[step.who], step.what)
            self._act(life, step)
            if step.awaits:
                await self._until(life, partial(life.done, *step.awaits), f"{step.id}: {', '.join(step.awaits)}")
            if step is CLOSED:
                self._adapter(life, "", f"stänger {life.ref}")

    def _act(self, life: Life, step: Step) -> None:
        match step.act:
            case "start_execution":
                self.lifecare.accept(life.order_id)
                life.execution_id = self.lifecare.start_execution(life.order_id, start=self.began)
            case "decision_end":
                self.lifecare.decision_end(life.decision_id, self.last_day)
            case "will_not_be_executed":
                self.lifecare.will_not_be_executed(life.order_id)
            case "end_execution":
                self.lifecare.end_execution(life.execution_id)
            case "note_as":
                text = step.text or f"{step.what[0].upper()}{step.what[1:]}."
                self.lifecare.note_as(step.who, life.execution_id, step.heading, text)

    async def _until(self, life: Life, holds: Callable[[], bool], what: str) -> None:
        await self.observer.until(holds, f"{life.person.first_name}: {what}")

    def _adapter(self, life: Life, step: str, what: str, style: str = "") -> None:
        self.timeline.line(life.person, step, "adaptern", what, adapter=True, style=style)

    async def _stays_active(self, life: Life) -> bool:
        """Whether e-tillsyn is active at every look for two whole turns of the adapter's feeds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + HEARSAY_SECONDS
        active = self._active(life)
        while active and loop.time() < until:
            await asyncio.sleep(LOOK_SECONDS)
            await self.observer.look()
            active = self._active(life)
        return active

    def _active(self, life: Life) -> bool:
        """Whether the schedule is active at Phoniro, and no end of it was so much as decided."""
        found, now = [s.now for s in self.phoniro.schedules if reference_of(s) == life.ref], self.phoniro.now
        if not found:
            raise DemoFailed("Phoniro har inget schema där det skulle finnas ett.")
        ends = any(act.kind is ActKind.END for act in life.acts)
        return not ends and all(s.status(now) == "active" and s.can_look(now) for s in found)


def _waiting(life: Life) -> tuple[str, ...]:
    return life.file.decision.waiting if life.file and life.file.decision else ()


def _decided_after(life: Life, letter: str) -> bool:
    decided = life.file.case.decided_at if life.file else None
    told = [a.done_at for a in life.acts if a.what.get("letter") == letter and a.state is ActState.DONE]
    return decided is not None and bool(told) and all(at is not None and decided > at for at in told)


def reference_of(schedule: Schedule) -> str:
    """The case's reference in a schedule's ``externalReference`` (``TK-7F3K2M-1``)."""
    return schedule.new.external_reference.rpartition("-")[0]
