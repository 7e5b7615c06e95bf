"""What the routine doesn't say and its users would expect, by example."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Absence, FactProblem, OrderStatus, ServiceKind, Signal
from adapter.domain.ledger import Act, ActKind, ActState, ScheduleStatus, Wanted
from tests.domain.life import Life


def unknown_creation(life: Life) -> Wanted:
    """The schedule was to be created, and the answer was lost."""
    life.execute().prepare()
    create = next(w for w in life.look().wanted if w.kind is ActKind.CREATE)
    unknown = Act(1, create.key, create.kind, ActState.UNKNOWN, create.what, life.now)
    life.ledger = replace(life.ledger, acts=(unknown,))
    return create


def turned_up(life: Life, create: Wanted) -> None:
    """A creation's answer was lost, and looking it up shows that it had its effect."""
    life.ledger = replace(life.ledger, acts=())
    life.carry_out(create)


# Replaced, moved, changed


def test_papers_that_carry_over_to_a_new_order_are_no_deviation(active: Life) -> None:
    active.set_decision(deleted=True).go()
    active.order("o2").wait(hours=5)
    assert "not_executed" not in active.letters()


def test_becoming_protected_while_the_camera_waits_to_be_collected_takes_the_details_away(active: Life) -> None:
    active.set_decision(deleted=True).go()
    active.set_client(protected=True, details="protected").go()
    assert active.platform() == ["put_person", "create", "end", "put_person"]
    active.noted(Signal.EQUIPMENT_COLLECTED).go()
    assert active.platform()[-1] == "empty_person"


# P2 at its edges


def test_a_decision_deleted_while_a_creation_is_unknown_ends_what_turns_up(life: Life) -> None:
    create = unknown_creation(life)
    life.set_decision(deleted=True)
    assert not [w for w in life.look().wanted if w.kind in (ActKind.CREATE, ActKind.END)]
    turned_up(life, create)
    life.go()
    assert life.schedule.status is ScheduleStatus.ENDED


def test_a_withdrawal_while_a_creation_is_unknown_is_not_yet_an_end(life: Life) -> None:
    """I11 may have happened. Then a status alone ends nothing, and pauses the schedule if there is one."""
    create = unknown_creation(life)
    life.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED)
    assert life.look().phase is Phase.PREPARING
    turned_up(life, create)
    assert life.go().phase is Phase.PAUSED


def test_a_renewal_after_a_long_gap_collects_and_hands_the_new_order_over_once_it_is_collected(active: Life) -> None:
    last = active.today + timedelta(days=2)
    active.decide_dates(last=last).order("o2", first=last + timedelta(days=30)).wait(days=4)
    assert active.letters("alarm_team")[-1] == "collect"
    assert active.look().release == ()
    assert active.noted(Signal.EQUIPMENT_COLLECTED).go().release == ("o2",)


def test_one_pause_for_absences_that_overlap_or_follow_each_other(active: Life) -> None:
    day = active.today
    active.absences = {
        1: Absence(1, day, day + timedelta(days=3)),
        2: Absence(2, day + timedelta(days=2), day + timedelta(days=4)),
        3: Absence(3, day + timedelta(days=4), day + timedelta(days=6)),
        4: Absence(4, day - timedelta(days=9), day - timedelta(days=7)),
        5: Absence(5, day + timedelta(days=8), day + timedelta(days=8)),
    }
    active.wait(days=10)
    assert active.platform() == ["put_person", "create", "pause", "resume"]


# Told once, in words of their own, and taken back


def test_a_new_consent_is_awaited_since_the_old_one_was_withdrawn(active: Life) -> None:
    """It isn't late since the installation was booked, which may be a year ago."""
    active.now += timedelta(days=30)
    withdrawn = active.note(Signal.CONSENT_WITHDRAWN)
    assert active.step("I8").since == active.notes[withdrawn].at


