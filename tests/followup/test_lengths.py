"""Lengths are calculated from moments, if there are any."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from adapter.domain.decision import Decision, Phase, StepState, StepView, Unwatched, seen_since
from adapter.domain.ledger import Act, ActKind, ActState, What
from adapter.domain.nights import NightWindow
from adapter.domain.pauses import PAUSES
from adapter.domain.routine import STEPS, Role
from adapter.followup import tallies
from adapter.presentation.followup_page import cell
from adapter.presentation.words import Words
from mappings.texts import Texts

ZONE = ZoneInfo("Europe/Stockholm")
MIDNIGHT = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
"""The beginning of the second of March."""


def at(hours: float) -> datetime:
    """So many hours after the beginning of the second of March."""
    return MIDNIGHT + timedelta(hours=hours)


def done(step: str, when: datetime, evidence: str = "note", shown_by: str | None = None) -> StepView:
    return StepView(step, STEPS[step].role, StepState.DONE, evidence, shown_by, when)


def awaited(step: str, since: datetime) -> StepView:
    return StepView(step, STEPS[step].role, StepState.AWAITED, since=since)


def hours(*decisions: tuple[float, list[StepView]]) -> dict[str, int]:
    """How long the steps waited, if decisions were made at these hours."""
    found: dict[str, int] = {}
    before, since = None, None
    for hour, steps in decisions:
        after = seen_since(before, Decision(Phase.PREPARING, (), tuple(steps)), at(hour))
        for tally in tallies.of_decision(before, after, since, at(hour), NightWindow(), ZONE):
            found[tally.what] = tally.value
        before, since = after, at(hour)
    return found


def test_a_message_that_is_sent_when_the_order_is_seen_waited_for_nothing() -> None:
    """The order's day began ten hours before."""
    ordered = done("I1", at(0), "decision")
    seen = (10, [ordered, awaited("I2", at(0))])
    assert hours(seen, (10.1, [ordered, done("I2", at(10.1), "act")]))["step.I2"] == 0
    assert hours(seen, (34, [ordered, done("I2", at(34), "act")]))["step.I2"] == 24


def test_an_execution_is_done_when_it_is_seen_whatever_day_it_is_dated() -> None:
    told = done("I2", at(10), "act")
    executed = (34, [told, done("I10", at(-48), "execution")])
    assert hours((11, [told, awaited("I10", at(10))]), executed)["step.I10"] == 24


def test_a_renewed_order_is_to_be_executed_since_it_was_seen() -> None:
    told, renewed = done("I2", at(-900), "act"), awaited("I10", at(24))
    first = (-800, [told, done("I10", at(-850), "execution")])
    assert hours(first, (33, [told, renewed]), (38, [told, done("I10", at(24), "execution")]))["step.I10"] == 5


@pytest.mark.parametrize("undone", [False, True])
def test_what_is_done_anew_by_another_message_counts_again_whether_it_was_seen_undone_or_not(undone: bool) -> None:
    ordered, told = done("I1", at(-900), "decision"), done("I2", at(-900), "act", "01")
    between = [(24, [ordered, awaited("I2", at(24))])] if undone else []
    anew = (29, [ordered, done("I2", at(29), "act", "07")])
    assert hours((-800, [ordered, told]), (24, [ordered, told]), *between, anew)["step.I2"] == 5


def test_what_is_done_before_anybody_awaited_it_took_no_time_whenever_it_is_seen() -> None:
    """Bilaga 1 was signed before the times were agreed."""
    asked, signed, agreed = done("I3", at(1), "act"), done("I7", at(9)), done("I4", at(11))
    first = (2, [asked, awaited("I4", at(1)), StepView("I7", STEPS["I7"].role, StepState.LATER)])
    assert hours(first, (10, [asked, awaited("I4", at(1)), signed]), (12, [asked, agreed, signed]))["step.I7"] == 0
    assert hours(first, (12, [asked, agreed, signed]))["step.I7"] == 0


def test_a_case_is_to_be_closed_since_that_was_asked_for() -> None:
    """The executions are over already."""
    closed = done("A6", at(20), "execution_over")
    assert hours((12, []), (20.1, [done("A5", at(9)), closed]))["step.A6"] == 0


