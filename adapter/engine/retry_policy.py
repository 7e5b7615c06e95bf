"""What follows from each way in which an act can fail: one table (P5).

No library retries a write. If an act's effect is unknown, it is looked up first (P4). If it certainly had none, it is
sent again, for ever, after a delay that grows up to a cap. If it can't succeed without a person, it is parked.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from adapter.domain.ledger import ActKind
from adapter.engine.tuning import Tuning
from adapter.ports import Failure, PortError


class Verdict(StrEnum):
    RETRY = "retry"
    """It certainly had no effect: send it again later."""
    UNKNOWN = "unknown"
    """It may have had its effect: look it up first."""
    PARK = "park"
    """It can't succeed until a person, or the facts, change something."""
    DECIDE_AGAIN = "decide_again"
    """The schedule is in another state than expected: read it and decide again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``told``: how people are told, besides the case's own page. ``vendor_fault``: the vendor didn't answer as it
    should, and its circuit breaker counts that."""

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
"""RETRY: after ``backoff``, for ever. UNKNOWN: looked up, after ``settle`` at the earliest. PARK: until the case's
facts, the configuration or a person change something."""

CONFLICT_TRIES = 4
"""After so many conflicts of one act with a schedule that hasn't changed, the act is parked (PA1)."""

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
"""What the executors in ``gateways`` do with an act whose answer was lost, before it is sent again (P4)."""

SOUGHT_TWICE = frozenset({ActKind.MESSAGE, ActKind.CREATE, ActKind.VISIT})
"""Acts that are looked up in a list, which may lag behind the write. They must be missing twice, ``settle`` apart,
before they are sent again. All others are looked up once, after ``settle``."""


def backoff(
    attempts: int, tuning: Tuning, rng: random.Random, error: PortError | None = None, *, stop: bool = False
) -> timedelta:
    """How long to wait after the ``attempts``-th try (1 or more). The delay is doubled each time up to the cap. A
    quarter of jitter is added, so that acts that failed together aren't tried together.

    It is never shorter than the vendor's ``Retry-After``. But that counts at most as our longest delay, and for a pause
    or an end (``stop``) at most as our first, so that a camera isn't kept open because of it (PA2).
    """
    doubled: timedelta = tuning.retry_first * 2 ** min(max(attempts, 1) - 1, 20)
    delay = min(doubled, tuning.retry_cap) * (1 + rng.random() / 4)
    if error is not None and error.retry_after is not None:
        longest = tuning.retry_first if stop else tuning.retry_cap
        delay = max(delay, timedelta(seconds=min(error.retry_after, longest.total_seconds())))
    return delay
