"""The text table: every code that the domain shows has words, and a missing text never stops anything."""

import re
from pathlib import Path

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Signal
from adapter.domain.ledger import ActKind, ActState
from adapter.domain.routine import STEPS, Letter, Role
from adapter.store.codec import RESOURCES
from mappings.texts import MissingText, Texts

TEXTS = Texts.load()
SV = Path(__file__).parents[2] / "mappings"


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        ("steps", set(STEPS)),
        ("roles", {role.value for role in Role} | {"it", "escalation"}),
        ("phases", {phase.value for phase in Phase}),
        ("states", {state.value for state in StepState}),
        ("acts", {kind.value for kind in ActKind}),
        ("acts_done", {kind.value for kind in ActKind}),
        ("act_states", {state.value for state in ActState}),
        ("resources", set(RESOURCES)),
        ("lateness", {"reminded", "reminded_again", "escalated"}),
        ("letters", {letter.value for letter in Letter}),
        ("signals", {signal.value for signal in Signal}),
        ("waiting", {f"gate_{step.id}" for step in STEPS.values() if step.gate} | {"not_resumed", "not_scheduled"}),
    ],
)
def test_every_code_has_words(section: str, codes: set[str]) -> None:
    assert codes <= set(TEXTS.sections[section])


def test_a_missing_text_is_an_error_where_texts_are_strict() -> None:
    strict = Texts.load(strict=True)
    with pytest.raises(MissingText):
        strict.say("steps", "I99")
    with pytest.raises(MissingText):
        strict.say("times", "not_a_time", line=1)


def test_a_missing_text_is_readable_elsewhere() -> None:
    assert TEXTS.say("attention", "brand_new_code", order="4711") == "brand new code (order: 4711)"
    assert TEXTS.say("times", "not_a_time", line=1) == "not a time (line: 1)"


def test_the_case_systems_resources_are_named_in_words() -> None:
    told = TEXTS.say("attention", "no_person", resource="sol_decisions", id="7")
    assert told.startswith("I beslut anger raden 7 ingen person.")
    assert "beställningar, anteckningar" in TEXTS.say("attention", "stale", resources="orders, notes")


def test_nothing_that_coordinators_and_alarm_teams_read_has_the_words_of_the_machine() -> None:
    """The only exception is the commands that the IT function types."""
    assert said(r"adapter(?! (check|case) )|en människa|kommer inte vidare|av sig själv|Avvikelse") == {}


def test_nobody_is_told_that_somebody_else_has_been_told_as_that_may_be_yet_to_come() -> None:
    """P10: each message is sent by itself, and may wait for Lifecare or for the morning."""
    assert said(r"fått (samma|ett meddelande|i uppdrag)|har fått veta varför|har tillfrågats") == {}


def said(pattern: str) -> dict[str, str]:
    """The place in a template or a text."""
    templates = {file.name: file.read_text(encoding="utf-8") for file in (SV / "messages/sv").rglob("*.*")}
    texts = {f"{s}.{code}": text for s, codes in TEXTS.sections.items() for code, text in codes.items()}
    sought = re.compile(pattern, re.IGNORECASE)
    return {name: hit.group() for name, text in (templates | texts).items() if (hit := sought.search(text))}


def test_there_is_no_table_for_a_language_that_nobody_wrote() -> None:
    with pytest.raises(FileNotFoundError):
        Texts.load("xx")
