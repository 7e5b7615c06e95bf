"""Why nothing happens yet, in a coordinator's words: the text for each typical situation, and no more."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from adapter.domain.facts import Absence, AuthorityDecision, Signal
from mappings.texts import Texts
from tests.domain.life import Life

TEXTS = Texts.load(strict=True)


def without(missing: Signal) -> Callable[[Life], object]:
    def happens(life: Life) -> None:
        life.execute().prepare()
        life.notes = {id: note for id, note in life.notes.items() if note.signal is not missing}

    return happens


def running(then: Callable[[Life], object]) -> Callable[[Life], object]:
    def happens(life: Life) -> None:
        life.begin().now += timedelta(minutes=5)
        then(life)

    return happens


def over(life: Life) -> Life:
    life.set_decision(deleted=True).go()
    return life


def absent(life: Life) -> None:
    life.absences[1] = Absence(1, life.today - timedelta(days=1), None)


SITUATIONS: dict[str, tuple[Callable[[Life], object], list[str]]] = {
    "nothing but the order": (
        lambda life: None,
        ["Det finns ingen verkställighet att anteckna på; först behöver beställningen verkställas."],
    ),
    "no times": (without(Signal.TIMES_AGREED), ["Det finns inga överenskomna tider som går att använda."]),
    "no keys": (without(Signal.KEYS_COLLECTED), ["Nycklar är inte inhämtade."]),
    "no consent": (without(Signal.CONSENT_SIGNED), ["Samtycke eller ansvarsförbindelse är inte undertecknad."]),
    "not ready": (without(Signal.READY_FOR_START), ["Larmgruppen har inte antecknat att det är klart för start."]),
    "a decision to come": (
        lambda life: life.decide_dates(first=life.today + timedelta(days=9)).execute().prepare(),
        ["Inget beslut gäller i dag. Börjar det längre fram fortsätter allt automatiskt då."],
    ),
    "Lifecare can't be read": (
        lambda life: life.execute().prepare().stale.add("decisions"),
        ["Alla uppgifter i Lifecare går inte att läsa just nu."],
    ),
    "running": (running(lambda life: None), []),
    "away": (running(absent), ["Brukaren är borta."]),
    "consent withdrawn": (running(lambda life: life.note(Signal.CONSENT_WITHDRAWN)), ["Samtycket är återkallat."]),
    "dead": (running(lambda life: life.set_client(deceased=True)), ["Brukaren har avlidit."]),
    "not collected": (running(over), ["Larmgruppen har inte antecknat att kamerapaketet är hämtat."]),
    "not closed": (
        running(lambda life: over(life).note(Signal.EQUIPMENT_COLLECTED)),
        ["Verkställigheten är inte avslutad i Lifecare."],
    ),
    "nowhere to note": (
        running(lambda life: over(life).set_execution(last_day=life.today - timedelta(days=1))),
        [TEXTS.say("waiting", "end_nowhere_to_note")],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_case_says_why_nothing_happens_yet(situation: str) -> None:
    happens, said = SITUATIONS[situation]
    life = Life().order()
    life.go()
    happens(life)
    told = [TEXTS.say("waiting", code) for code in life.go().waiting]
    assert told[: len(said) or None] == said
    assert len(told) <= 1 or situation == "nothing but the order"


@pytest.mark.parametrize("day", [date.max, date(9999, 12, 30), date.min])
def test_dates_at_the_ends_of_the_calendar_are_as_good_as_never(day: date) -> None:
    """Found by drawing: 9999-12-31 as a last day, or an absence until then, raised OverflowError."""
    life = Life().begin()
    life.absences[1] = Absence(1, life.today - timedelta(days=1), day if day > life.today else None)
    if day > life.today:
        life.decide_dates(last=day)
    else:
        number = life.decision_of()
        life.decisions[number] = AuthorityDecision(number, day, None)
    decision = life.set_execution(first_day=min(day, life.today)).wait(days=3)
    assert "pause" in life.platform()
    assert decision.wake_at is None or decision.wake_at > life.now
