"""The night watch: each due look is known as done or not done, or is open until its deadline (P12)."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.ledger import LOOK_DONE as DONE
from adapter.domain.ledger import Act, ActKind, ActState, Look, LookOutcome, ScheduleRecord, ScheduleStatus
from adapter.domain.night_watch import (
    UNDECIDED,
    Followed,
    camera_silent,
    could_look,
    due_looks,
    follow,
    history,
    is_news,
    night_end,
    night_of,
)
from adapter.domain.nights import NightTimes, Weekday
from adapter.domain.policy import Policy
from tests.domain.drawn_nights import WINDOW, every_night

ZONE = ZoneInfo("Europe/Stockholm")
DUE, SECOND = datetime(2026, 3, 2, 21, 30, tzinfo=UTC), datetime(2026, 3, 3, 1, 15, tzinfo=UTC)
PATIENCE = timedelta(minutes=25)
DEADLINE = DUE + PATIENCE
SPAN = (DUE - timedelta(hours=12), DUE + timedelta(hours=12))
EVERY_NIGHT = every_night("22:30", "02:15")


def listed(outcome: LookOutcome, due_at: datetime = DUE, begun_at: datetime | None = None) -> Look:
    begun = due_at + timedelta(minutes=1) if outcome in DONE else begun_at
    return Look(1, due_at, outcome, begun_at=begun, id="s-1")


POLICY = Policy(ZONE, patience=(20, 15))


def calls_for(*due: datetime) -> dict[int, Followed]:
    """A schedule that entitles to no other looks."""
    return {1: Followed(due, (), (), PATIENCE)}


def one(read_at: datetime, *found: Look, known: tuple[Look, ...] = ()) -> Look:
    (look,) = follow(known, calls_for(DUE), found, read_at, POLICY)
    return look


@pytest.mark.parametrize("outcome", [*sorted(DONE), LookOutcome.MISSED, LookOutcome.CAMERA_OFFLINE])
def test_a_look_that_was_done_or_missed_is_known_as_such_at_once(outcome: LookOutcome) -> None:
    look = one(DUE + timedelta(minutes=2), listed(outcome))
    assert (look.done, look.not_done) == (outcome in DONE, outcome not in DONE)
    assert look.judged_at == DUE + timedelta(minutes=2)


def test_a_look_of_which_nothing_came_is_open_until_its_deadline_and_then_not_done() -> None:
    for found in ([], [listed(LookOutcome.PENDING)]):
        before = one(DEADLINE - timedelta(seconds=1), *found)
        assert before.judged_at is None
        assert one(DEADLINE, *found, known=(before,)).not_done


def test_what_the_platform_corrects_is_corrected_and_stays_judged_from_its_first_time() -> None:
    missed = one(DEADLINE, listed(LookOutcome.MISSED))
    corrected = one(DEADLINE + timedelta(hours=2), listed(LookOutcome.OK), known=(missed,))
    assert (corrected.done, corrected.judged_at) == (True, DEADLINE)


def test_the_same_list_again_changes_nothing() -> None:
    look = one(DUE + timedelta(minutes=2), listed(LookOutcome.OK))
    assert follow([look], calls_for(DUE), [listed(LookOutcome.OK)], DEADLINE, POLICY) == ()


def test_somebody_who_looked_where_no_look_was_called_for_looked_without_a_right() -> None:
    (look,) = follow((), {}, [listed(LookOutcome.OK)], DEADLINE, POLICY)
    assert (look.entitled, look.looked) == (False, True)
    (tried,) = follow((), {}, [listed(LookOutcome.MISSED, begun_at=DUE)], DEADLINE, POLICY)
    assert not tried.entitled


def test_a_look_listed_where_none_was_called_for_and_nobody_looked_is_nothing() -> None:
    assert follow((), {}, [listed(LookOutcome.MISSED)], DEADLINE, POLICY) == ()


def test_a_due_time_that_is_rounded_is_still_the_same_look() -> None:
    look = one(DEADLINE, listed(LookOutcome.OK, DUE + timedelta(seconds=59)))
    assert (look.due_at, look.done) == (DUE, True)


OPEN = ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 3, 1), None, EVERY_NIGHT, DUE)
PAUSED, ENDED = replace(OPEN, status=ScheduleStatus.PAUSED), replace(OPEN, status=ScheduleStatus.ENDED)


def act(kind: ActKind, at: datetime, **what: object) -> Act:
    content = {"n": 1, **what}
    return Act(1, f"{kind}:{at}", kind, ActState.DONE, content, at, done_at=at)  # type: ignore[arg-type]


def due(seen: ScheduleRecord, *acts: Act) -> tuple[datetime, ...]:
    """The looks of the night between the second and the third of March."""
    return due_looks(history(seen, acts), WINDOW, ZONE, *SPAN)


def test_no_look_is_due_while_the_schedule_is_paused_or_ended_or_after_its_last_day() -> None:
    assert due(OPEN) == (DUE, SECOND)
    assert due(replace(OPEN, valid_to=date(2026, 3, 2))) == (DUE,)
    assert due(PAUSED) == due(ENDED) == ()


def test_looks_are_due_by_how_the_schedule_stood_then_not_by_how_it_stands_now() -> None:
    before, between = DUE - timedelta(hours=1), DUE + timedelta(minutes=1)
    assert due(PAUSED, act(ActKind.PAUSE, between)) == (DUE,)
    assert due(ENDED, act(ActKind.END, between)) == (DUE,)
    assert due(OPEN, act(ActKind.RESUME, between)) == (SECOND,)
    assert due(OPEN, act(ActKind.CREATE, between, valid_from="2026-03-01")) == (SECOND,)
    assert due(OPEN, act(ActKind.PAUSE, before), act(ActKind.RESUME, between)) == (SECOND,)
    assert due(OPEN, act(ActKind.PAUSE, before, n=2)) == (DUE, SECOND), "another schedule's"


def test_new_times_are_due_from_when_they_were_set() -> None:
    old = json.dumps(EVERY_NIGHT.to_json())
    made = act(ActKind.CREATE, DUE - timedelta(days=2), valid_from="2026-03-01", times=old)
    new = NightTimes.of({day: [time(22, 45), time(2, 30)] for day in Weekday})
    set_at = DUE + timedelta(hours=1)
    changed = act(ActKind.CHANGE, set_at, valid_from="2026-03-01", times=json.dumps(new.to_json()))
    seen = replace(OPEN, times=new, seen_at=set_at)
    assert due(seen, made, changed) == (DUE, SECOND + timedelta(minutes=15))


def test_who_looked_just_before_a_pause_had_a_right_to_and_who_looked_after_it_had_none() -> None:
    stood = history(PAUSED, [act(ActKind.PAUSE, DUE)])
    assert could_look(stood, DUE - timedelta(hours=1), ZONE)
    assert could_look(stood, DUE + timedelta(minutes=1), ZONE), "clocks differ"
    assert not could_look(stood, DUE + timedelta(minutes=3), ZONE)
    assert not could_look(history(replace(OPEN, valid_to=date(2026, 3, 1))), DUE, ZONE)
    assert not could_look(history(ENDED), DUE, ZONE)


def test_what_is_news_of_a_look() -> None:
    ok, missed = Look(1, DUE, LookOutcome.OK, judged_at=DUE), Look(1, DUE, LookOutcome.MISSED, judged_at=DUE)
    pending = Look(1, DUE, LookOutcome.PENDING)
    assert is_news(missed, pending, ok)
    assert is_news(ok, missed, ok), "a correction"
    assert is_news(ok, None, None), "the first of all"
    assert is_news(ok, pending, missed), "the first after one that was missed"
    assert not is_news(ok, pending, ok)
    assert not is_news(pending, None, ok)


def test_a_look_after_midnight_belongs_to_the_night_that_began_the_evening_before_and_is_over_in_the_morning() -> None:
    assert night_of(DUE, WINDOW, ZONE) == night_of(SECOND, WINDOW, ZONE) == date(2026, 3, 2)
    assert night_end(date(2026, 3, 2), WINDOW, ZONE) == datetime(2026, 3, 3, 6, tzinfo=UTC)


def test_two_looks_in_a_row_with_the_camera_offline_call_for_the_alarm_team() -> None:
    def found(*outcomes: LookOutcome) -> bool:
        return camera_silent([Look(1, DUE + timedelta(hours=n), o, judged_at=DUE) for n, o in enumerate(outcomes)])

    offline, ok = LookOutcome.CAMERA_OFFLINE, LookOutcome.OK
    assert found(offline, offline)
    assert found(ok, offline, offline)
    assert not found(offline)
    assert not found(offline, ok, offline)
    assert not found(offline, offline, ok)


MINUTES = st.integers(0, 600)


@given(
    dues=st.lists(MINUTES, min_size=1, max_size=6, unique=True),
    reads=st.lists(MINUTES, min_size=1, max_size=12, unique=True),
    outcomes=st.lists(st.sampled_from(list(LookOutcome)), min_size=6, max_size=6),
    delays=st.lists(st.integers(0, 60), min_size=6, max_size=6),
)
def test_after_each_whole_reading_every_look_past_its_deadline_is_judged_and_nothing_sooner_is_guessed(
    dues: list[int], reads: list[int], outcomes: list[LookOutcome], delays: list[int]
) -> None:
    instants = sorted(DUE + timedelta(minutes=3 * m) for m in dues)
    known: dict[tuple[int, datetime], Look] = {}
    for read_at in sorted(DUE + timedelta(minutes=4 * m) for m in reads):
        found = [
            listed(outcome, at)
            for at, outcome, delay in zip(instants, outcomes, delays, strict=False)
            if outcome is not LookOutcome.ABSENT and at + timedelta(minutes=delay) <= read_at
        ]
        so_far = [at for at in instants if at <= read_at]
        for look in follow(known.values(), calls_for(*so_far), found, read_at, POLICY):
            known[look.n, look.due_at] = look
        for at in so_far:
            look = known[1, at]
            if read_at >= at + PATIENCE:
                assert look.judged_at is not None
            elif look.outcome in UNDECIDED:
                assert look.judged_at is None
            assert look.entitled


def test_a_look_that_was_not_due_is_judged_by_how_its_schedule_stood_then_and_not_by_how_it_stands_now() -> None:
    """While an act is on its way, nobody knows who could look: a look counts as missed or as without a right only if it
    would be so before and after."""
    between, after = DUE + timedelta(minutes=40), DUE + timedelta(minutes=50)
    ours = (DUE - timedelta(days=1), DUE - timedelta(days=1))

    def judged(
        seen: ScheduleRecord, kind: ActKind, called: datetime, done: datetime | None, at: datetime
    ) -> list[bool]:
        """For one who looked at that instant: whether they had a right to."""
        state = ActState.DONE if done else ActState.UNKNOWN
        acts = [replace(act(kind, called), state=state, done_at=done)]
        schedule = Followed.between(*ours, seen, acts, POLICY)
        return [look.entitled for look in follow((), {1: schedule}, [listed(LookOutcome.OK, at)], after, POLICY)]

    assert judged(PAUSED, ActKind.PAUSE, between, between, DUE) == [True], "it is paused now, and wasn't then"
    assert judged(ENDED, ActKind.END, between, between, DUE) == [True]
    assert judged(PAUSED, ActKind.PAUSE, DUE - timedelta(minutes=10), after, DUE) == [True], "called for, and not seen"
    assert judged(OPEN, ActKind.RESUME, DUE - timedelta(minutes=10), after, DUE) == [True], "seen later"
    assert judged(PAUSED, ActKind.RESUME, DUE - timedelta(minutes=10), None, DUE) == [True], "its answer was lost"
    assert judged(PAUSED, ActKind.PAUSE, DUE - timedelta(minutes=10), DUE - timedelta(minutes=9), DUE) == [False]
    assert judged(OPEN, ActKind.RESUME, between, after, DUE) == [False]


def test_a_look_is_due_only_if_it_was_before_and_after_an_act_that_is_on_its_way() -> None:
    before = DUE - timedelta(minutes=10)
    pause = replace(act(ActKind.PAUSE, before), done_at=DUE + timedelta(minutes=10))
    assert Followed.between(*SPAN, PAUSED, [pause], POLICY).due == ()
    resume = replace(act(ActKind.RESUME, before), state=ActState.UNKNOWN, done_at=None)
    paused = replace(PAUSED, seen_at=DUE - timedelta(hours=2))
    assert Followed.between(*SPAN, paused, [resume], POLICY).due == ()


@pytest.mark.parametrize(
    ("night", "agreed", "shown"),
    [
        (date(2026, 3, 28), time(2, 30), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (date(2026, 3, 28), time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (date(2026, 10, 24), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 10, 24), time(2, 30), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
    ids=["skipped, at once", "skipped, an hour on", "twice, the first", "twice, the second"],
)
def test_in_the_nights_of_the_clock_change_a_look_is_known_wherever_the_platform_puts_it(
    night: date, agreed: time, shown: datetime
) -> None:
    times = NightTimes.of({day: [agreed, time(3, 15)] for day in Weekday})
    start = datetime(night.year, night.month, night.day, 19, tzinfo=UTC)
    due = due_looks(history(replace(OPEN, times=times)), WINDOW, ZONE, start, start + timedelta(hours=10))
    by_day = datetime(night.year, night.month, night.day + 1, 3, 15, tzinfo=ZONE).astimezone(UTC)
    assert len(due) == 2
    found = [Look(1, shown, LookOutcome.OK, id="a"), Look(1, by_day, LookOutcome.OK, id="b")]
    known: tuple[Look, ...] = ()
    for minutes in range(0, 600, 10):
        now = start + timedelta(minutes=minutes)
        so_far = [at for at in due if at <= now]
        news = follow(known, calls_for(*so_far), [x for x in found if x.due_at <= now], now, POLICY)
        known = tuple({(look.n, look.due_at): look for look in (*known, *news)}.values())
        assert not any(look.not_done for look in known), "nothing is told too soon"
    assert {look.due_at: look.id for look in known} == {due[0]: "a", due[1]: "b"}
    missed = follow(known[:0], calls_for(*due), [], start + timedelta(hours=12), POLICY)
    assert all(look.not_done for look in missed)
