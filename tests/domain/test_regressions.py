"""Faults that were found once: something was told wrongly, too often, or to nobody. Each is shown by the life in which
it was seen."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from adapter.domain.decide import balance
from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import Absence, AuthorityDecision, Execution, OrderStatus, ServiceKind, Signal
from adapter.domain.ledger import ActKind
from adapter.domain.nights import Granted
from adapter.domain.policy import Lateness, Policy
from adapter.domain.routine import Letter
from adapter.domain.situation import situation
from mappings.messages.render import render_letter
from tests.domain.life import OTHER_EXECUTION, POLICY, Life

PATIENT = replace(
    POLICY,
    night_units=frozenset({None}),
    late={
        **POLICY.late,
        "A1": Lateness(3, 5, 8),
        **dict.fromkeys(("consent_withdrawn", "execution_over"), Lateness(1, 2, 4)),
    },
)


@pytest.fixture
def policy() -> Policy:
    return PATIENT


# Without supervision


def test_a_pause_that_somebody_must_mend_is_reminded_of_and_escalated_for_as_long_as_it_lasts(active: Life) -> None:
    active.noted(Signal.CONSENT_WITHDRAWN).wait(days=30)
    mails = active.told("pause_reminder")
    assert [(m["to"], m["level"]) for m in mails[:3]] == [("authority", 1), ("authority", 2), ("escalation", 3)]
    assert len(mails) > 5
    assert (active.without().cause, active.without().late >= 3) == ("consent_withdrawn", True)


def test_what_shall_be_paused_runs_until_that_is_seen_but_not_past_the_last_day_that_phoniro_has(active: Life) -> None:
    """P10 and P11: while Phoniro answers nothing."""
    active.decide_dates(last=active.today + timedelta(days=2)).order("o2", first=active.today + timedelta(days=6)).go()
    active.phoniro = "away"
    withdrawn = active.note(Signal.CONSENT_WITHDRAWN)
    active.wait(days=1)
    assert active.without().runs
    del active.notes[withdrawn]
    assert active.wait(days=3).phase is Phase.ACTIVE, "the pause isn't seen"
    assert (active.without().cause, active.without().runs) == ("between_decisions", False)


def test_a_pause_that_begins_again_is_waited_for_since_then(active: Life) -> None:
    active.noted(Signal.CONSENT_WITHDRAWN).wait(days=12)
    active.noted(Signal.CONSENT_SIGNED).wait(days=20)
    before = len(active.sent)
    active.noted(Signal.CONSENT_WITHDRAWN).wait(days=3)
    mails = [w.what for w in active.sent[before:] if w.what.get("mail") == "pause_reminder"]
    assert [m["level"] for m in mails] == [1]
    assert str(mails[0]["since"]) >= "2026-04-03"


def test_the_end_of_an_execution_is_told_the_working_day_before_and_again_when_it_comes(active: Life) -> None:
    friday = active.today + timedelta(days=4)
    active.set_execution(last_day=friday + timedelta(days=1)).wait(days=3, hours=20)
    (ahead,) = active.told("pause_ahead")
    assert (ahead["cause"], ahead["when"]) == ("execution_over", "2026-03-08")
    assert active.now.date() == friday
    active.wait(days=3)
    assert [w["to"] for w in active.told("paused")] == ["coordinator", "authority"]


def test_a_first_day_moved_after_the_start_is_told_and_the_plan_put_right(active: Life) -> None:
    assert active.decide_dates(first=active.today + timedelta(days=30)).go().phase is Phase.PAUSED
    assert [w["cause"] for w in active.told("paused")] == ["not_begun"]
    assert (active.told("plan")[-1]["rests"], active.told("plan")[-1]["first_look"]) == ("not_begun", None)
    active.wait(days=31)
    assert active.look().phase is Phase.ACTIVE
    assert active.told("plan")[-1]["rests"] is None


def test_an_absence_without_an_end_is_asked_about_and_asked_again(active: Life) -> None:
    active.absences[1] = Absence(1, active.today, None)
    active.wait(days=29)
    assert not active.mails()[1:]
    assert active.look().unwatched is None, "a planned absence"
    active.wait(days=40)
    assert [m.rpartition(":")[2] for m in active.mails() if m.startswith("absence:")] == ["1", "2"]
    assert active.without().cause == "absence_open"


def test_who_has_a_decision_and_nobody_who_looks_is_listed(life: Life) -> None:
    life.go()
    assert life.without().cause == "not_started"
    life.execute().prepare().go()
    assert life.look().unwatched is None


def test_what_the_key_cannot_see_any_more_is_asked_for_by_mail_to_the_end(active: Life) -> None:
    active.set_client(client_id=None, protected=True, gone=True).go()
    active.set_decision(deleted=True).go()
    by_mail = [(w["to"], w["letter"]) for w in active.told("unwritten")]
    assert ("coordinator", "paused") in by_mail
    assert by_mail[-2:] == [("alarm_team", "collect"), ("plan", "plan_void")]
    active.noted(Signal.EQUIPMENT_COLLECTED).go()
    assert active.set_execution(last_day=active.today).go().phase is Phase.CLOSED


# Set back, withdrawn, dead


@pytest.mark.parametrize("word", ["deleted", "a last day in the past"])
def test_an_order_set_back_before_the_start_is_a_hold_and_its_decision_s_end_calls_it_off(
    life: Life, word: str
) -> None:
    life.other_service().go()
    life.noted(Signal.INSTALLATION_BOOKED).set_order(status=OrderStatus.REGISTERED).wait(days=20)
    assert life.letters().count("on_hold") == 2
    assert not [m for m in life.mails() if m.startswith("late:")], "nobody is reminded"
    if word == "deleted":
        life.set_decision(deleted=True).go()
    else:
        life.decide_dates(last=life.today - timedelta(days=1)).go()
    assert life.letters("alarm_team")[-1] == "cancel_or_fetch"


def test_a_hold_that_is_over_is_told_and_the_case_goes_on(life: Life) -> None:
    life.go()
    life.set_order(status=OrderStatus.REGISTERED).go()
    life.set_order(status=OrderStatus.SENT).go()
    assert life.letters().count("hold_over") == 2
    assert life.execute().prepare().go().phase is Phase.ACTIVE


def test_a_death_after_the_end_is_told_and_the_assignment_told_anew_and_both_taken_back(active: Life) -> None:
    active.set_decision(deleted=True).go()
    active.set_client(deceased=True).go()
    assert active.letters("coordinator")[-1] == "deceased"
    assert active.letters("alarm_team")[-2:] == ["deceased", "collect"]
    assert active.told("collect")[-1]["deceased"] is True
    active.set_client(deceased=False).go()
    assert active.letters("alarm_team")[-2:] == ["death_corrected", "collect"]
    assert active.told("collect")[-1]["deceased"] is False
    assert active.told("death_corrected")[-1]["over"] is True


def test_a_death_after_the_camera_was_collected_is_told_to_nobody(active: Life) -> None:
    active.set_decision(deleted=True).go()
    active.noted(Signal.EQUIPMENT_COLLECTED).go()
    active.set_client(deceased=True).go()
    assert "deceased" not in active.letters()


def test_a_camera_left_after_a_death_is_asked_about_after_twenty_working_days(active: Life) -> None:
    active.set_client(deceased=True).set_decision(deleted=True).wait(days=27)
    assert not active.mails()[1:]
    active.wait(days=3)
    (left,) = active.told("camera_left")
    assert left["to"] == "escalation"


def test_an_order_for_somebody_who_is_dead_is_told_once(life: Life) -> None:
    life.set_client(deceased=True).wait(days=5)
    assert life.letters() == ["order_for_deceased"]


def test_a_camera_that_was_collected_early_is_not_called_off_as_if_it_had_never_run(active: Life) -> None:
    active.noted(Signal.EQUIPMENT_COLLECTED).go()
    active.set_decision(deleted=True).go()
    (cancel,) = active.told("cancel")
    assert cancel["collected"] is True
    text = render_letter(Letter.CANCEL, cancel, reference="TK-7F3K2M", act="01")
    assert text.startswith("Trygghetskameran är hämtad: lämna tillbaka nycklarna")
    assert "avbeställd" not in text


def test_a_consent_of_the_planning_visit_installs_no_camera(life: Life) -> None:
    life.other_service().go()
    life.note(Signal.TIMES_AGREED, "22:30")
    life.noted(Signal.CONSENT_SIGNED).go()
    life.noted(Signal.TIMES_AGREED, "23:30").order("o2").wait(hours=1)
    assert [w["installed"] for w in (*life.told("renewed"), *life.told("times_changed"))] == [False, False]
    life.order("alarm", kind=ServiceKind.ALARM).set_decision("other1", deleted=True).go()
    life.set_decision("alarm", deleted=True).go()
    assert [w["keys"] for w in life.told("keys")] == ["needed"], "keys matter still"


def test_an_end_before_its_start_is_not_guessed_at_but_parked_and_mailed_to_the_authority(active: Life) -> None:
    decision = active.decide_dates(first=active.today, last=active.today - timedelta(days=30)).go()
    assert decision.phase is Phase.PAUSED
    assert "end" not in active.platform()
    assert any(a.code == "end_before_start" and a.parks for a in decision.attention)
    mail = next(w.what for w in active.sent if w.what.get("code") == "end_before_start")
    assert mail["to"] == "authority"


def test_a_mistaken_note_that_the_camera_is_collected_settles_nothing_with_the_alarm_team(active: Life) -> None:
    active.noted(Signal.EQUIPMENT_COLLECTED).go()
    s = situation(active.facts(), active.ledger, active.now, active.policy)
    assert ("install", True, False) in balance(s)


# What was granted


def test_all_lines_of_an_order_that_are_in_force_count_together_in_whatever_order(life: Life) -> None:
    (line,) = life.orders["o1"].lines
    one, two = replace(line, granted=Granted(1)), replace(line, granted=Granted(2))
    for lines in ((one, two), (two, one)):
        life.set_order(lines=lines)
        life.notes.clear()
        life.prepare("22:30, 02:15 och 05:00")
        assert life.look().attention == ()
    life.go()
    assert life.told("received")[0]["granted"] == 3


def test_of_two_orders_in_force_the_newest_says_how_many_are_granted(active: Life) -> None:
    active.wait(days=5)
    active.order("o2", granted=4).execute("o2", 701).noted(Signal.TIMES_CHANGED, "22:00 23:00 01:00 03:00").go()
    assert "times_refused" not in active.letters()
    assert active.platform()[-1] == "change"


def test_times_that_the_coming_decision_grants_wait_for_it(active: Life) -> None:
    last = active.today + timedelta(days=10)
    active.decide_dates(last=last).order("o2", first=last + timedelta(days=1), granted=4).execute("o2", 701)
    active.noted(Signal.TIMES_CHANGED, "22:00 23:00 01:00 03:00").go()
    assert "times_refused" not in active.letters()
    assert active.per_night == (3,) * 7
    active.wait(days=12)
    assert active.per_night == (4,) * 7


def test_a_renewal_that_grants_fewer_is_told_a_week_ahead_and_reminded_of(active: Life) -> None:
    last = active.today + timedelta(days=20)
    active.decide_dates(last=last)
    active.order("o2", first=last + timedelta(days=1), granted=1).execute("o2", 701).wait(days=13)
    assert not active.told("fewer_granted")
    active.wait(days=2)
    (fewer,) = active.told("fewer_granted")
    assert (fewer["granted"], fewer["found"]) == (1, 3)
    active.wait(days=30)
    assert [m for m in active.mails() if m.startswith("late:I4:")]


def test_times_from_a_day_are_checked_by_the_decision_that_is_in_force_on_that_day(active: Life) -> None:
    """A newer order grants four until its last day. Then the first one, with three, is in force again."""
    until = active.today + timedelta(days=5)
    active.order("o2", last=until, granted=4).execute("o2", 701)
    active.noted(Signal.TIMES_CHANGED, "22:00 23:00 01:00 03:00").go()
    assert "times_refused" not in active.letters()
    assert [w["when"] for w in active.told("fewer_granted")] == ["2026-03-08"], "told ahead"
    active.note(Signal.TIMES_CHANGED, "från och med 9 mars 2026 22:00 23:00 01:00 03:00 05:00")
    active.noted(Signal.TIMES_CHANGED, "från och med 9 mars 2026 22:00 23:00 01:00 03:00").go()
    assert [w["code"] for w in active.told("times_refused")] == ["more_than_granted"]


def test_times_that_were_refused_do_not_hold_until_later_ones_begin(life: Life) -> None:
    life.go()
    life.execute().prepare("21:30 22:30 23:30 02:15 och 05:00").go()
    life.noted(Signal.TIMES_AGREED, "från och med 20 mars 2026 22:30").go()
    assert life.schedule.valid_from == date(2026, 3, 20)


# Since when, and how often


def test_a_misspelt_note_long_after_the_start_is_reminded_of_first_and_escalated_last(active: Life) -> None:
    active.wait(days=60)
    active.noted(Signal.TIMES_CHANGED, "ring dottern").go()
    assert not [m for m in active.mails() if m.startswith("late:I4:")]
    active.wait(days=14)
    late = [w.what for w in active.sent if w.key.startswith("late:I4:")]
    assert [m["level"] for m in late] == [1, 2, 3]
    assert {m["since"] for m in late} == {"2026-05-01"}


def test_an_escalation_follows_reminders_that_were_really_sent(life: Life) -> None:
    """The adapter stood still for a month. No manager is told of reminders that weren't sent."""
    life.other_service().go()
    life.now += timedelta(days=30)
    life.go()
    assert [m[-1] for m in life.mails() if m.startswith("late:I4:")] == ["1"]
    life.wait(days=10)
    assert [m[-1] for m in life.mails() if m.startswith("late:I4:")] == ["1", "2", "3"]


