"""The sign that stands for the state of a step or an act, on the page and on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from adapter.domain.decision import StepState
from adapter.domain.ledger import ActState

SIGNS: Mapping[StepState | ActState, str] = {
    StepState.DONE: "✓",
    StepState.AWAITED: "…",
    StepState.LATER: "·",
    StepState.NOT_NEEDED: "–",
    StepState.PROBLEM: "!",
    ActState.PENDING: "…",
    ActState.SENDING: "→",
    ActState.UNKNOWN: "?",
    ActState.DONE: "✓",
    ActState.PARKED: "!",
    ActState.DROPPED: "–",
}
