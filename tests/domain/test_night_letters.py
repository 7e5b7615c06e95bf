"""Who is told what about the looks of a night, and when (the night watch)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapter.domain.ledger import ActKind, Look, LookOutcome, Wanted
from adapter.domain.policy import Policy
from tests.domain.life import POLICY, Life

DUE = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
SECOND = datetime(2026, 3, 3, 1, 15, tzinfo=UTC)
THIRD = datetime(2026, 3, 3, 4, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 6, tzinfo=UTC)
NIGHTLY: Policy = replace(POLICY, night_units=frozenset({None}))
QUIET = replace(NIGHTLY, quiet=(POLICY.window.start, POLICY.window.end))
OK, MISSED, OFFLINE = LookOutcome.OK, LookOutcome.MISSED, LookOutcome.CAMERA_OFFLINE


class Night(Life):
    """A case whose e-tillsyn runs, and the looks of its first night."""

    def __init__(self, policy: Policy = NIGHTLY) -> None:
        super().__init__(policy=policy)
        self.begin()
        self.sent.clear()

    def see(self, now: datetime, **outcomes: LookOutcome) -> list[Wanted]:
        """What is sent when these outcomes are known."""
        dues = {"first": DUE, "second": SECOND, "third": THIRD}
        known = {look.due_at: look for look in self.ledger.looks}
        known |= {dues[name]: Look(1, dues[name], outcome, judged_at=now) for name, outcome in outcomes.items()}
        looks = tuple(known[at] for at in sorted(known))
        done = tuple(look for look in looks if look.done)[:1]
        self.ledger = replace(self.ledger, looks=looks, first_looks=done)
        self.now = now
        before = len(self.sent)
        self.go()
        return self.sent[before:]


def names(sent: list[Wanted]) -> list[tuple[str, str]]:
    return [(str(w.what.get("letter") or w.what["mail"]), str(w.what["to"])) for w in sent]


def test_a_look_that_was_not_done_is_told_at_once_to_who_works_at_night_and_once() -> None:
    night = Night(QUIET)
    (mail,) = night.see(DUE + timedelta(minutes=35), first=MISSED)
    assert names([mail]) == [("look_missed", "night")]
    assert (mail.kind, mail.not_before) == (ActKind.MAIL, None)
    assert (mail.what["due"], mail.what["outcome"], mail.what["may_look"]) == ("2026-03-02T22:30", "missed", True)
    assert night.see(DUE + timedelta(minutes=40), first=MISSED) == []


def test_without_a_night_mailbox_the_coordinators_gets_it() -> None:
    assert names(Night(POLICY).see(DUE + timedelta(minutes=35), first=MISSED)) == [("look_missed", "coordinator")]


def test_one_told_as_not_done_that_turns_out_done_is_corrected_and_nothing_is_left_for_the_morning() -> None:
    night = Night()
    night.see(DUE + timedelta(minutes=35), first=MISSED)
    assert names(night.see(DUE + timedelta(minutes=50), first=OK)) == [("look_done", "night")]
    assert night.see(MORNING, second=OK, third=OK) == []


def test_in_the_morning_the_coordinator_is_told_once_for_the_night_and_what_changes_afterwards() -> None:
    night = Night()
    night.see(DUE + timedelta(minutes=35), first=MISSED)
    night.see(SECOND + timedelta(minutes=5), second=OK)
    assert night.see(THIRD + timedelta(minutes=35), third=MISSED)[0].what["mail"] == "look_missed"
    (letter,) = night.see(MORNING)
    assert names([letter]) == [("looks_missed", "coordinator")]
    assert json.loads(str(letter.what["looks"])) == [["2026-03-02T22:30", "missed"], ["2026-03-03T05:00", "missed"]]
    assert letter.what["next_done"] is None
    assert night.see(MORNING + timedelta(hours=1)) == []
    corrected = night.see(MORNING + timedelta(hours=2), third=OK)
    assert names(corrected) == [("looks_corrected", "coordinator"), ("look_done", "night")][::-1]


def test_the_letter_names_the_next_look_that_was_done() -> None:
    night = Night()
    night.see(DUE + timedelta(minutes=35), first=MISSED)
    night.see(SECOND, second=OK, third=OK)
    (letter,) = night.see(MORNING)
    assert letter.what["next_done"] == "2026-03-03T02:15"


def test_a_look_that_is_still_open_at_the_end_of_the_night_is_waited_for() -> None:
    night = Night()
    night.see(DUE + timedelta(minutes=35), first=MISSED)
    late = Look(1, MORNING - timedelta(minutes=10), LookOutcome.PENDING)
    night.ledger = replace(night.ledger, looks=(*night.ledger.looks, late))
    assert night.see(MORNING) == []
    assert names(night.see(MORNING + timedelta(minutes=35)))[0] == ("looks_missed", "coordinator")


def test_the_case_wakes_at_the_end_of_a_night_of_which_there_is_something_to_tell() -> None:
    night = Night()
    night.see(DUE + timedelta(minutes=35), first=MISSED)
    wake = night.look().wake_at
    assert wake is not None
    assert wake <= MORNING


def test_a_camera_that_is_offline_twice_in_a_row_goes_to_the_alarm_team_and_the_next_ok_is_told_to_both() -> None:
    night = Night()
    assert names(night.see(DUE + timedelta(minutes=5), first=OFFLINE)) == [("look_missed", "night")]
    assert set(names(night.see(SECOND + timedelta(minutes=5), second=OFFLINE))) == {
        ("look_missed", "night"),
        ("camera_offline", "alarm_team"),
        ("camera_offline", "coordinator"),
    }
    assert set(names(night.see(THIRD, third=OK))) == {("camera_online", "alarm_team"), ("camera_online", "coordinator")}


def test_the_alarm_team_is_told_of_a_silent_camera_in_the_morning_and_the_coordinator_at_once() -> None:
    night = Night(QUIET)
    night.see(DUE + timedelta(minutes=5), first=OFFLINE)
    at_once = names(night.see(SECOND + timedelta(minutes=5), second=OFFLINE))
    assert sorted(at_once) == [("camera_offline", "coordinator"), ("look_missed", "night")]
    assert ("camera_offline", "alarm_team") in names(night.see(MORNING, third=OFFLINE))


def test_the_dead_are_not_told_of() -> None:
    night = Night()
    night.set_client(deceased=True)
    assert not [w for w in night.see(DUE + timedelta(minutes=35), first=MISSED) if "look" in str(w.what.get("mail"))]


def test_who_may_not_look_now_is_not_asked_to() -> None:
    night = Night()
    night.phoniro = "away"
    night.orders.clear()
    sent = night.see(DUE + timedelta(minutes=35), first=MISSED)
    mails = [w for w in sent if w.what.get("mail") == "look_missed"]
    assert [mail.what["may_look"] for mail in mails] == [False]


def test_the_first_look_that_was_done_closes_the_installation() -> None:
    night = Night()

    def evidence() -> tuple[str | None, str | None]:
        (step,) = (step for step in night.look().steps if step.id == "I11")
        return step.evidence, step.evidence_id

    assert evidence()[0] == "act"
    night.see(DUE + timedelta(minutes=5), first=OK)
    assert evidence() == ("look", "2026-03-02")


@pytest.mark.parametrize("outcome", [LookOutcome.OK, LookOutcome.VISIT, LookOutcome.PENDING])
def test_nothing_is_told_of_a_look_that_was_done_or_is_open(outcome: LookOutcome) -> None:
    night = Night()
    night.ledger = replace(night.ledger, looks=(Look(1, DUE, outcome),))
    assert night.see(DUE + timedelta(minutes=20)) == []
