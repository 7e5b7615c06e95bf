"""What follows from each way in which an act can end badly: one table (P5).

Nothing retries a write by itself: an act whose effect is unknown is looked for first (P4), one that surely had none is
sent again after a delay that grows to a cap and never stops, and one that can't succeed without a person is parked.
"""

from __future__ import annotations

import random
from datetime import timedelta
from enum import StrEnum

from adapter.engine.runtime import Tuning
from adapter.ports import Failure, PortError


class Verdict(StrEnum):
    RETRY = "retry"
    """It surely had no effect: send it again later."""
    UNKNOWN = "unknown"
    """It may have had its effect: look for it first."""
    PARK = "park"
    """It can't succeed until a person, or the facts, change something."""
    DECIDE_AGAIN = "decide_again"
    """The thing is in another state than was supposed: look at it and decide again."""


VERDICTS: dict[Failure, Verdict] = {
    Failure.TRANSIENT: Verdict.RETRY,
    Failure.AMBIGUOUS: Verdict.UNKNOWN,
    Failure.UNAUTHORISED: Verdict.RETRY,
    Failure.NOT_FOUND: Verdict.PARK,
    Failure.REFUSED: Verdict.PARK,
    Failure.CONFLICT: Verdict.DECIDE_AGAIN,
    Failure.CONTRACT: Verdict.UNKNOWN,
    Failure.UNMAPPED: Verdict.PARK,
}


def backoff(attempts: int, tuning: Tuning, rng: random.Random, error: PortError | None = None) -> timedelta:
    """How long to wait after the ``attempts``-th try (1 or more): doubled each time up to the cap, with a quarter of
    jitter so that what failed together doesn't come back together; never sooner than the vendor asked for."""
    doubled: timedelta = tuning.retry_first * 2 ** min(max(attempts, 1) - 1, 20)
    base = min(doubled, tuning.retry_cap)
    delay = base * (1 + rng.random() / 4)
    if error is not None and error.retry_after is not None:
        delay = max(delay, timedelta(seconds=error.retry_after))
    return delay