@pytest.mark.parametrize(("noted_at", "waited"), [(38, 0), (58, 10)])
def test_what_is_booked_for_a_day_and_done_on_it_waited_for_nothing(noted_at: float, waited: int) -> None:
    """It was booked for the third of March."""
    booked, day = done("I5", at(12)), awaited("I8", at(24))
    assert hours((13, [booked, day]), (noted_at + 1, [booked, done("I8", at(noted_at))]))["step.I8"] == waited


def test_a_step_that_is_seen_late_took_what_its_own_notes_say() -> None:
    """Both notes are read at once, a day later."""
    both = [done("I5", at(9)), done("I8", at(14))]
    assert hours((1, []), (30, both))["step.I8"] == 5


def test_what_nobody_had_to_do_took_no_time() -> None:
    """Keys that weren't needed are fetched anyway."""
    asked, needless = done("I3", at(1), "act"), StepView("I6", STEPS["I6"].role, StepState.NOT_NEEDED)
    assert hours((2, [asked, needless]), (30, [asked, done("I6", at(29))]))["step.I6"] == 0


def test_a_step_keeps_when_it_was_first_seen_until_it_is_another() -> None:
    first = seen_since(None, Decision(Phase.PREPARING, (), (awaited("I4", at(0)), awaited("I5", at(0)))), at(1))
    second = seen_since(first, Decision(Phase.PREPARING, (), (awaited("I4", at(0)), done("I5", at(1)))), at(2))
    assert [view.seen for view in second.steps] == [at(1), at(2)]


def test_the_lead_time_runs_from_the_day_of_the_decision() -> None:
    create = Act(1, "schedule:1:create", ActKind.CREATE, ActState.DONE, {}, at(0))
    (lead,) = tallies.lengths_of_act(create, at(20), 7101, ZONE, (), date(2026, 2, 20))
    assert (lead.what, lead.value) == ("lead", 10)


def test_each_look_of_an_outage_was_told_when_they_were_told_together() -> None:
    """A look at a time that comes twice, at the first one."""
    rows = json.dumps([["2026-10-25T02:30", "TK-1"], ["2026-10-25T05:00", "TK-2"]])
    what: What = {"mail": "looks_late", "looks": rows, "unit": 7102}
    mail = Act(1, "outage:1", ActKind.MAIL, ActState.DONE, what, at(0))
    told = tallies.lengths_of_act(mail, datetime(2026, 10, 25, 5, 0, tzinfo=UTC), None, ZONE, (), None)
    assert [(t.what, t.value, t.unit) for t in told] == [("told", 270, 7102), ("told", 60, 7102)]


@pytest.mark.parametrize(
    ("before", "decided", "after", "nights"),
    [
        ("not_started", 20.99, None, 0),
        (None, 20.99, "not_started", 1),
        ("not_started", 20, "consent_withdrawn", 1),
        ("not_resumed", 21, None, 0),
    ],
)
def test_a_night_is_counted_by_how_it_is_when_it_has_begun(
    before: str | None, decided: float, after: str | None, nights: int
) -> None:
    """Absences begin and end with the night. The state on the day before it doesn't count."""

    def decision(cause: str | None) -> Decision:
        return Decision(Phase.PREPARING, (), (), unwatched=Unwatched(cause) if cause else None)

    moments = [(10.0, before), (decided, after), (30.0, after)]
    found = [
        tally
        for (since, was), (now, is_) in pairwise(moments)
        for tally in tallies.of_decision(decision(was), decision(is_), at(since), at(now), NightWindow(), ZONE)
    ]
    assert [(t.what, t.day) for t in found] == [(f"unwatched.{after}", date(2026, 3, 2))] * nights


def test_whatever_is_reminded_of_or_pauses_has_words() -> None:
    words = Words(Texts.load("sv"), ZONE)
    asked = [*STEPS, *PAUSES, "absence", "camera_left", "consent_review", "nowhere_to_note"]
    assert [code for code in asked if cell("about", code, words) == code] == []
    assert [code for code in [*PAUSES, "absence", "elsewhere"] if cell("cause", code, words) == code] == []
    assert cell("role", Role.ADAPTER.value, words) != Role.ADAPTER.value
