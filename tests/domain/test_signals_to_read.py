"""The signals that are read: those whose notes could still change the decision."""

import pytest

from adapter.domain.decision import Decision, Phase, StepState, StepView
from adapter.domain.facts import OPTIONAL, URGENT, Signal
from adapter.domain.routine import STEPS
from adapter.domain.signals_to_read import signals_that_matter

WAY_IN = OPTIONAL | {signal for step in STEPS.values() if step.id.startswith("I") for signal in step.signals}
WAY_OUT = frozenset({Signal.PICKUP_BOOKED, Signal.EQUIPMENT_COLLECTED})
NOTHING = frozenset[Signal]()


def decided(phase: Phase = Phase.PREPARING, *steps: str, state: StepState = StepState.DONE) -> Decision:
    """A decision in which every step is awaited, except ``steps``, which have another state."""
    views = [StepView(s.id, s.role, state if s.id in steps else StepState.AWAITED) for s in STEPS.values()]
    return Decision(phase, (), tuple(views))


@pytest.mark.parametrize("decision", [None, decided()])
def test_before_anything_is_noted_the_way_in_matters_and_the_way_out_does_not(decision: Decision | None) -> None:
    assert signals_that_matter(decision, NOTHING) == WAY_IN | {*URGENT}


@pytest.mark.parametrize("state", [StepState.DONE, StepState.NOT_NEEDED])
@pytest.mark.parametrize("step", ["I4", "I5", "I6", "I7", "I8", "I9"])
def test_a_step_that_is_settled_matters_no_more(step: str, state: StepState) -> None:
    settled = {*STEPS[step].signals} | (OPTIONAL if step == "I8" else set())
    assert signals_that_matter(decided(Phase.PREPARING, step, state=state), NOTHING) == WAY_IN - settled | {*URGENT}


@pytest.mark.parametrize("state", [StepState.AWAITED, StepState.PROBLEM, StepState.LATER])
def test_steps_may_be_done_in_any_order_and_what_was_refused_may_be_mended(state: StepState) -> None:
    assert {*STEPS["I8"].signals} <= signals_that_matter(
        decided(Phase.PREPARING, "I8", state=state), frozenset({Signal.CONSENT_SIGNED})
    )


@pytest.mark.parametrize("noted", ["installation_booked", "consent_signed", "liability_signed", "ready_for_start"])
def test_once_a_camera_may_be_there_the_way_out_matters(noted: str) -> None:
    there = frozenset({Signal(noted)})
    assert signals_that_matter(decided(), there) >= WAY_OUT
    # Nobody has been asked yet for anything that a pickup could contradict.
    assert signals_that_matter(None, there) & WAY_OUT == {Signal.EQUIPMENT_COLLECTED}


@pytest.mark.parametrize("phase", [Phase.ACTIVE, Phase.PAUSED])
def test_a_camera_that_runs_is_there_whatever_was_noted(phase: Phase) -> None:
    assert signals_that_matter(decided(phase), NOTHING) >= WAY_OUT


def test_what_was_collected_may_be_put_up_again() -> None:
    done = decided(Phase.PAUSED, "I8", "I9")
    again = {Signal.CONSENT_SIGNED, Signal.READY_FOR_START}
    assert not signals_that_matter(done, NOTHING) & again
    assert signals_that_matter(done, frozenset({Signal.EQUIPMENT_COLLECTED})) >= again


@pytest.mark.parametrize("phase", [Phase.ENDING, Phase.CLOSING, Phase.CLOSED])
def test_after_the_authoritys_end_everything_matters(phase: Phase) -> None:
    assert signals_that_matter(decided(phase, *STEPS), NOTHING) == frozenset(Signal)
