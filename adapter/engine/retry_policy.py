"""What follows from each way in which an act can end badly: one table (P5).

Nothing retries a write by itself: an act whose effect is unknown is looked for first (P4), one that surely had none is
sent again after a delay that grows to a cap and never stops, and one that can't succeed without a person is parked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from adapter.domain.ledger import ActKind
from adapter.engine.tuning import Tuning
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


@dataclass(frozen=True, slots=True)
class Rule:
    """``told``: how somebody hears of it, beside the case's own page. ``vendor_fault``: the vendor didn't answer as it
    should, which its breaker counts."""

    verdict: Verdict
    told: str
    vendor_fault: bool = False


_BY_BREAKER = "vendor_down in the log once it lasts"
_BY_MAIL = "mail to the IT function"

RULES: dict[Failure, Rule] = {
    Failure.TRANSIENT: Rule(Verdict.RETRY, _BY_BREAKER, vendor_fault=True),
    Failure.NOT_SENT: Rule(Verdict.RETRY, "nobody: it is sent at its next turn"),
    Failure.UNAUTHORISED: Rule(Verdict.RETRY, _BY_BREAKER, vendor_fault=True),
    Failure.AMBIGUOUS: Rule(Verdict.UNKNOWN, _BY_BREAKER, vendor_fault=True),
    Failure.CONTRACT: Rule(Verdict.UNKNOWN, _BY_BREAKER, vendor_fault=True),
    Failure.CONFLICT: Rule(Verdict.DECIDE_AGAIN, _BY_MAIL + " where it comes back although nothing has changed"),
    Failure.NOT_FOUND: Rule(Verdict.PARK, _BY_MAIL),
    Failure.REFUSED: Rule(Verdict.PARK, _BY_MAIL),
    Failure.UNMAPPED: Rule(Verdict.PARK, _BY_MAIL),
}
"""Retried: after ``backoff``, for ever. Unknown: after ``settle`` at the soonest, and looked for. Parked: until the
case's facts, the configuration or a person change something. What isn't here is done."""

CONFLICT_TRIES = 4
"""So many conflicts of one act with a schedule that, read again, is what it was, and the act is parked (PA1)."""

SAFE_TO_REPEAT: dict[ActKind, str] = {
    ActKind.MESSAGE: "its mark is sought among our own notes, twice, settle apart, and once more before it is resent",
    ActKind.MAIL: "sent again with the same Message-ID and text",
    ActKind.PUT_PERSON: "sent again: a PUT of the whole",
    ActKind.EMPTY_PERSON: "sent again: a PUT of the whole",
    ActKind.CREATE: "sought by externalReference, twice, as lists lag; a second one is answered 409 with existingId",
    ActKind.CHANGE: "the schedule is read; If-Match refuses a version that was overtaken",
    ActKind.PAUSE: "the schedule is read by its id; pausing twice changes nothing",
    ActKind.RESUME: "the schedule is read by its id; resuming twice changes nothing",
    ActKind.END: "the schedule is read by its id; ending twice changes nothing",
    ActKind.VISIT: "sought by ExternalId, twice, and once more before it is resent; a second of its id is refused",
    ActKind.REMOVE_VISIT: "sought by ExternalId; removing twice changes nothing",
}
"""What is done about an act whose answer was lost, before it is sent again (P4); done by the executors of ``gateways``.
"""

SOUGHT_TWICE = frozenset({ActKind.MESSAGE, ActKind.CREATE, ActKind.VISIT})
"""What is sought in a list, where it may show a moment after it was written: looked for in vain twice, settle apart,
before it is sent again. All else is looked for once, when settle is over."""


def backoff(
    attempts: int, tuning: Tuning, rng: random.Random, error: PortError | None = None, *, stop: bool = False
) -> timedelta:
    """How long to wait after the ``attempts``-th try (1 or more): doubled each time up to the cap, with a quarter of
    jitter so that what failed together doesn't come back together.

    Never sooner than the vendor asked for, but no vendor's wish is longer than our own longest delay, nor, for a pause
    or an end (``stop``), than our first: a camera isn't kept open for it (PA2).
    """
    doubled: timedelta = tuning.retry_first * 2 ** min(max(attempts, 1) - 1, 20)
    delay = min(doubled, tuning.retry_cap) * (1 + rng.random() / 4)
    if error is not None and error.retry_after is not None:
        longest = tuning.retry_first if stop else tuning.retry_cap
        delay = max(delay, timedelta(seconds=min(error.retry_after, longest.total_seconds())))
    return delay