def test_a_new_order_soon_after_an_end_is_awaited_since_it_came(active: Life) -> None:
    active.set_decision(deleted=True).wait(days=8)
    active.order("o2").go()
    assert not [m for m in active.mails() if m.startswith("late:I10:")]
    active.wait(days=6)
    assert [m[-1] for m in active.mails() if m.startswith("late:I10:")] == ["1"]


def test_an_appendix_signed_before_new_times_is_awaited_anew(life: Life) -> None:
    life.other_service().go()
    life.execute()
    life.noted(Signal.TIMES_AGREED, "22:30").go()
    life.note(Signal.APPENDIX_SIGNED)
    assert life.step("I7").state is StepState.DONE
    life.now += timedelta(days=3)
    life.noted(Signal.TIMES_AGREED, "23:30").go()
    assert life.step("I7").state is StepState.AWAITED
    assert life.step("I7").since == max(note.at for note in life.notes.values())


def test_what_is_booked_six_weeks_ahead_is_waited_for_since_the_booked_day(active: Life) -> None:
    ahead = active.today + timedelta(days=42)
    active.set_decision(deleted=True).go()
    active.note(Signal.PICKUP_BOOKED, day=ahead)
    active.wait(days=40)
    assert not [m for m in active.mails() if m.startswith("late:A5:")]
    active.wait(days=8)
    assert [m for m in active.mails() if m.startswith("late:A5:")] == [f"late:A5:{ahead}:1"]


