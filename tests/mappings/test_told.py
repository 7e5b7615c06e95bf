"""Whatever a life brings, everything that is decided in it can be told in words and sent."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.domain.decision import Decision, Phase
from adapter.domain.ledger import ActKind, Wanted
from adapter.domain.routine import Letter
from mappings import phoniro
from mappings.messages import render_letter, render_mail
from mappings.sections import DEFAULT_END_REASONS
from mappings.tables import load_mapping
from mappings.texts import Texts
from tests.domain.life import Life
from tests.domain.test_lives import EVENTS, settle

TEXTS = Texts.load(strict=True)
MAPPING = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")


class Watched(Life):
    """A life that keeps every decision taken in it."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions_taken: list[Decision] = []

    def look(self) -> Decision:
        decision = super().look()
        self.decisions_taken.append(decision)
        return decision


def lives() -> Iterator[Watched]:
    for seed in range(60):
        rng, life = random.Random(seed), Watched()
        life.order(granted=rng.choice([3, None]))
        if seed % 2:
            life.execute()
            life.prepare()
            life.go()
        for _ in range(rng.randint(5, 25)):
            rng.choice(EVENTS)(life, rng)
            if rng.random() < 0.7 and life.go().phase is Phase.CLOSED:
                break
        else:
            settle(life)
        yield life


@pytest.fixture(scope="module")
def lived() -> list[Watched]:
    return list(lives())


def test_phoniro_has_a_reason_for_each_that_the_routine_ends_by_and_for_no_other() -> None:
    told = TEXTS.sections["reasons"].keys()
    assert DEFAULT_END_REASONS.keys() == told - {"ended", "other"}


def test_every_message_and_mail_that_was_sent_can_be_written(lived: list[Watched]) -> None:
    seen: set[str] = set()
    for wanted in (w for life in lived for w in life.sent):
        if wanted.kind is ActKind.MESSAGE:
            letter = Letter(str(wanted.what["letter"]))
            assert render_letter(letter, wanted.what, reference="TK-7F3K2M", act="01", texts=TEXTS)
            seen.add(letter.value)
        elif wanted.kind is ActKind.MAIL:
            assert "TK-7F3K2M" in render_mail(wanted.what, reference="TK-7F3K2M", texts=TEXTS)[0]
            seen.add(str(wanted.what["mail"]))
    assert {"received", "install", "collect", "ready_to_close", "plan", "plan_void", "paused", "reminder"} <= seen


def test_every_schedule_that_was_called_for_can_be_sent(lived: list[Watched]) -> None:
    def sent(kind: ActKind) -> list[Wanted]:
        return [w for life in lived for w in life.sent if w.kind is kind]

    for wanted in sent(ActKind.CREATE):
        new = phoniro.new_schedule(wanted.what, "TK-7F3K2M", "p-1", MAPPING)
        assert new.valid_to is None or new.valid_from <= new.valid_to
    for wanted in sent(ActKind.CHANGE):
        assert phoniro.changes(wanted.what, MAPPING).to_json()
    assert sent(ActKind.CREATE)
    assert sent(ActKind.CHANGE)


def test_everything_that_a_decision_says_has_words(lived: list[Watched]) -> None:
    for decision in (d for life in lived for d in life.decisions_taken):
        for notice in decision.attention:
            assert TEXTS.say("attention", notice.code, **dict(notice.params))
        for code in decision.waiting:
            assert TEXTS.has("waiting", code), code
        for step in decision.steps:
            assert step.evidence is None or TEXTS.has("evidence", step.evidence), step
            assert step.reason is None or TEXTS.has("step_reasons", step.reason), step
        for wanted in decision.wanted:
            assert any(TEXTS.has(s, wanted.why) for s in ("why", "letters", "mails", "causes", "reasons")), wanted.why
