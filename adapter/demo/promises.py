"""The promises that the demo checks, for real: against the simulators' state, the adapter's ledger, and its log."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapter.demo.cast import CAST, CECILIA
from adapter.demo.story import Played, reference_of
from adapter.demo.vendors import Vendors
from adapter.domain.decision import Phase
from adapter.domain.ledger import ActKind, ActState
from connectors.mock.lifecare import DEFAULT_KEY

_MARK = re.compile(r"\[(TK-[0-9A-Z]{6})/(\d+)\]")
_PERSONAL_FIELDS = ("personalIdentityNumber", "firstName", "lastName", "streetAddress", "postalCode", "city", "phone")


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


class Evidence:
    """Everything that is looked at, gathered once."""

    def __init__(self, played: list[Played], state: dict[str, Any], notes: list[dict[str, Any]]) -> None:
        self.played = played
        self.customers: list[dict[str, Any]] = state["customers"]
        self.schedules: list[dict[str, Any]] = state["schedules"]
        self.notes = notes
        self.phoniro_received: list[dict[str, Any]] = []
        self.answers_lost = 0
        self.surfaces: dict[str, str] = {}

    def schedules_of(self, played: Played) -> list[dict[str, Any]]:
        return [s for s in self.schedules if reference_of(s) == played.life.ref]


async def check_promises(
    played: list[Played], vendors: Vendors, surfaces: dict[str, Path], shown: str
) -> list[Promise]:
    """Check all of them. ``surfaces`` are files that may hold nothing personal, ``shown`` what the commands print."""
    seen = Evidence(played, await vendors.phoniro(), await vendors.notes())
    seen.phoniro_received = await vendors.phoniro_received()
    seen.answers_lost = await vendors.answers_lost(vendors.phoniro_url)
    seen.surfaces = {name: path.read_text(encoding="utf-8") for name, path in surfaces.items()}
    seen.surfaces["adapter case list/show"] = shown
    return [await p1(seen, vendors), p3(seen), p4(seen), p7(seen), p8(seen)]


async def p1(seen: Evidence, vendors: Vendors) -> Promise:
    """Nobody could look before every gate held, nor after the end; sampled twice a second by Phoniro's own history."""
    broken: list[str] = []
    samples = could = 0
    gaps: list[float] = []
    for played in seen.played:
        gate = max(played.gates.values())
        for schedule in seen.schedules_of(played):
            full = await vendors.schedule(schedule["id"])
            created = datetime.fromisoformat(full["history"][0]["at"])
            ended = datetime.fromisoformat(full["endedAt"]) if full["endedAt"] else None
            gaps.append((created - gate).total_seconds())
            if created < gate:
                broken.append(f"{played.life.ref} lades in före sista villkoret")
            at = min(played.gates.values())
            until = datetime.now(UTC)
            while at < until:
                looked = (await vendors.schedule(schedule["id"], at.isoformat().replace("+00:00", "Z")))["couldLook"]
                samples += 1
                could += looked
                if looked and (at < gate or (ended is not None and at >= ended)):
                    broken.append(f"{played.life.ref} gick att titta på {at:%H:%M:%S}")
                at += timedelta(seconds=0.5)
    withdrawn = [p for p in seen.played if not any(a.kind is ActKind.CREATE for a in _acts(p))]
    broken += [f"{p.life.ref} har ett schema utan att någon bett om det" for p in withdrawn if seen.schedules_of(p)]
    if len(gaps) != len(seen.played) - len(withdrawn) or not could:
        broken.append("det finns inte så många scheman som det skulle")
    least = min(gaps, default=0)
    how = (
        f"{len(gaps)} scheman skapades {least:.1f} s eller mer efter att sista villkoret uppfyllts; av {samples} "
        f"prövade ögonblick gick det att titta i {could}, aldrig dessförinnan eller efter avslut; "
        f"{len(withdrawn)} ärende utan start fick inget schema"
    )
    return Promise("P1", "Ingen e-tillsyn utan alla villkor", how, tuple(broken))


def p3(seen: Evidence) -> Promise:
    heard = [p for p in seen.played if p.hearsay_at is not None]
    broken = [f"{p.life.ref} var inte aktiv efter utförarens anteckning" for p in heard if not p.active_after_hearsay]
    seconds: list[float] = []
    for played in heard:
        ends = [a for a in _acts(played) if a.kind is ActKind.END]
        if (
            not ends
            or played.ended_at is None
            or played.hearsay_at is None
            or any(a.created_at < played.ended_at for a in ends)
        ):
            broken.append(f"{played.life.ref} avslutades utan myndighetens beslut")
        else:
            seconds.append((played.ended_at - played.hearsay_at).total_seconds())
    if not heard:
        broken.append("ingen anteckning från utföraren prövades")
    how = (
        f"utförarens anteckning om avslut lämnade e-tillsyn aktiv i {min(seconds, default=0):.1f} s; "
        "den avslutades först när myndighetens beslut hade ett slutdatum"
    )
    return Promise("P3", "Bara myndigheten avslutar", how, tuple(broken))