def test_consent_and_withdrawal_at_the_same_moment_means_withdrawn(active: Life) -> None:
    signed = next(n for n in active.notes.values() if n.signal is Signal.CONSENT_SIGNED)
    active.notes["w"] = replace(signed, id="w", signal=Signal.CONSENT_WITHDRAWN)
    assert active.go().phase is Phase.PAUSED


def test_a_second_note_of_the_same_withdrawal_is_no_news_and_a_new_one_is(active: Life) -> None:
    for signal, told in [
        (Signal.CONSENT_WITHDRAWN, ["consent_withdrawn"]),
        (Signal.CONSENT_WITHDRAWN, ["consent_withdrawn"]),
        (Signal.CONSENT_SIGNED, ["consent_withdrawn", "resumed"]),
        (Signal.CONSENT_WITHDRAWN, ["consent_withdrawn", "resumed", "consent_withdrawn"]),
    ]:
        active.now += timedelta(hours=1)
        active.noted(signal).go()
        assert active.letters("authority") == told


def test_a_new_withdrawal_is_news_also_if_the_consent_in_between_was_never_read_alone(active: Life) -> None:
    active.noted(Signal.CONSENT_WITHDRAWN).go()
    for signal in (Signal.CONSENT_SIGNED, Signal.CONSENT_WITHDRAWN):
        active.now += timedelta(hours=1)
        active.note(signal)
    active.go()
    assert active.letters("authority") == ["consent_withdrawn"] * 2


def test_a_death_that_was_a_mistake_is_taken_back_and_e_tillsyn_goes_on(active: Life) -> None:
    active.set_client(deceased=True)
    assert active.go().unwatched is None, "the dead are on no list of those without supervision"
    assert active.set_client(deceased=False).go().phase is Phase.ACTIVE
    for to in ("coordinator", "alarm_team"):
        assert active.letters(to)[-2:] == ["deceased", "death_corrected"]


def test_after_a_death_nothing_else_is_asked_of_anybody(active: Life) -> None:
    active.set_client(deceased=True).go()
    sent = len(active.sent)
    active.noted(Signal.CONSENT_WITHDRAWN).set_execution(last_day=active.today - timedelta(days=1)).wait(days=40)
    left = [w.key for w in active.sent[sent:]]
    assert left == ["late:camera_left:2026-03-02:1"], "but where the camera is, after a month, mildly"
    active.set_decision(deleted=True).wait(days=40)
    assert not [m for m in active.mails() if m.startswith(("late:A4", "late:A5"))], "nobody is reminded"


def test_an_end_heard_is_told_once_and_the_authority_reminded_until_it_answers(active: Life) -> None:
    active.note(Signal.END_HEARD)
    active.note(Signal.END_HEARD)
    active.policy = replace(active.policy, late={**active.policy.late, "A1": active.policy.late["I4"]})
    active.wait(days=6)
    assert active.letters("authority") == ["end_heard"]
    assert (active.step("A0").state, active.step("A1").state) == (StepState.DONE, StepState.AWAITED)
    assert active.look().phase is Phase.ACTIVE, "nothing ends before the authority decides"
    assert [m for m in active.mails() if m.startswith("late:A1:")]
    active.decide_dates(last=active.today + timedelta(days=30)).go()
    assert active.step("A1").state is StepState.LATER


@pytest.mark.parametrize("signal", [Signal.EQUIPMENT_COLLECTED, Signal.PICKUP_BOOKED])
def test_a_note_that_contradicts_the_decision_is_told_once_and_gone_when_mended(life: Life, signal: Signal) -> None:
    life.other_service().go()
    life.now += timedelta(minutes=5)
    note = life.note(signal)
    life.wait(hours=6)
    assert life.letters("coordinator").count("contradiction") == 1
    assert "contradiction" in [a.code for a in life.look().attention]
    del life.notes[note]
    assert "contradiction" not in [a.code for a in life.go().attention]