def test_an_execution_that_is_deleted_is_told_once_and_not_as_a_note_that_is_missing(active: Life) -> None:
    active.set_execution(deleted=True)
    active.notes.clear()
    active.wait(days=1)
    assert {w["cause"] for w in active.told("paused")} == {"execution_gone"}


def test_six_changes_of_a_date_within_the_calm_are_one_letter_to_each(active: Life) -> None:
    active.policy = replace(active.policy, settle_changes=timedelta(minutes=15))
    plans = active.letters("plan").count("plan")
    active.phoniro = "away"
    for days in range(30, 36):
        active.decide_dates(last=active.today + timedelta(days=days)).go()
        active.now += timedelta(minutes=2)
    active.phoniro = "works"
    active.wait(hours=1)
    assert active.letters().count("dates_changed") == 2
    assert active.letters("plan").count("plan") == plans + 1


# Keys, the first night, the clock


def test_an_alarm_that_begins_with_the_camera_means_no_keys(life: Life) -> None:
    monday = life.today + timedelta(days=7)
    life.decide_dates(first=monday).order("alarm", first=monday, kind=ServiceKind.ALARM).wait(days=9)
    assert life.told("install")[0]["keys"] == "alarm"
    assert "keys" not in life.letters()


def test_keys_that_are_needed_because_the_last_other_service_ended_are_told_once_to_both(life: Life) -> None:
    life.other_service().go()
    assert life.execute().prepare(keys=False).go().phase is Phase.ACTIVE
    life.decisions[life.decision_of("other1")] = AuthorityDecision(
        life.decision_of("other1"), life.today, life.today + timedelta(days=2)
    )
    life.executions[OTHER_EXECUTION] = Execution(OTHER_EXECUTION, life.today, life.today + timedelta(days=2), 5)
    life.wait(days=9)
    assert [(w["to"], w["running"]) for w in life.told("keys")] == [("coordinator", True), ("alarm_team", True)]


