"""The promises that the demo checks, for real: against the simulators' state, the adapter's ledger, and its log."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapter.demo.observer import Life
from adapter.demo.persons import CECILIA, PERSONS
from adapter.demo.story import reference_of
from adapter.domain.decision import Phase
from adapter.domain.ledger import ActKind, ActState
from connectors.mock.lifecare.notes import WrittenNote
from connectors.mock.lifecare.simulator import DEFAULT_KEY
from connectors.mock.phoniro.schedules import Schedule
from connectors.mock.phoniro.schemas import Customer
from connectors.mock.phoniro.simulator import SCHEDULES
from connectors.mock.routing import Received
from connectors.mock.serve import RunningSimulators
from mappings.messages.render import mark

_MARK = re.compile(r"\[(TK-[0-9A-Z]{6})/([0-9A-Z-]+)\]")
_IMPERSONAL = {"external_id", "organisation_id", "protected_identity"}


@dataclass(frozen=True, slots=True)
class Promise:
    """``how`` says what was looked at and in figures what was found; ``broken`` what was wrong, empty if it held."""

    name: str
    title: str
    how: str
    broken: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        return not self.broken


@dataclass(slots=True)
class Evidence:
    """Everything that is looked at, gathered once. ``surfaces`` may hold nothing personal."""

    lives: list[Life]
    customers: list[Customer]
    schedules: list[Schedule]
    notes: list[WrittenNote]
    phoniro_received: list[Received] = field(default_factory=list)
    answers_lost: int = 0
    surfaces: dict[str, str] = field(default_factory=dict)


def check_promises(lives: list[Life], vendors: RunningSimulators, log: str, printed: str) -> list[Promise]:
    """Check all of them. The ``log`` and what the commands ``printed`` may hold nothing personal."""
    phoniro = vendors.phoniro
    seen = Evidence(lives, list(phoniro.customers.values()), phoniro.schedules, vendors.lifecare.notes_written())
    seen.phoniro_received = phoniro.received()
    seen.answers_lost = len(phoniro.faults.hits)
    seen.surfaces = {"adapterns logg": log, "adapter case list/show": printed}
    return [p1(seen), p3(seen), p4(seen), p7(seen), p8(seen)]


def p1(seen: Evidence) -> Promise:
    """Nobody could look before every gate held, nor after the end; sampled twice a second by Phoniro's own history."""
    broken: list[str] = []
    samples = could = 0
    gaps: list[float] = []
    for life, schedule in [(e, s) for e in seen.lives for s in seen.schedules if reference_of(s) == e.ref]:
        gate, at, until = max(life.gates), min(life.gates), datetime.now(UTC)
        created, ended = schedule.versions[0].at, schedule.now.ended_at or until
        gaps.append((created - gate).total_seconds())
        if created < gate:
            broken.append(f"{life.ref} lades in före sista villkoret")
        while at < until:
            looked = schedule.could_look(at)
            samples += 1
            could += looked
            if looked and not gate <= at < ended:
                broken.append(f"{life.ref} gick att titta på {at:%H:%M:%S}")
            at += timedelta(seconds=0.5)
    withdrawn = sum(not any(act.kind is ActKind.CREATE for act in life.acts) for life in seen.lives)
    if len(gaps) != len(seen.lives) - withdrawn or not could:
        broken.append("det finns inte så många scheman som det skulle")
    how = (
        f"{len(gaps)} scheman skapades {min(gaps, default=0):.1f} s eller mer efter att sista villkoret uppfyllts; av "
        f"{samples} prövade ögonblick gick det att titta i {could}, aldrig dessförinnan eller efter avslut; "
        f"{withdrawn} ärende utan start fick inget schema"
    )
    return Promise("P1", "Ingen e-tillsyn utan alla villkor", how, tuple(broken))


def p3(seen: Evidence) -> Promise:
    """What the provider heard ended nothing; the authority's decision did."""
    broken: list[str] = []
    seconds: list[float] = []
    for life in seen.lives:
        if life.hearsay_at is None or life.ended_at is None:
            continue
        if not life.active_after_hearsay:
            broken.append(f"{life.ref} var inte aktiv efter utförarens anteckning")
        ends = [act.created_at for act in life.acts if act.kind is ActKind.END]
        if not ends or min(ends) < life.ended_at:
            broken.append(f"{life.ref} avslutades utan myndighetens beslut")
        seconds.append((life.ended_at - life.hearsay_at).total_seconds())
    if not seconds:
        broken.append("ingen anteckning från utföraren prövades")
    how = (
        f"utförarens anteckning om avslut lämnade e-tillsyn aktiv i {min(seconds, default=0):.1f} s; "
        "den avslutades först när myndighetens beslut hade ett slutdatum"
    )
    return Promise("P3", "Bara myndigheten avslutar", how, tuple(broken))


