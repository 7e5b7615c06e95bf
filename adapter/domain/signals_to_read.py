"""Which signals are worth asking for: nothing is read of a person's record that can't change what is decided."""

from __future__ import annotations

from adapter.domain.decision import Decision, Phase, StepState
from adapter.domain.facts import OPTIONAL, URGENT, Signal
from adapter.domain.routine import WAY_IN

AT_THE_PERSONS = frozenset(
    {Signal.INSTALLATION_BOOKED, Signal.CONSENT_SIGNED, Signal.LIABILITY_SIGNED, Signal.READY_FOR_START}
)
"""Any of these says that a camera may be at the person's, or soon is."""


def signals_that_matter(decision: Decision | None, noted: frozenset[Signal]) -> frozenset[Signal]:
    """The signals of which a new note could change what ``decision`` decided last (None: nothing yet), with notes of
    ``noted`` known.

    Steps may be done in any order, so all that aren't done matter, whatever comes before them. What is done is found
    not to be so any more by asking for ``noted`` as well, as is done once a day and before supervision is opened. After
    the authority's end everything matters: there the case may close, and nothing is asked after that.
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
        if decision is not None:  # it contradicts an assignment, and none was given yet
            matter.add(Signal.PICKUP_BOOKED)
    if Signal.EQUIPMENT_COLLECTED in noted:
        matter |= {Signal.CONSENT_SIGNED, Signal.READY_FOR_START}  # a newer one says that a camera is there again
    return frozenset(matter)
