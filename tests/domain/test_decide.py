"""One case through the routine, in and out, without I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Absence, OrderStatus, ServiceKind, Signal
from adapter.domain.ledger import ScheduleStatus
from tests.domain.life import EXECUTION, Life


@pytest.fixture
def life() -> Life:
    life = Life()
    life.order()
    return life


@pytest.fixture
def active(life: Life) -> Life:
    life.go()
    life.execute()
    life.prepare()
    assert life.go().phase is Phase.ACTIVE
    return life


def test_an_order_is_told_to_the_coordinator_and_the_alarm_team(life: Life) -> None:
    decision = life.go()
    assert life.letters() == ["received", "install"]
    assert decision.phase is Phase.PREPARING
    assert decision.waiting[0] == "no_execution_to_note_on"


def test_all_gates_together_schedule_e_tillsyn_and_put_the_times_into_the_plan(active: Life) -> None:
    assert active.platform() == ["put_person", "create"]
    assert active.letters("plan") == ["plan"]
    states = {v.id: v.state for v in active.look().steps}
    assert {s for s in states if states[s] is not StepState.DONE} == {"A0", "A1", "A2", "A3", "A4", "A5", "A6"}


@pytest.mark.parametrize(
    "missing",
    [
        Signal.TIMES_AGREED,
        Signal.KEYS_COLLECTED,
        Signal.CONSENT_SIGNED,
        Signal.LIABILITY_SIGNED,
        Signal.READY_FOR_START,
    ],
)
def test_without_any_one_gate_nothing_is_scheduled(life: Life, missing: Signal) -> None:
    life.execute()
    life.prepare()
    life.notes = {k: n for k, n in life.notes.items() if n.signal is not missing}
    assert life.go().phase is Phase.PREPARING
    assert life.platform() == []


def test_without_execution_nothing_is_scheduled_and_the_deviation_is_told_after_its_grace(life: Life) -> None:
    life.other_service()
    life.prepare(keys=False)
    life.go()
    assert "not_executed" not in life.letters()
    life.wait(hours=3)
    assert life.letters().count("not_executed") == 1
    assert life.platform() == []
    life.execute()
    assert life.go().phase is Phase.ACTIVE
    assert not life.look().attention


def test_an_end_runs_through_to_a_balanced_close(active: Life) -> None:
    active.finish()
    assert active.platform() == ["put_person", "create", "end", "empty_person"]
    assert active.letters("alarm_team") == ["install", "times", "collect"]
    assert active.letters("coordinator") == ["received", "ready_to_close"]
    assert active.letters("plan") == ["plan", "plan_void"]


def test_a_last_day_to_come_is_set_first_and_ended_only_after_it(active: Life) -> None:
    last = active.today + timedelta(days=3)
    active.decide_dates(last=last)
    active.go()
    assert active.platform()[-1] == "change"
    assert active.ledger.schedule is not None
    assert active.ledger.schedule.valid_to == last
    active.wait(days=2)
    assert active.platform()[-1] == "change"
    active.wait(days=2)
    assert active.platform()[-1] == "end"
    assert active.letters("alarm_team")[-1] == "collect"


def test_a_future_end_taken_back_leaves_everything_running(active: Life) -> None:
    active.decide_dates(last=active.today + timedelta(days=3))
    active.go()
    active.decide_dates(last=None)
    active.go()
    active.wait(days=10)
    assert active.ledger.schedule is not None
    assert active.ledger.schedule.valid_to is None
    assert active.ledger.schedule.status is ScheduleStatus.OPEN
    assert active.letters("alarm_team").count("dates_changed") == 2


@pytest.mark.parametrize(
    ("booked", "installed", "letter"),
    [(False, False, "cancel"), (True, False, "cancel_or_fetch"), (True, True, "collect")],
)
def test_an_order_withdrawn_half_way_is_undone_as_far_as_it_got(
    life: Life, booked: bool, installed: bool, letter: str
) -> None:
    life.other_service()
    life.go()
    if booked:
        life.note(Signal.INSTALLATION_BOOKED)
    if installed:
        life.note(Signal.CONSENT_SIGNED)
    life.go()
    life.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED)
    decision = life.go()
    assert life.letters("alarm_team") == ["install", letter]
    assert decision.phase is (Phase.CLOSED if letter == "cancel" else Phase.ENDING)
    if letter != "cancel":
        life.note(Signal.EQUIPMENT_COLLECTED)
        assert life.go().phase is Phase.CLOSED
    assert life.look().balanced
    assert life.letters("coordinator")[-1] == "ready_to_close"


def test_will_not_be_executed_after_the_start_pauses_and_is_told_but_ends_nothing(active: Life) -> None:
    active.set_order(status=OrderStatus.WILL_NOT_BE_EXECUTED)
    assert active.go().phase is Phase.PAUSED
    assert active.letters("authority") == ["paused"]
    assert "end" not in active.platform()
    active.set_order(status=OrderStatus.ACCEPTED)
    assert active.go().phase is Phase.ACTIVE
    assert active.letters("authority") == ["paused", "resumed"]


def test_an_execution_that_ends_without_the_authority_pauses(active: Life) -> None:
    active.executions[EXECUTION] = replace(active.executions[EXECUTION], last_day=active.today - timedelta(days=1))
    assert active.go().phase is Phase.PAUSED
    assert active.platform()[-1] == "pause"
    active.executions[EXECUTION] = replace(active.executions[EXECUTION], last_day=None)
    assert active.go().phase is Phase.ACTIVE


def test_a_withdrawn_consent_pauses_at_once_and_a_newer_one_resumes(active: Life) -> None:
    active.note(Signal.CONSENT_WITHDRAWN)
    assert active.go().phase is Phase.PAUSED
    assert active.letters("authority") == ["consent_withdrawn"]
    active.note(Signal.CONSENT_SIGNED)
    assert active.go().phase is Phase.ACTIVE
    assert active.platform() == ["put_person", "create", "pause", "resume"]


def test_a_death_pauses_tells_and_waits_for_the_decision(active: Life) -> None:
    active.client = replace(active.client, deceased=True)
    assert active.go().phase is Phase.PAUSED
    assert active.letters("coordinator")[-1] == "deceased"
    assert active.letters("alarm_team")[-1] == "deceased"
    active.wait(days=27)
    assert not active.mails(), "nobody is reminded of a dead person's case before the decision"
    active.finish()
    collect = next(w for w in active.sent if w.what.get("letter") == "collect")
    assert collect.what["deceased"] is True


def test_a_corrected_consent_note_pauses(active: Life) -> None:
    active.notes = {k: n for k, n in active.notes.items() if n.signal is not Signal.CONSENT_SIGNED}
    assert active.go().phase is Phase.PAUSED
    assert active.letters("coordinator")[-1] == "paused"
    active.note(Signal.CONSENT_SIGNED)
    assert active.go().phase is Phase.ACTIVE


def test_an_absence_pauses_from_the_window_of_its_first_day_to_that_of_its_last(active: Life) -> None:
    first, last = active.today + timedelta(days=1), active.today + timedelta(days=4)
    active.absences[1] = Absence(1, first, last)
    active.go()
    seen: list[tuple[str, int, str]] = []
    for _ in range(24 * 6):
        active.wait(hours=1)
        status = active.ledger.schedule.status if active.ledger.schedule else None
        local = active.now.astimezone(active.policy.zone)
        if status and (not seen or seen[-1][2] != status):
            seen.append((local.date().isoformat(), local.hour, status))
    assert [(d, h) for d, h, s in seen if s is ScheduleStatus.PAUSED] == [(first.isoformat(), 21)]
    assert [(d, h) for d, h, s in seen if s is ScheduleStatus.OPEN][1:] == [(last.isoformat(), 21)]


def test_an_absence_taken_back_resumes_at_once(active: Life) -> None:
    active.absences[1] = Absence(1, active.today - timedelta(days=1), None)
    assert active.go().phase is Phase.PAUSED
    active.absences[1] = replace(active.absences[1], deleted=True)
    assert active.go().phase is Phase.ACTIVE


def test_an_open_absence_that_vanished_pauses_and_is_told_until_another_stands_in_its_place(active: Life) -> None:
    gone = Absence(1, active.today - timedelta(days=1), None, gone=True)
    active.absences[1] = gone
    assert active.go().phase is Phase.PAUSED
    assert active.letters("coordinator")[-1] == "paused"
    active.absences[2] = Absence(2, gone.first_day - timedelta(days=9), gone.first_day - timedelta(days=5))
    assert active.go().phase is Phase.PAUSED
    active.absences[3] = Absence(3, gone.first_day, active.today - timedelta(days=1))
    assert active.go().phase is Phase.ACTIVE


def test_a_person_who_vanished_is_paused_until_they_are_seen_again(active: Life) -> None:
    known = active.client
    active.client = replace(known, client_id=None, protected=True, gone=True)
    assert active.go().phase is Phase.PAUSED
    assert "parked:client_not_visible" in active.mails()
    active.client = known
    assert active.go().phase is Phase.ACTIVE


def test_a_renewal_without_a_gap_goes_on_without_a_hole_once_it_is_executed(active: Life) -> None:
    last = active.today + timedelta(days=5)
    active.decide_dates(last=last)
    active.go()
    active.order("o2", first=last + timedelta(days=1))
    active.go()
    assert active.letters("coordinator")[-1] == "renewed"
    active.execute("o2", 701)
    active.go()
    assert active.ledger.schedule is not None
    assert active.ledger.schedule.valid_to is None
    active.wait(days=12)
    assert "pause" not in active.platform()
    assert "collect" not in active.letters()


def test_a_renewal_after_a_gap_pauses_the_camera_and_collects_nothing(active: Life) -> None:
    last = active.today + timedelta(days=2)
    active.decide_dates(last=last)
    active.order("o2", first=last + timedelta(days=6))
    active.execute("o2", 701)
    active.wait(days=4)
    assert active.platform()[-1] == "pause"
    active.wait(days=6)
    assert active.platform()[-1] == "resume"
    assert "collect" not in active.letters()


def test_a_renewal_that_nobody_executed_in_time_is_paused_until_it_is(active: Life) -> None:
    last = active.today + timedelta(days=2)
    active.decide_dates(last=last)
    active.order("o2", first=last + timedelta(days=1))
    assert active.wait(days=4).phase is Phase.PAUSED
    active.execute("o2", 701)
    assert active.go().phase is Phase.ACTIVE


def test_a_new_order_after_the_end_starts_a_second_schedule_and_lets_the_camera_stay(active: Life) -> None:
    active.set_decision(deleted=True)
    active.go()
    active.order("o2")
    active.execute("o2", 701)
    assert active.go().phase is Phase.ACTIVE
    assert active.letters("alarm_team") == ["install", "times", "collect", "stay"]
    assert active.ledger.schedule is not None
    assert active.ledger.schedule.n == 2


def test_new_times_change_the_schedule_in_place_and_are_told_once(active: Life) -> None:
    active.note(Signal.TIMES_CHANGED, "23 och 04".replace("23", "kl 23:00").replace("04", "04:00"))
    active.go()
    assert active.platform()[-1] == "change"
    assert active.letters("alarm_team")[-1] == "times_changed"
    assert active.letters("plan") == ["plan", "plan"]
    sent = len(active.sent)
    active.wait(days=1)
    assert len(active.sent) == sent


def test_times_that_cannot_be_read_are_told_back_and_what_runs_goes_on(active: Life) -> None:
    active.note(Signal.TIMES_CHANGED, "ring dottern först")
    assert active.go().phase is Phase.ACTIVE
    assert active.letters("coordinator")[-1] == "times_refused"
    assert "change" not in active.platform()


def nights_scheduled(life: Life) -> tuple[int, ...]:
    live = life.ledger.schedule
    assert live is not None
    assert live.times is not None
    return live.times.per_night()


def test_a_change_that_leaves_nights_out_changes_nothing_until_they_are_named(active: Life) -> None:
    active.note(Signal.TIMES_CHANGED, "Ny tid måndag: 23:00")
    active.go()
    assert active.letters("coordinator")[-1] == "times_refused"
    assert "change" not in active.platform()
    active.note(Signal.TIMES_CHANGED, "Ny tid måndag: 23:00, alla andra nätter som förut")
    active.go()
    assert nights_scheduled(active) == (1, 3, 3, 3, 3, 3, 3)
    active.note(Signal.TIMES_CHANGED, "endast måndag 23:00")
    active.go()
    assert nights_scheduled(active) == (1, 0, 0, 0, 0, 0, 0)


def test_changed_times_that_hold_from_a_day_to_come_change_the_schedule_on_that_day(active: Life) -> None:
    day = active.today + timedelta(days=3)
    active.note(Signal.TIMES_CHANGED, f"fr.o.m. {day}: 23:00")
    active.wait(days=2)
    assert "change" not in active.platform()
    active.wait(days=2)
    assert active.platform().count("change") == 1
    assert nights_scheduled(active) == (1,) * 7


def test_the_first_times_start_supervision_on_the_day_that_they_say(life: Life) -> None:
    day = life.today + timedelta(days=3)
    life.execute()
    life.prepare(f"fr.o.m. {day}: 22:30, 02:15 och 05:00")
    life.go()
    live = life.ledger.schedule
    assert live is not None
    assert live.valid_from == day
    life.wait(days=4)
    assert life.platform().count("create") == 1
    assert "change" not in life.platform()


def test_more_times_than_granted_are_told_back_and_schedule_nothing(life: Life) -> None:
    life.execute()
    life.prepare("22:00 23:00 01:00 03:00")
    assert life.go().phase is Phase.PREPARING
    assert "times_refused" in life.letters("coordinator")
    life.note(Signal.TIMES_AGREED, "22:00 01:00 03:00")
    assert life.go().phase is Phase.ACTIVE


def test_what_cannot_be_read_starts_nothing_but_still_ends_what_is_known_to_end(active: Life) -> None:
    active.decide_dates(last=active.today + timedelta(days=1))
    active.go()
    active.stale = {"orders", "decisions", "executions", "client", "absences", "notes"}
    active.wait(days=3)
    assert active.ledger.schedule is not None
    assert active.ledger.schedule.status is ScheduleStatus.ENDED


def test_stale_facts_never_resume(active: Life) -> None:
    active.absences[1] = Absence(1, active.today - timedelta(days=1), None)
    active.go()
    active.absences.clear()
    active.stale = {"notes"}
    assert active.go().phase is Phase.PAUSED
    active.stale = set()
    assert active.go().phase is Phase.ACTIVE


def test_a_decision_that_vanished_pauses_and_one_deleted_ends(active: Life) -> None:
    active.set_decision(gone=True)
    assert active.go().phase is Phase.PAUSED
    assert "end" not in active.platform()
    active.set_decision(gone=False, deleted=True)
    active.go()
    assert active.platform()[-1] == "end"


def test_an_end_heard_by_the_provider_is_told_to_the_authority_once_and_ends_nothing(active: Life) -> None:
    active.note(Signal.END_HEARD)
    active.wait(days=2)
    assert active.letters("authority") == ["end_heard"]
    assert active.look().phase is Phase.ACTIVE


def test_keys_are_needed_only_without_other_services_and_never_with_an_alarm(life: Life) -> None:
    life.go()
    install = next(w for w in life.sent if w.what.get("letter") == "install")
    assert install.what["keys"] == "needed"
    life.other_service(ServiceKind.ALARM)
    life.go()
    assert life.letters("alarm_team") == ["install", "keys"]
    assert life.sent[-1].what["keys"] == "alarm"


def test_collected_keys_are_asked_back(active: Life) -> None:
    active.finish()
    collect = next(w for w in active.sent if w.what.get("letter") == "collect")
    assert collect.what["keys_back"] is True


def test_a_person_whose_details_change_is_put_again_and_a_protected_one_too(active: Life) -> None:
    active.client = replace(active.client, details="d2")
    active.go()
    assert active.platform() == ["put_person", "create", "put_person"]


def test_a_decision_in_the_future_waits_for_its_first_day(life: Life) -> None:
    life.decide_dates(first=life.today + timedelta(days=5))
    life.execute()
    life.prepare()
    assert life.go().phase is Phase.PREPARING
    assert life.wait(days=6).phase is Phase.ACTIVE
    assert life.ledger.schedule is not None
    assert life.ledger.schedule.valid_from == date(2026, 3, 7)


def test_a_step_that_is_late_is_reminded_of_again_and_escalated(life: Life) -> None:
    life.other_service()
    life.go()
    life.wait(days=15)
    i4 = [m for m in life.mails() if m.startswith("late:I4:")]
    assert [m[-1] for m in i4] == ["1", "2", "3"]


def test_an_end_before_its_start_is_parked_and_told_not_guessed(active: Life) -> None:
    active.decide_dates(first=active.today, last=active.today - timedelta(days=30))
    decision = active.go()
    assert decision.phase is Phase.PAUSED
    assert "end" not in active.platform()
    assert any(a.code == "end_before_start" and a.parks for a in decision.attention)


def test_an_equipment_collected_too_early_ends_nothing(active: Life) -> None:
    active.note(Signal.EQUIPMENT_COLLECTED)
    assert active.go().phase is Phase.PAUSED
    assert "end" not in active.platform()
    active.note(Signal.READY_FOR_START)
    assert active.go().phase is Phase.ACTIVE
