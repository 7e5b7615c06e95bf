"""The three lives: what people do, in order, each time waiting for what the adapter does about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapter.demo.cast import ASTRID, BERTIL, CECILIA, Person, began, ended, seed_fields
from adapter.demo.stage import DemoFailed
from adapter.demo.timeline import Timeline
from adapter.demo.vendors import Vendors
from adapter.demo.watch import LOOK_SECONDS, Life, Watch
from adapter.domain.decision import Phase
from adapter.domain.ledger import ActKind, ActState

HEARSAY_SECONDS = 2.0
_TIMES = "Varje natt 22:30, 02:15 och 05:00"
_ROLES = {
    "assessor": "biståndshandläggaren",
    "coordinator": "koordinatorn",
    "alarm_team": "larmgruppen",
}


@dataclass(slots=True)
class Played:
    """What came of a life, for the promises: when each gate came true and when the authority ended it (UTC, taken just
    before it was said to Lifecare), and whether e-tillsyn still was active after the provider heard of an end."""

    life: Life
    gates: dict[str, datetime] = field(default_factory=dict)
    ended_at: datetime | None = None
    active_after_hearsay: bool | None = None
    hearsay_at: datetime | None = None


class Story:
    """Plays the lives one after another."""

    def __init__(self, vendors: Vendors, watch: Watch, timeline: Timeline) -> None:
        self.vendors, self.watch, self.timeline = vendors, watch, timeline
        self.now = datetime.now(UTC)

    async def play(self) -> list[Played]:
        return [await self.whole_life(), await self.withdrawn_life(), await self.protected_life()]

    async def whole_life(self) -> Played:
        """All the way in and all the way out."""
        self.timeline.chapter(f"Liv 1. Astrid: {ASTRID.life}")
        await self._register(ASTRID, "alarm", "har redan trygghetslarm, så nycklar behövs inte")
        played, decision, order = await self._ordered(ASTRID)
        execution = await self._executed(played, order)
        await self._times(played, execution)
        await self._installed(played, execution)
        await self._ready(played, execution)
        await self._scheduled(played)
        await self._hearsay(played, execution)
        await self._ended(played, decision, "plan_void", "collect")
        await self._collected(played, execution, "Kamerapaketet är hämtat.")
        await self._closed(played, execution)
        return played

    async def withdrawn_life(self) -> Played:
        """Withdrawn before the camera was installed: undone exactly as far as it got."""
        self.timeline.chapter(f"Liv 2. Bertil: {BERTIL.life}")
        await self._register(BERTIL, "shower", "har redan hjälp med dusch, så nycklar behövs inte")
        played, _, order = await self._ordered(BERTIL)
        execution = await self._executed(played, order)
        await self._times(played, execution)
        await self._note(played, execution, "I5", "alarm_team", "installation_booked", "bokar tid för installation")
        await self._until(played, lambda: self._step_done(played, "I5"), "att bokningen är läst")
        self._line(played, "A1", "assessor", "återtar beställningen: den ska inte utföras")
        played.ended_at = datetime.now(UTC)
        await self.vendors.act("will_not_be_executed", order_id=order)
        await self._until(played, lambda: played.life.done("cancel_or_fetch"), "besked om avbokning")
        await self._collected(played, execution, "Ingenting var uppsatt. Tiden är avbokad.", booked=False)
        await self._closed(played, execution)
        return played

    async def protected_life(self) -> Played:
        """Protected identity, and keys needed; the answer from Phoniro is lost on the way."""
        self.timeline.chapter(f"Liv 3. Cecilia: {CECILIA.life}")
        await self._register(CECILIA, None, "har skyddad identitet och inga andra insatser")
        played, decision, order = await self._ordered(CECILIA)
        execution = await self._executed(played, order)
        await self._times(played, execution)
        await self._installed(played, execution)
        await self._ready(played, execution)
        await self._until(played, lambda: self._waiting(played) == ("gate_I6",), "att bara nycklar saknas")
        self._say_waiting(played)
        await self.vendors.lose_answer(self.vendors.phoniro_url, "POST", r"supervision-schedules\?")
        self.timeline.line(CECILIA, "", "nätverket", "kommer att tappa bort Phoniros svar på nästa schema", style="red")
        played.gates["I6"] = datetime.now(UTC)
        await self._note(played, execution, "I6", "alarm_team", "keys_collected", "hämtar in nycklarna mot kvittens")
        await self._scheduled(played)
        await self._ended(played, decision, "plan_void", "collect")
        await self._collected(played, execution, "Kamerapaketet är hämtat och nycklarna återlämnade.")
        await self._closed(played, execution)
        return played

    # What people do, each followed by what the adapter has to do about it.

    async def _register(self, person: Person, service: str | None, what: str) -> None:
        await self.vendors.act("seed_person", person_id=person.person_id, **seed_fields(person))
        if service is None:
            await self.vendors.act("protect", person_id=person.person_id)
        else:
            other = await self.vendors.act(
                "order", person_id=person.person_id, service=service, start=began(self.now), status="Accepted"
            )
            await self.vendors.act("start_execution", order_id=other["order_id"], start=began(self.now))
        self.timeline.line(person, "", "", what, style="dim")

    async def _ordered(self, person: Person) -> tuple[Played, int, str]:
        at = datetime.now(UTC)
        made = await self.vendors.act("order", person_id=person.person_id, start=began(self.now), frequency=3)
        played = Played(self.watch.follow(person, made["order_id"]), {"I1": at})
        self._line(played, "I1", "assessor", "beslutar om tillsyn via trygghetskamera och skickar beställningen")
        await self._until(played, lambda: played.life.done("received", "install"), "besked om beställningen")
        self.timeline.line(person, "", "adaptern", f"kallar ärendet {played.life.ref}", adapter=True, style="dim")
        return played, made["decision_id"], made["order_id"]

    async def _executed(self, played: Played, order: str) -> int:
        self._line(played, "I10", "coordinator", "tar emot och verkställer beställningen")
        played.gates["I10"] = datetime.now(UTC)
        await self.vendors.act("accept", order_id=order)
        return int(await self.vendors.act("start_execution", order_id=order, start=began(self.now)))

    async def _times(self, played: Played, execution: int) -> None:
        played.gates["I4"] = datetime.now(UTC)
        await self._note(played, execution, "I4", "coordinator", "times_agreed", f"antecknar tiderna: {_TIMES}", _TIMES)
        await self._until(played, lambda: played.life.done("times"), "tider till bilaga 1")

    async def _installed(self, played: Played, execution: int) -> None:
        await self._note(played, execution, "I5", "alarm_team", "installation_booked", "bokar tid för installation")
        await self._note(played, execution, "I7", "alarm_team", "appendix_signed", "skriver bilaga 1 i två exemplar")
        played.gates["I8"] = datetime.now(UTC)
        await self._note(played, execution, "I8", "alarm_team", "consent_signed", "får samtycket undertecknat")
        await self._note(
            played, execution, "I8", "alarm_team", "liability_signed", "får ansvarsförbindelsen undertecknad"
        )

    async def _ready(self, played: Played, execution: int) -> None:
        played.gates["I9"] = datetime.now(UTC)
        await self._note(
            played, execution, "I9", "alarm_team", "ready_for_start", "antecknar: klart för start av tillsyn"
        )

    async def _scheduled(self, played: Played) -> None:
        await self._until(played, lambda: played.life.done("create", "plan"), "e-tillsyn i Phoniro och tider i planen")

    async def _hearsay(self, played: Played, execution: int) -> None:
        """The provider hears of an end (A0), which must end nothing (P3)."""
        what = "antecknar att dottern säger att kameran inte behövs längre"
        played.hearsay_at = datetime.now(UTC)
        await self._note(played, execution, "A0", "coordinator", "end_heard", what)
        await self._until(played, lambda: played.life.done("end_heard"), "besked till myndigheten")
        await self._until(played, lambda: self._decided_after(played, "end_heard"), "att ärendet är bedömt på nytt")
        played.active_after_hearsay = await self._stays_active(played)
        self.timeline.line(
            played.life.person, "", "adaptern", "avslutar ingenting: det krävs ett beslut", adapter=True, style="dim"
        )

    async def _ended(self, played: Played, decision: int, *letters: str) -> None:
        self._line(played, "A1", "assessor", "avslutar insatsen: beslutet får ett slutdatum")
        played.ended_at = datetime.now(UTC)
        await self.vendors.act("decision_end", decision_id=decision, day=ended(self.now))
        await self._until(played, lambda: played.life.done("end", *letters), "att e-tillsyn är avslutad")

    async def _collected(self, played: Played, execution: int, text: str, *, booked: bool = True) -> None:
        if booked:
            await self._note(played, execution, "A4", "alarm_team", "pickup_booked", "bokar tid för hämtning")
        what = "hämtar kamerapaketet" if booked else "antecknar att inget finns att hämta"
        await self._note(played, execution, "A5", "alarm_team", "equipment_collected", what, text)
        await self._until(played, lambda: played.life.done("ready_to_close"), "besked att ärendet kan avslutas")

    async def _closed(self, played: Played, execution: int) -> None:
        self._line(played, "A6", "coordinator", "avslutar ärendet i Lifecare")
        await self.vendors.act("end_execution", execution_id=execution)
        await self._until(played, lambda: self._phase(played) is Phase.CLOSED, "att ärendet stängs")
        self.timeline.line(played.life.person, "", "adaptern", f"stänger {played.life.ref}", adapter=True)

    async def _note(
        self, played: Played, execution: int, step: str, who: str, heading: str, what: str, text: str = ""
    ) -> None:
        self._line(played, step, who, what)
        await self.vendors.act(
            "note_as", who=who, execution_id=execution, heading=heading, text=text or f"{what[0].upper()}{what[1:]}."
        )

    # What is seen of the adapter.

    async def _until(self, played: Played, holds: Callable[[], bool], what: str) -> None:
        await self.watch.until(played.life, holds, what)

    def _line(self, played: Played, step: str, who: str, what: str) -> None:
        self.timeline.line(played.life.person, step, _ROLES[who], what)

    def _say_waiting(self, played: Played) -> None:
        reasons = " ".join(self.watch.words.say("waiting", code) for code in self._waiting(played))
        self.timeline.line(
            played.life.person, "I11", "adaptern", f"lägger inte in något: {reasons}", adapter=True, style="yellow"
        )

    @staticmethod
    def _waiting(played: Played) -> tuple[str, ...]:
        file = played.life.file
        return file.decision.waiting if file and file.decision else ()

    @staticmethod
    def _phase(played: Played) -> Phase | None:
        return played.life.file.case.phase if played.life.file else None

    @staticmethod
    def _step_done(played: Played, step: str) -> bool:
        file = played.life.file
        views = file.decision.steps if file and file.decision else ()
        return any(v.id == step and v.state.value == "done" for v in views)

    @staticmethod
    def _decided_after(played: Played, letter: str) -> bool:
        file = played.life.file
        if file is None or file.case.decided_at is None:
            return False
        told = [a.done_at for a in file.ledger.acts if a.what.get("letter") == letter and a.state is ActState.DONE]
        return bool(told) and all(at is not None and file.case.decided_at > at for at in told)

    async def _stays_active(self, played: Played) -> bool:
        """Whether e-tillsyn is active at every look for two whole turns of the adapter's feeds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + HEARSAY_SECONDS
        active = await self._active(played)
        while active and loop.time() < until:
            await asyncio.sleep(LOOK_SECONDS)
            await self.watch.look()
            active = await self._active(played)
        return active

    async def _active(self, played: Played) -> bool:
        """Whether the schedule is active at Phoniro, and no end of it was so much as decided."""
        schedules = [s for s in (await self.vendors.phoniro())["schedules"] if reference_of(s) == played.life.ref]
        file = played.life.file
        if file is None or not schedules:
            raise DemoFailed("Phoniro har inget schema där det skulle finnas ett.")
        ends = [a for a in file.ledger.acts if a.kind is ActKind.END]
        return not ends and all(s["status"] == "active" and s["canLook"] for s in schedules)


def reference_of(schedule: dict[str, Any]) -> str:
    """The case's reference in a schedule's ``externalReference`` (``TK-7F3K2M-1``)."""
    return str(schedule["externalReference"]).rpartition("-")[0]
