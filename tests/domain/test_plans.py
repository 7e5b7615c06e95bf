"""LA13: the person's own plan shows I12 if a municipality maps plans; otherwise the adapter's note does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.domain.decision import Phase, StepState
from adapter.domain.facts import ServicePlan, Signal
from adapter.domain.ledger import Act
from adapter.domain.policy import Lateness, Policy
from adapter.domain.routine import Role
from tests.domain.life import POLICY, STOCKHOLM, Life

MAPPED = replace(POLICY, plans=True, late={**POLICY.late, "I12": Lateness(5, 10, 15)})
START = date(2026, 3, 2)


def running(policy: Policy = MAPPED) -> Life:
    return Life(policy=policy).begin()


def asked(life: Life) -> list[Act]:
    """The mails about I12."""
    return [a for a in life.ledger.acts if a.what.get("step") == "I12"]


def test_without_plans_mapped_the_adapter_s_own_note_shows_it() -> None:
    assert (running(POLICY).step("I12").state, running(POLICY).step("I12").evidence) == (StepState.DONE, "act")


def test_until_the_plans_were_read_nothing_is_said_of_them() -> None:
    life = running()
    facts = replace(life.facts(), plans=None)
    life.facts = lambda: facts  # type: ignore[method-assign]
    assert life.step("I12").state is StepState.LATER


@pytest.mark.parametrize(
    ("plan", "shows"),
    [
        (ServicePlan(1, START, None), True),
        (ServicePlan(1, START + timedelta(days=9), START + timedelta(days=30)), True),
        (ServicePlan(1, START - timedelta(days=1), None), False),
        (ServicePlan(1, None, None), False),
        (ServicePlan(1, START, START - timedelta(days=1)), False),
        (ServicePlan(1, START, None, gone=True), False),
    ],
    ids=["the first day", "later", "before", "undated", "ended", "gone"],
)
def test_a_plan_that_holds_the_camera_and_is_dated_after_the_start_shows_it(plan: ServicePlan, *, shows: bool) -> None:
    life = running()
    life.plans[1] = plan
    found = life.step("I12")
    assert (found.state, found.role) == (StepState.DONE if shows else StepState.AWAITED, Role.COORDINATOR)
    assert (found.evidence, found.evidence_id) == (("plan", "1") if shows else (None, None))


def test_it_holds_up_nothing_and_is_reminded_of_then_escalated_like_any_step() -> None:
    life = running()
    life.wait(days=40)
    assert life.look().phase is Phase.ACTIVE
    told = [(a.what["to"], a.what["level"]) for a in asked(life)]
    assert told[:3] == [("coordinator", 1), ("coordinator", 2), ("escalation", 3)]
    life.plans[1] = ServicePlan(1, life.today, None)
    life.wait(days=30)
    assert len(asked(life)) == len(told)
    del life.plans[1]
    assert life.step("I12").state is StepState.AWAITED, "it is read again, and awaited anew"


def test_night_staff_are_asked_where_they_write_the_plan_and_have_a_mailbox() -> None:
    for units, asks in ((frozenset({None}), "night"), (frozenset[int | None](), "coordinator")):
        life = running(replace(MAPPED, plans_by_night=True, night_units=units))
        life.wait(days=10)
        assert [a.what["to"] for a in asked(life)] == [asks]


def test_the_day_of_its_follow_up_is_told_once_a_week_ahead_and_anew_when_it_is_moved() -> None:
    life = running()
    for follow_up, told in ((date(2026, 4, 15), date(2026, 4, 8)), (date(2026, 6, 1), date(2026, 5, 25))):
        life.plans[1] = ServicePlan(1, START, None, follow_up=follow_up)
        life.wait(days=60)
        *_, last = [a for a in life.ledger.acts if a.what.get("mail") == "plan_follow_up"]
        assert last.what["when"] == follow_up.isoformat()
        assert last.done_at
        assert last.done_at.astimezone(STOCKHOLM).date() == told
    assert len(life.told("plan_follow_up")) == 2


ENDINGS: list[Callable[[Life], object]] = [
    lambda life: life.set_client(deceased=True),
    lambda life: life.set_decision(deleted=True),
    lambda life: life.note(Signal.CONSENT_WITHDRAWN),
]


@pytest.mark.parametrize("change", ENDINGS, ids=["dead", "ended", "paused"])
def test_nothing_is_asked_of_the_dead_the_ended_or_the_paused(change: Callable[[Life], object]) -> None:
    life = running()
    change(life)
    life.wait(days=40)
    assert asked(life) == []
