"""P10: no text claims what Phoniro's own state denies, whether Phoniro carries out everything or nothing. And in any
life, everything that is decided has words and can be sent."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapter.domain.decision import Phase
from adapter.domain.facts import OrderStatus, Signal
from adapter.domain.ledger import ActKind, Wanted
from adapter.domain.policy import Policy
from adapter.domain.routine import Letter
from mappings import phoniro
from mappings.mapping import load_mapping
from mappings.messages.render import render_letter, render_mail
from mappings.texts import Texts
from tests.domain.life import POLICY, Life
from tests.domain.test_lives import EVENTS, settle
from tests.mappings.text_claims import denied

TEXTS = Texts.load(strict=True)
MAPPING = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")
NIGHTLY: Policy = replace(POLICY, night_units=frozenset({None}))


class Truthful(Life):
    """A life in which each text, page and command is compared with the schedule when it is sent or shown."""

    def __init__(self) -> None:
        super().__init__(policy=NIGHTLY)
        self.said: set[str] = set()

    def carry_out(self, wanted: Wanted) -> None:
        if wanted.kind is ActKind.MESSAGE:
            letter = Letter(str(wanted.what["letter"]))
            self._hold(letter, render_letter(letter, wanted.what, reference="TK-7F3K2M", act="01", texts=TEXTS))
        elif wanted.kind is ActKind.MAIL:
            mail = render_mail(wanted.what, reference="TK-1", texts=TEXTS)
            self._hold(f"mail {wanted.what['mail']}", "\n".join(mail))
        elif wanted.kind is ActKind.CREATE:
            new = phoniro.new_schedule(wanted.what, "TK-7F3K2M", "p-1", MAPPING)
            assert new.valid_to is None or new.valid_from <= new.valid_to
        elif wanted.kind is ActKind.CHANGE:
            assert phoniro.changes(wanted.what, MAPPING).to_json()
        super().carry_out(wanted)

    def check(self) -> None:
        super().check()
        decision = self.look()
        shown = [TEXTS.say("phases", decision.phase)]
        shown += [TEXTS.say("attention", a.code, **dict(a.params)) for a in decision.attention]
        shown += [TEXTS.say("waiting", code) for code in decision.waiting]
        self._hold("page", "\n".join(shown))
        assert all(TEXTS.has("waiting", code) for code in decision.waiting), decision.waiting
        for step in decision.steps:
            assert step.evidence is None or TEXTS.has("evidence", step.evidence), step
            assert step.reason is None or TEXTS.has("step_reasons", step.reason), step
        for wanted in decision.wanted:
            assert any(TEXTS.has(s, wanted.why) for s in ("why", "letters", "mails", "causes", "reasons")), wanted.why

    def _hold(self, name: str, text: str) -> None:
        self.said.add(name)
        wrong = denied(text, self.ledger.schedule)
        assert not wrong, f"{name} says {wrong} of {self.ledger.schedule}:\n{text}"


def running() -> Truthful:
    life = Truthful().begin()
    life.now += timedelta(minutes=5)
    return life


STOPPED_BY: dict[str, Callable[[Life], object]] = {
    "consent_withdrawn": lambda life: life.note(Signal.CONSENT_WITHDRAWN),
    "deceased": lambda life: life.set_client(deceased=True),
    "order_gone": lambda life: life.set_order(gone=True),
    "decision_gone": lambda life: life.set_decision(gone=True),
    "will_not_be_executed": lambda life: life.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED),
    "execution_over": lambda life: life.set_execution(last_day=life.today - timedelta(days=1)),
    "equipment_collected": lambda life: life.note(Signal.EQUIPMENT_COLLECTED),
    "evidence_lost": lambda life: life.notes.clear(),
    "not_begun": lambda life: life.decide_dates(first=life.today + timedelta(days=30)),
    "dates_contradict": lambda life: life.decide_dates(first=life.today, last=life.today - timedelta(days=30)),
    "the end": lambda life: life.set_decision(deleted=True),
    "a nearer last day": lambda life: life.decide_dates(last=life.today + timedelta(days=9)),
}


@pytest.mark.parametrize("phoniro", ["away", "refuses"])
@pytest.mark.parametrize("cause", STOPPED_BY)
def test_where_phoniro_does_nothing_no_text_says_that_it_did_and_it_is_asked_for_by_hand(
    cause: str, phoniro: str
) -> None:
    """Within a minute people are told that it shall be done. After ten minutes, or at once if it is refused, they are
    asked to do it by hand. They are told when it is done."""
    life = running()
    sent = len(life.sent)
    life.phoniro = phoniro
    STOPPED_BY[cause](life)
    life.wait(minutes=2)
    letters = [str(w.what.get("letter")) for w in life.sent[sent:] if w.kind is ActKind.MESSAGE]
    assert letters, "somebody is told at once"
    assert ("by_hand" in letters) is (phoniro == "refuses")
    life.wait(minutes=9)
    assert life.letters("coordinator").count("by_hand") == 1
    asked = [w for w in life.sent if w.what.get("mail") == "by_hand"]
    assert [w.what["to"] for w in asked] == ["night"]
    assert "TK-7F3K2M-1" in render_mail(asked[0].what, reference="TK-7F3K2M", texts=TEXTS)[0]
    life.wait(days=2)
    assert life.letters("coordinator").count("by_hand") == 1
    life.phoniro = "works"
    life.wait(hours=1)
    done = next(w for w in life.sent if w.what.get("letter") == "by_hand_done")
    assert done.what["done"] is True
    assert [w.what["mail"] for w in life.sent if w.what.get("to") == "night"][-1] == "by_hand_done"


@pytest.mark.parametrize("cause", [c for c in STOPPED_BY if c not in ("the end", "a nearer last day")])
def test_a_pause_is_told_as_done_once_it_is_seen_and_at_night_too(cause: str) -> None:
    life = running()
    life.policy = replace(
        life.policy, quiet=((life.now - timedelta(hours=9)).time(), (life.now + timedelta(hours=9)).time())
    )
    STOPPED_BY[cause](life)
    life.go()
    told = [w for w in life.sent if w.what.get("cause") == cause]
    assert told, "quiet hours or not"
    assert all(w.what["paused"] for w in told)
    assert [w.what["mail"] for w in told if w.what["to"] == "night"] == ["night_paused"]


@pytest.mark.parametrize("seed", range(30))
def test_in_no_life_does_a_text_claim_what_phoniro_denies_and_all_of_it_has_words(seed: int) -> None:
    rng, life = random.Random(seed), running() if seed % 3 else Truthful()
    if not life.orders:
        life.order(granted=rng.choice([3, None]))
    for _ in range(rng.randint(5, 25)):
        rng.choice(EVENTS)(life, rng)
        life.phoniro = rng.choice(["works", "works", "away", "refuses"])
        life.wait(minutes=rng.choice([1, 12]))
        if life.look().phase is Phase.CLOSED:
            return
    life.phoniro = "works"
    settle(life)
