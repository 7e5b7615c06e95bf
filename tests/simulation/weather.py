"""The faults between the adapter and the vendors in one simulated world, drawn from its seed."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Fault(StrEnum):
    """ "After" means after the vendor's effect."""

    REFUSED_CONNECTION = "refused_connection"
    CUT_BEFORE = "cut_before"
    CUT_AFTER = "cut_after"
    BUSY = "429"
    UNAVAILABLE = "503"
    ERROR_BEFORE = "500_before"
    ERROR_AFTER = "500_after"
    GATEWAY_AFTER = "502_after"
    GARBAGE = "garbage"
    WRONG_SCHEMA = "wrong_schema"
    EMPTY = "empty"
    LATE_EFFECT = "late_effect"
    DUPLICATE = "duplicate"
    SLOW = "slow"
    TOO_SLOW = "too_slow"
    TOKEN_REVOKED = "token_revoked"


ALL = tuple(Fault)
DEAD = (Fault.REFUSED_CONNECTION, Fault.CUT_BEFORE, Fault.UNAVAILABLE, Fault.TOO_SLOW)
LOSES_ANSWERS = (
    Fault.CUT_AFTER,
    Fault.ERROR_AFTER,
    Fault.GATEWAY_AFTER,
    Fault.GARBAGE,
    Fault.WRONG_SCHEMA,
    Fault.EMPTY,
    Fault.LATE_EFFECT,
    Fault.TOO_SLOW,
)


@dataclass(frozen=True, slots=True)
class Storm:
    """From ``start`` to ``end`` a share of the calls to ``vendor`` has one of ``faults``."""

    vendor: str
    start: datetime
    end: datetime
    share: float
    faults: tuple[Fault, ...]


@dataclass
class Weather:
    """``background`` is the share of calls with a fault on a quiet day."""

    rng: random.Random
    storms: list[Storm] = field(default_factory=list)
    background: float = 0.012
    writes: float = 0.06
    lifted: bool = False

    def forecast(self, start: datetime, days: int) -> None:
        """Draw the storms of so many days."""
        for vendor in ("lifecare", "phoniro"):
            for _ in range(self.rng.randrange(1, 4)):
                begin = start + timedelta(days=self.rng.uniform(0, days))
                hours = self.rng.choice((0.2, 1, 4, 12) if days > 2 else (0.2, 0.5, 1, 4))
                dead = self.rng.random() < 0.4
                share, faults = (
                    (1.0, DEAD) if dead else (self.rng.uniform(0.1, 0.6), self.rng.choice((ALL, LOSES_ANSWERS)))
                )
                self.storms.append(Storm(vendor, begin, begin + timedelta(hours=hours), share, faults))

    def stormy(self, now: datetime, slack: timedelta, *, vendor: str | None = None) -> bool:
        """Whether there is a storm now (for this vendor), or was one within ``slack``."""
        storms = [s for s in self.storms if vendor in (None, s.vendor)]
        return not self.lifted and any(s.start <= now <= s.end + slack for s in storms)

    def fault(self, vendor: str, *, write: bool, now: datetime) -> Fault | None:
        """The fault of one call."""
        if self.lifted:
            return None
        storm = next((s for s in self.storms if s.vendor == vendor and s.start <= now <= s.end), None)
        share = storm.share if storm else self.writes if write else self.background
        if self.rng.random() >= share:
            return None
        return self.rng.choice(storm.faults if storm else LOSES_ANSWERS if write else ALL)