def test_e_tillsyn_is_scheduled_ahead_and_told_with_its_first_look(life: Life) -> None:
    first = life.today + timedelta(days=10)
    life.decide_dates(first=first).execute().prepare().wait(days=6)
    assert "create" not in life.platform()
    life.wait(days=2)
    assert life.schedule.valid_from == first
    (started,) = life.told("started")
    assert started["first_look"] == "2026-03-12T02:15", "on the first day those after midnight count"
    assert life.told("plan")[0]["first_look"] == started["first_look"]
    life.wait(days=5)
    assert life.platform() == ["put_person", "create"]
    assert life.letters("plan") == ["plan"]


def test_a_last_look_in_the_hour_that_is_skipped_is_told_as_the_clock_shows_it() -> None:
    life = Life(now=datetime(2026, 3, 20, 8, tzinfo=UTC))
    life.order().go()
    life.execute().prepare("02:30").decide_dates(last=date(2026, 3, 29)).go()
    assert life.told("plan")[-1]["last_look"] == "2026-03-29T03:00"


def test_the_first_day_of_a_later_order_wakes_the_case(active: Life) -> None:
    active.decide_dates(last=active.today)
    later = active.today + timedelta(days=40)
    active.order("o2", first=later).wait(days=2)
    active.policy = replace(active.policy, late={})
    wakes = []
    for _ in range(20):
        wake = active.go().wake_at
        if wake is None:
            break
        wakes.append(wake.astimezone(active.policy.zone).date())
        active.now = wake
    assert later in wakes


@pytest.mark.parametrize("away", ["notes", "mail"])
def test_a_letter_that_cannot_be_sent_has_no_mail_sent_again_nor_the_other_way_round(life: Life, away: str) -> None:
    """Found by the simulation: while Lifecare was down, the night staff got the same mail again and again."""
    kinds = {"notes": ActKind.MESSAGE, "mail": ActKind.MAIL}
    life.begin()
    life.now += timedelta(minutes=5)
    life.phoniro = "refuses"
    life.note(Signal.CONSENT_WITHDRAWN)
    for phoniro in ("refuses", "works"):
        life.phoniro = phoniro
        for _ in range(10):
            for wanted in life.look().wanted:
                platform = wanted.kind not in kinds.values()
                due = wanted.not_before is None or wanted.not_before <= life.now
                if due and wanted.kind is not kinds[away] and not (platform and phoniro == "refuses"):
                    life.carry_out(wanted)
            life.queue()
            life.now += timedelta(minutes=3)
    names = [str(w.what.get("letter") or w.what.get("mail")) for w in life.sent if w.key.find("by_hand") >= 0]
    assert sorted(names) == ["by_hand", "by_hand_done"], names
