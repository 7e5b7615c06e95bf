"""Which signals are worth reading. Nothing is read from a person's record that can't change a decision."""

from adapter.domain.decision import Decision, Phase, StepState
from adapter.domain.facts import OPTIONAL, URGENT, Signal
from adapter.domain.routine import WAY_IN

AT_THE_PERSONS = frozenset(
    {Signal.INSTALLATION_BOOKED, Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED, Signal.READY_FOR_START}
)
"""Each of these means that a camera is, or soon will be, at the person's home."""


def signals_that_matter(decision: Decision | None, noted: frozenset[Signal]) -> frozenset[Signal]:
    """The signals of which a new note could change the last ``decision`` (None: nothing decided yet). ``noted`` are
    those with known notes.

    Steps may be done in any order, so every step that isn't done matters. Whether a done step is still done is found by
    reading ``noted`` too, once a day and before supervision is opened. After the authority's end everything matters:
    the case may close, and nothing is read after that.
    """
    if decision is not None and decision.phase in (Phase.ENDING, Phase.CLOSING, Phase.CLOSED):
        return frozenset(Signal)
    steps = {view.id: view.state for view in decision.steps} if decision is not None else {}
    settled = (StepState.DONE, StepState.NOT_NEEDED)
    matter = {signal for step in WAY_IN if steps.get(step.id) not in settled for signal in step.signals} | {*URGENT}
    if steps.get("I8") not in settled:
        matter |= OPTIONAL
    if noted & AT_THE_PERSONS or (decision is not None and decision.phase in (Phase.ACTIVE, Phase.PAUSED)):
        matter.add(Signal.EQUIPMENT_COLLECTED)
        if decision is not None:  # it would contradict the assignment; without a decision none was given
            matter.add(Signal.PICKUP_BOOKED)
    if Signal.EQUIPMENT_COLLECTED in noted:
        matter |= {Signal.CONSENT_SIGNED, Signal.READY_FOR_START}  # a newer one means that the camera is back
    return frozenset(matter)