def test_an_order_that_vanished_before_the_start_is_asked_about_and_starts_nothing(life: Life) -> None:
    life.go()
    life.execute().prepare()
    decision = life.set_order(gone=True).go()
    assert life.platform() == []
    assert any(a.code == "order_gone" and a.parks for a in decision.attention)
    assert life.set_order(gone=False).go().phase is Phase.ACTIVE


# Who is reminded, of what, since when


def test_nobody_is_reminded_to_have_a_paper_signed_that_was_just_withdrawn(life: Life) -> None:
    life.other_service().go()
    life.note(Signal.INSTALLATION_BOOKED)
    life.noted(Signal.CONSENT_WITHDRAWN).go()
    before = life.mails()
    life.wait(days=30)
    assert life.mails() == before


def test_a_case_closing_is_awaited_since_it_was_asked_for_not_since_the_case_began(life: Life) -> None:
    life.execute().wait(days=60)
    life.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED).go()
    assert life.step("A6").since == life.now
    assert not [m for m in life.mails() if m.startswith("late:A6")]
    life.wait(days=6)
    assert [m for m in life.mails() if m.startswith("late:A6")]


def test_working_days_pass_over_swedish_holidays(life: Life) -> None:
    life.policy = replace(life.policy, holidays=frozenset({life.today + timedelta(days=d) for d in (1, 2)}))
    life.other_service().go()
    life.wait(days=6, hours=12)
    assert not [m for m in life.mails() if m.startswith("late:I4:")], "Monday, two holidays, Thursday, Friday"
    life.wait(days=2)
    assert [m for m in life.mails() if m.startswith("late:I4:")]


def test_a_step_with_nowhere_to_be_noted_is_asked_about_again_and_opened_by_a_declaration(active: Life) -> None:
    active.set_decision(deleted=True).go()
    decision = active.set_execution(last_day=active.today - timedelta(days=1)).wait(days=40)
    assert any(a.code == "nowhere_to_note" and a.parks for a in decision.attention)
    asked = ["parked:nowhere_to_note:A5", *(f"late:nowhere_to_note:2026-03-02:{n}" for n in range(1, 6))]
    assert active.mails() == asked, "and again, and then its manager"
    note_id = active.note(Signal.EQUIPMENT_COLLECTED)
    active.notes[note_id] = replace(active.notes[note_id], by="koordinator Norra")
    assert active.go().phase is Phase.CLOSED
    assert active.step("A5").evidence == "declared"
    assert [(w["to"], w["signal"], w["who"]) for w in active.told("declared")] == [
        ("coordinator", "equipment_collected", "koordinator Norra")
    ], "before the case is closed"


# What cannot be checked, and keys


def test_a_grant_that_cannot_be_checked_blocks_nothing_and_is_told_in_the_letter(life: Life) -> None:
    line = replace(life.orders["o1"].lines[0], granted=None)
    assert life.set_order(lines=(line,)).execute().prepare("22:00 23:00 01:00 03:00").go().phase is Phase.ACTIVE
    assert life.told("received")[0]["granted"] is None
    assert not life.mails()


def test_a_service_whose_decision_has_ended_gives_nobody_keys(life: Life) -> None:
    life.other_service(ServiceKind.OTHER)
    life.decide_dates("other1", last=life.today - timedelta(days=1), first=life.today - timedelta(days=90)).go()
    assert life.told("install")[0]["keys"] == "needed"


def test_rows_left_out_open_nothing_and_end_what_is_known_to_end(active: Life) -> None:
    active.problems = (FactProblem("bad_row", "absences", (("id", "1"), ("field", "StartDate"))),)
    active.noted(Signal.CONSENT_WITHDRAWN).go()
    active.noted(Signal.CONSENT_SIGNED).go()
    assert active.platform()[-1] == "pause"
    active.set_decision(deleted=True).go()
    assert active.platform()[-1] == "end"