def p4(seen: Evidence) -> Promise:
    """Each note and each schedule is there once, and as many as the ledger has."""
    marks = Counter(found.group(0) for note in seen.notes if (found := _MARK.search(note.text)))
    references = Counter(s.new.external_reference for s in seen.schedules)
    broken = [f"{what} finns {n} gånger" for what, n in (marks + references).items() if n > 1]
    acts = [(life.ref, act) for life in seen.lives for act in life.acts if act.state is ActState.DONE]
    written = {mark(str(ref), act.mark) for ref, act in acts if act.kind is ActKind.MESSAGE}
    if set(marks) != written or sum(marks.values()) != len(seen.notes):
        broken.append(f"{len(seen.notes)} anteckningar i Lifecare, {len(written)} i liggaren")
    creates = sum(act.kind is ActKind.CREATE for _, act in acts)
    if creates != len(seen.schedules):
        broken.append(f"{len(seen.schedules)} scheman i Phoniro, {creates} i liggaren")
    sent = [r for r in seen.phoniro_received if (r.method, r.path) == ("POST", SCHEDULES)]
    if not seen.answers_lost or not written or not creates:
        broken.append("det fanns ingenting att pröva")
    how = (
        f"{len(seen.notes)} anteckningar i Lifecare med {len(marks)} olika märken, {len(seen.schedules)} scheman i "
        f"Phoniro av {len(sent)} anrop, fast svaret på {seen.answers_lost} av dem gick förlorat"
    )
    return Promise("P4", "Allt sker en gång", how, tuple(broken))


def p7(seen: Evidence) -> Promise:
    """Every case is closed, and nothing that was done is left."""
    broken: list[str] = []
    pairs = 0
    for life in seen.lives:
        file = life.file
        if file is None or file.case.phase is not Phase.CLOSED or not file.balance:
            broken.append(f"{life.ref} är inte stängt")
            continue
        done = [(pair, out) for pair, did, out in file.balance if did]
        pairs += len(done)
        broken += [f"{life.ref}: {pair} är inte återtaget" for pair, out in done if not out]
    statuses = {s.new.external_reference: s.now.status(datetime.now(UTC)) for s in seen.schedules}
    broken += [f"schemat {reference} är {status}" for reference, status in statuses.items() if status != "ended"]
    full = [c for c in seen.customers if any(value for name, value in c if name not in _IMPERSONAL)]
    broken += ["en persons uppgifter finns kvar i Phoniro" for _ in full]
    how = (
        f"{len(seen.lives)} ärenden stängda, {pairs} saker gjorda på vägen in och alla återtagna; i Phoniro är "
        f"{len(seen.schedules)} scheman avslutade och {len(seen.customers)} personer tömda"
    )
    return Promise("P7", "Det som gjorts blir återtaget", how, tuple(broken))


def p8(seen: Evidence) -> Promise:
    """Nothing personal in what the adapter writes for operators; nothing of a protected person anywhere."""
    values = {value for person in PERSONS for value in person.personal_values()} | {DEFAULT_KEY}
    broken = []
    for surface, text in seen.surfaces.items():
        folded = text.casefold()
        hits = sum(value.casefold() in folded for value in values)
        if hits:
            broken.append(f"{hits} personuppgifter i {surface}")
        if not any(str(life.ref) in text for life in seen.lives):
            broken.append(f"{surface} nämner inget ärende, så det prövade ingenting")
    lines = sum(text.count("\n") for text in seen.surfaces.values())
    hidden = {value.casefold() for value in CECILIA.personal_values()}
    sent = [f"{r.path} {r.query} {r.body.decode()}" for r in seen.phoniro_received]
    told = [n.text for n in seen.notes]
    for what, texts in (("anrop till Phoniro", sent), ("meddelanden", told)):
        leaks = sum(any(value in text.casefold() for value in hidden) for text in texts)
        if leaks:
            broken.append(f"den skyddade personens uppgifter i {leaks} {what}")
    how = (
        f"{len(values)} värden (namn, nummer i alla skrivsätt, adress, telefon, nyckel) sökta i {lines} rader logg och "
        f"utskrift; den skyddades dessutom i {len(told)} meddelanden och {len(sent)} anrop till Phoniro"
    )
    return Promise("P8", "Inga personuppgifter i loggen", how, tuple(broken))
