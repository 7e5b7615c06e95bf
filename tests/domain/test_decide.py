"""One case through the routine, in and out, without I/O."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.domain import schedule
from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Absence, ServiceKind, Signal
from adapter.domain.ledger import SCHEDULE_KINDS, ActKind
from adapter.domain.routine import WAY_IN, Role, Step
from tests.domain.life import STOCKHOLM, Life


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


@pytest.mark.parametrize("missing", ["times_agreed", "keys_collected", "consent_signed", "liability_signed", "ready"])
def test_without_any_one_gate_nothing_is_scheduled(life: Life, missing: str) -> None:
    life.execute().prepare()
    life.notes = {k: n for k, n in life.notes.items() if not n.signal.value.startswith(missing)}
    assert life.go().phase is Phase.PREPARING
    assert life.platform() == []


@pytest.mark.parametrize("signals", [(), (Signal.PICKUP_BOOKED,)])
def test_a_step_that_the_routine_calls_a_gate_is_one(
    life: Life, signals: tuple[Signal, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "WAY_IN", (*WAY_IN, Step("I98", Role.ALARM_TEAM, signals, gate=True)))
    assert life.execute().prepare().go().waiting == ("gate_I98",)
    assert life.platform() == []
    assert life.noted(Signal.PICKUP_BOOKED).go().phase is (Phase.ACTIVE if signals else Phase.PREPARING)


def test_an_end_runs_through_to_a_balanced_close(active: Life) -> None:
    active.finish()
    assert active.platform() == ["put_person", "create", "end", "empty_person"]
    assert active.letters("alarm_team") == ["install", "times", "collect"]
    assert active.letters("coordinator") == ["received", "started", "ready_to_close"]
    assert active.letters("plan") == ["plan", "plan_void"]


def test_an_absence_pauses_from_the_window_of_its_first_day_to_that_of_its_last(active: Life) -> None:
    first, last = active.today + timedelta(days=1), active.today + timedelta(days=4)
    active.absences[1] = Absence(1, first, last)
    active.go()
    active.wait(days=6)
    done = {act.kind: act.done_at.astimezone(STOCKHOLM) for act in active.ledger.acts if act.done_at}
    assert f"{done[ActKind.PAUSE]:%Y-%m-%d %H:%M}" == f"{first} 21:00"
    assert f"{done[ActKind.RESUME]:%Y-%m-%d %H:%M}" == f"{last} 21:00"


def test_an_open_absence_that_vanished_pauses_and_is_told_until_another_stands_in_its_place(active: Life) -> None:
    gone = Absence(1, active.today - timedelta(days=1), None, gone=True)
    active.absences[1] = gone
    assert active.go().phase is Phase.PAUSED
    assert active.letters("coordinator")[-1] == "paused"
    active.absences[2] = Absence(2, gone.first_day - timedelta(days=9), gone.first_day - timedelta(days=5))
    assert active.go().phase is Phase.PAUSED
    active.absences[3] = Absence(3, gone.first_day, active.today - timedelta(days=1))
    assert active.go().phase is Phase.ACTIVE


def test_a_new_order_after_the_end_starts_a_second_schedule_and_lets_the_camera_stay(active: Life) -> None:
    active.set_decision(deleted=True).go()
    assert active.order("o2").execute("o2", 701).go().phase is Phase.ACTIVE
    assert active.letters("alarm_team") == ["install", "times", "collect", "stay"]
    assert active.schedule.n == 2


def test_a_change_that_leaves_nights_out_changes_nothing_until_they_are_named(active: Life) -> None:
    active.noted(Signal.TIMES_CHANGED, "Ny tid måndag: 23:00").go()
    assert active.letters("coordinator")[-1] == "times_refused"
    assert "change" not in active.platform()
    active.noted(Signal.TIMES_CHANGED, "Ny tid måndag: 23:00, alla andra nätter som förut").go()
    assert active.per_night == (1, 3, 3, 3, 3, 3, 3)
    active.noted(Signal.TIMES_CHANGED, "endast måndag 23:00").go()
    assert active.per_night == (1, 0, 0, 0, 0, 0, 0)


def test_changed_times_that_hold_from_a_day_to_come_change_the_schedule_on_that_day(active: Life) -> None:
    day = active.today + timedelta(days=3)
    active.noted(Signal.TIMES_CHANGED, f"fr.o.m. {day}: 23:00").wait(days=2)
    assert "change" not in active.platform()
    active.wait(days=2)
    assert active.platform().count("change") == 1
    assert active.per_night == (1,) * 7


def test_the_first_times_start_supervision_on_the_day_that_they_say(life: Life) -> None:
    day = life.today + timedelta(days=3)
    life.execute().prepare(f"fr.o.m. {day}: 22:30, 02:15 och 05:00").go()
    assert life.schedule.valid_from == day
    life.wait(days=4)
    assert life.platform().count("create") == 1
    assert "change" not in life.platform()


def test_stale_facts_never_resume(active: Life) -> None:
    active.absences[1] = Absence(1, active.today - timedelta(days=1), None)
    active.go()
    active.absences.clear()
    active.stale = {"notes"}
    assert active.go().phase is Phase.PAUSED
    active.stale = set()
    assert active.go().phase is Phase.ACTIVE


def test_keys_are_needed_only_without_other_services_and_never_with_an_alarm(life: Life) -> None:
    life.go()
    assert life.told("install")[0]["keys"] == "needed"
    life.other_service(ServiceKind.ALARM).go()
    assert life.letters("alarm_team") == ["install", "keys"]
    assert life.sent[-1].what["keys"] == "alarm"
    life.other_service().go()
    life.set_decision("other1", deleted=True).go()
    assert life.letters("alarm_team").count("keys") == 1, "another service is left, so they are still not needed"


def test_a_decision_in_the_future_waits_for_its_first_day(life: Life) -> None:
    assert life.decide_dates(first=life.today + timedelta(days=5)).execute().prepare().go().phase is Phase.PREPARING
    assert life.wait(days=6).phase is Phase.ACTIVE
    assert life.schedule.valid_from == date(2026, 3, 7)


def test_an_equipment_collected_too_early_ends_nothing(active: Life) -> None:
    assert active.noted(Signal.EQUIPMENT_COLLECTED).go().phase is Phase.PAUSED
    assert "end" not in active.platform()
    assert active.noted(Signal.READY_FOR_START).go().phase is Phase.ACTIVE


def test_new_patience_for_looks_changes_the_schedule_in_place_after_all_else(active: Life) -> None:
    def set_to(patience: tuple[int, int]) -> None:
        active.ledger = replace(active.ledger, schedule=replace(active.schedule, patience=patience))

    assert active.look().wanted == (), "of a schedule whose patience was never seen nothing is wanted"
    set_to((30, 15))
    unit = next(w.what["unit"] for w in active.sent if w.kind is ActKind.CREATE)
    assert isinstance(unit, int)
    active.policy = replace(active.policy, patience=(45, 15), patience_by_unit={unit: (20, 10)})
    (change,) = active.look().wanted
    assert (change.what, change.opens) == ({"n": 1, "tolerance": 20, "retry_after": 10}, False)
    active.go()
    assert (active.schedule.patience, active.per_night) == ((20, 10), (3,) * 7)
    set_to((30, 15))
    active.note(Signal.CONSENT_WITHDRAWN)
    assert [w.kind for w in active.look().wanted if w.kind in SCHEDULE_KINDS] == [ActKind.PAUSE]