def p4(seen: Evidence) -> Promise:
    marks = Counter(found.group(0) for note in seen.notes if (found := _MARK.search(note["text"])))
    references = Counter(s["externalReference"] for s in seen.schedules)
    broken = [f"{what} finns {n} gånger" for what, n in (marks + references).items() if n > 1]
    acts = [(p, a) for p in seen.played for a in _acts(p) if a.state is ActState.DONE]
    written = {f"[{p.life.ref}/{a.n:02d}]" for p, a in acts if a.kind is ActKind.MESSAGE}
    if set(marks) != written or sum(marks.values()) != len(seen.notes):
        broken.append(f"{len(seen.notes)} anteckningar i Lifecare, {len(written)} i liggaren")
    creates = sum(1 for _, a in acts if a.kind is ActKind.CREATE)
    if creates != len(seen.schedules):
        broken.append(f"{len(seen.schedules)} scheman i Phoniro, {creates} i liggaren")
    sent = [r for r in seen.phoniro_received if r["method"] == "POST" and r["path"].endswith("/supervision-schedules")]
    if not seen.answers_lost or not written or not creates:
        broken.append("det fanns ingenting att pröva")
    how = (
        f"{len(seen.notes)} anteckningar i Lifecare med {len(marks)} olika märken, {len(seen.schedules)} scheman i "
        f"Phoniro av {len(sent)} anrop, fast svaret på {seen.answers_lost} av dem gick förlorat"
    )
    return Promise("P4", "Allt sker en gång", how, tuple(broken))


def p7(seen: Evidence) -> Promise:
    broken: list[str] = []
    pairs = 0
    for played in seen.played:
        file = played.life.file
        if file is None or file.case.phase is not Phase.CLOSED or not file.balance:
            broken.append(f"{played.life.ref} är inte stängt")
            continue
        done = [(pair, out) for pair, did, out in file.balance if did]
        pairs += len(done)
        broken += [f"{played.life.ref}: {pair} är inte återtaget" for pair, out in done if not out]
    broken += [f"schemat {s['externalReference']} är {s['status']}" for s in seen.schedules if s["status"] != "ended"]
    full = [c for c in seen.customers if any(c.get(name) for name in _PERSONAL_FIELDS)]
    broken += ["en persons uppgifter finns kvar i Phoniro" for _ in full]
    how = (
        f"{len(seen.played)} ärenden stängda, {pairs} saker gjorda på vägen in och alla återtagna; i Phoniro är "
        f"{len(seen.schedules)} scheman avslutade och {len(seen.customers)} personer tömda"
    )
    return Promise("P7", "Det som gjorts blir återtaget", how, tuple(broken))


def p8(seen: Evidence) -> Promise:
    values = {value for person in CAST for value in person.personal_values()} | {DEFAULT_KEY}
    broken = []
    for surface, text in seen.surfaces.items():
        folded = text.casefold()
        hits = sum(value.casefold() in folded for value in values)
        if hits:
            broken.append(f"{hits} personuppgifter i {surface}")
        if not any(str(p.life.ref) in text for p in seen.played):
            broken.append(f"{surface} nämner inget ärende, så det prövade ingenting")
    lines = sum(text.count("\n") for text in seen.surfaces.values())
    hidden = {value.casefold() for value in CECILIA.personal_values()}
    sent = [json.dumps(r, ensure_ascii=False) for r in seen.phoniro_received]
    told = [n["text"] for n in seen.notes]
    for what, texts in (("anrop till Phoniro", sent), ("meddelanden", told)):
        leaks = sum(any(value in text.casefold() for value in hidden) for text in texts)
        if leaks:
            broken.append(f"den skyddade personens uppgifter i {leaks} {what}")
    how = (
        f"{len(values)} värden (namn, nummer i alla skrivsätt, adress, telefon, nyckel) sökta i {lines} rader logg och "
        f"utskrift; den skyddades dessutom i {len(told)} meddelanden och {len(sent)} anrop till Phoniro"
    )
    return Promise("P8", "Inga personuppgifter i loggen", how, tuple(broken))


def _acts(played: Played) -> list[Any]:
    return list(played.life.file.ledger.acts) if played.life.file else []
