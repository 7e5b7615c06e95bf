"""The list of decisions that aren't executed or are interrupted: which are on it, since when, why, and how grave."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from adapter.domain.calendar import months_after
from adapter.domain.facts import Absence, Signal
from adapter.domain.unfulfilled import Kind, Level, Unfulfilled, listed, report_month
from tests.domain.life import POLICY, Life

FIRST = date(2026, 3, 2)


def item(life: Life) -> Unfulfilled | None:
    return life.look().unfulfilled


def found(life: Life) -> Unfulfilled:
    on_it = item(life)
    assert on_it is not None
    return on_it


def test_one_that_is_not_executed_waits_since_its_order(life: Life) -> None:
    life.wait(days=59)
    waiting = found(life)
    assert (waiting.kind, waiting.since, waiting.order) == (Kind.NOT_EXECUTED, FIRST, "o1")
    assert "gate_I10" in waiting.why


def test_executed_in_lifecare_and_never_begun_is_not_executed_all_the_same(life: Life) -> None:
    life.execute().wait(days=70)
    assert found(life).kind is Kind.NOT_EXECUTED
    assert "gate_I10" not in found(life).why
    life.prepare().go()
    assert item(life) is None, "it runs"


def test_granted_from_a_later_day_it_waits_since_that_day() -> None:
    life = Life()
    life.order(first=date(2026, 4, 1)).wait(days=20)
    assert item(life) is None
    life.wait(days=20)
    assert found(life).since == date(2026, 4, 1)


def test_a_renewal_does_not_begin_the_waiting_anew(life: Life) -> None:
    life.decide_dates(last=date(2026, 4, 30)).order("o2", first=date(2026, 5, 1)).wait(days=90)
    assert (found(life).since, found(life).order) == (FIRST, "o2")


def test_interrupted_since_the_pause_and_no_more_once_it_runs_again(active: Life) -> None:
    active.wait(days=10)
    active.noted(Signal.CONSENT_WITHDRAWN).wait(days=65)
    since, why = date(2026, 3, 12), ("paused_consent_withdrawn",)
    assert found(active) == Unfulfilled(Kind.INTERRUPTED, since, "o1", why)
    active.noted(Signal.CONSENT_SIGNED).wait(days=1)
    assert item(active) is None
    active.wait(days=30)
    active.noted(Signal.CONSENT_WITHDRAWN).wait(days=1)
    assert found(active).since == active.today - timedelta(days=1), "the next one has its own begin"


def test_away_is_without_what_was_granted_too_and_one_cause_after_another_is_one_interruption(active: Life) -> None:
    active.absences[1] = Absence(1, active.today, None)
    active.wait(days=30)
    assert (found(active).kind, found(active).why) == (Kind.INTERRUPTED, ("paused_absence",))
    active.note(Signal.CONSENT_WITHDRAWN)
    active.absences.clear()
    active.wait(days=40)
    assert found(active).since == FIRST


def test_neither_the_dead_nor_the_ended_nor_what_is_not_granted_today(active: Life) -> None:
    active.noted(Signal.CONSENT_WITHDRAWN).wait(days=70)
    assert item(active) is not None
    active.set_client(deceased=True).go()
    assert item(active) is None
    active.set_client(deceased=False).set_decision(deleted=True).go()
    assert item(active) is None


days = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@given(days, st.integers(0, 400))
@example(date(2026, 1, 31), 60)
@example(date(2026, 1, 31), 89)
@example(date(2026, 7, 1), 91)
def test_first_warned_of_then_reported_by_the_calendar_and_for_as_long_as_it_lasts(since: date, later: int) -> None:
    """60 days are fewer than any three months. As time passes, neither level is taken back."""
    waiting = Unfulfilled(Kind.NOT_EXECUTED, since, None, ())
    today = since + timedelta(days=later)
    level, tomorrow = waiting.level(today), waiting.level(today + timedelta(days=1))
    assert (level is not None) is (later >= 60)
    assert (level is Level.REPORT) is (today >= months_after(since, 3))
    assert tomorrow is level or (level, tomorrow) in ((None, Level.WARNING), (Level.WARNING, Level.REPORT))


@given(st.lists(st.tuples(st.integers(0, 9), days), unique_by=lambda row: row[0]), days)
def test_the_list_holds_what_has_waited_sixty_days_the_longest_first(rows: list[tuple[int, date]], today: date) -> None:
    given_items = [(f"TK-{n}", n, Unfulfilled(Kind.NOT_EXECUTED, since, None, ())) for n, since in rows]
    on_it = listed([*given_items, ("TK-none", 1, None)], today)
    assert {row.case for row in on_it} == {f"TK-{n}" for n, since in rows if (today - since).days >= 60}
    assert [row.days for row in on_it] == sorted((row.days for row in on_it), reverse=True)


def test_the_month_s_list_is_due_from_its_first_working_day() -> None:
    holiday = replace(POLICY, holidays=frozenset({date(2027, 1, 1)}))
    assert report_month(date(2027, 1, 3), holiday) is None, "a holiday and a weekend"
    assert report_month(date(2027, 1, 4), holiday) == "2027-01"
    assert report_month(date(2026, 12, 1), POLICY) == "2026-12"
    assert report_month(date(2026, 12, 31), POLICY) == "2026-12"
