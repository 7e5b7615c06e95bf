"""LA14: consent of a person who lives with them, information given, and an old consent."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.domain.calendar import months_after
from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import OPTIONAL, Signal
from adapter.domain.ledger import ActKind
from tests.domain.life import POLICY, Life

STRICT = replace(POLICY, gates=OPTIONAL)


@pytest.fixture
def ready() -> Life:
    """Everything that the routine needs is there, in a municipality with both headings."""
    life = Life(policy=STRICT).order()
    life.go()
    return life.execute().prepare()


def test_where_they_are_mapped_nothing_starts_without_them_and_what_is_missing_is_said(ready: Life) -> None:
    assert ready.go().phase is Phase.PREPARING
    decision = ready.noted(Signal.COHABITANT_CONSENT).wait(hours=3)
    assert (decision.phase, decision.waiting) == (Phase.PREPARING, ("gate_information_given",))
    assert ready.step("I8").state is StepState.AWAITED
    (told,) = ready.told("no_consent")
    assert (told["to"], told["missing"]) == ("coordinator", "information_given")
    decision = ready.noted(Signal.INFORMATION_GIVEN).go()
    assert (decision.phase, ready.step("I8").state) == (Phase.ACTIVE, StepState.DONE)


def test_the_alarm_team_is_told_of_them_with_its_assignment(ready: Life) -> None:
    assert ready.told("install")[0]["gates"] == "cohabitant_consent,information_given"


def test_one_that_was_wanted_at_the_start_and_is_error_marked_pauses(ready: Life) -> None:
    given = [ready.note(signal) for signal in sorted(OPTIONAL)]
    assert ready.go().phase is Phase.ACTIVE
    del ready.notes[given[0]]
    assert ready.go().phase is Phase.PAUSED
    assert [w["cause"] for w in ready.told("paused")] == ["evidence_lost"]


def test_a_heading_that_is_mapped_later_stops_nobody(ready: Life) -> None:
    ready.policy = POLICY
    assert ready.go().phase is Phase.ACTIVE
    ready.policy = STRICT
    sent = len(ready.sent)
    assert ready.wait(days=2).phase is Phase.ACTIVE
    assert not [w for w in ready.sent[sent:] if w.kind is not ActKind.MAIL]


def test_an_old_consent_is_asked_about_again_until_it_is_noted_anew() -> None:
    life = Life(policy=replace(POLICY, consent_review_months=12))
    life.begin()

    def asked() -> list[str]:
        return [w.key for w in life.sent if w.what.get("mail") == "consent_review"]

    life.wait(days=364)
    assert asked() == []
    life.wait(days=2)
    assert asked() == ["late:consent_review:2027-03-02:1"]
    assert life.look().phase is Phase.ACTIVE, "it goes on"
    life.noted(Signal.CONSENT_SIGNED).wait(days=60)
    assert len(asked()) == 1


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 3, 2), 12, date(2027, 3, 2)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
    ],
)
def test_months_are_counted_by_the_calendar(day: date, months: int, then: date) -> None:
    assert months_after(day, months) == then
    assert then > day + timedelta(days=27)
