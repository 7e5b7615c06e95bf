"""What the engine works with: the clock, the tuning, and each municipality's ports."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from adapter.domain.policy import Policy
from adapter.engine.circuit_breaker import Breakers
from adapter.engine.night_load_cache import NightLoadCache
from adapter.engine.service_log import ServiceLog
from adapter.engine.tuning import Tuning
from adapter.ports import CaseSource, Executor, SchedulePlatform
from adapter.store.database import Database


class Clock:
    """The real time. Tests and simulations replace it."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One municipality: its policy and its ports. Orders from before ``go_live`` (a local calendar date) are left
    alone."""

    name: str
    policy: Policy
    go_live: date
    source: CaseSource
    executor: Executor
    platform: SchedulePlatform
    retention: timedelta = timedelta(days=90)
    """How long personal data is kept after a case was closed."""
    reads_kept: timedelta = timedelta(days=1826)
    """How long the log of reading is kept."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything the engine needs. ``owner`` names this process in leases. It is new at each start."""

    db: Database
    tenants: Mapping[str, Tenant]
    service_log: ServiceLog
    clock: Clock = field(default_factory=Clock)
    tuning: Tuning = field(default_factory=Tuning)
    rng: random.Random = field(default_factory=random.SystemRandom)
    owner: str = "adapter"
    breakers: Breakers = field(default_factory=Breakers)
    refused: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Municipalities that aren't served because their settings or mapping can't be used, each with what to mend."""
    requests_refused: list[str] = field(default_factory=list)
    """Entries of the request files that can't be used, as ``file:line``. The list is replaced at each reading."""
    asked: dict[str, datetime] = field(default_factory=dict)
    """Municipalities whose feeds shall be read out of turn, and since when (UTC)."""
    night_loads: NightLoadCache = field(default_factory=NightLoadCache)
    dry_run: bool = False
    """Read and decide, but carry out nothing. What would have been done is logged."""
    beat: Callable[[], None] = lambda: None
    """Called in each round of the work: a sign of life for the watchdog."""
    pause: Callable[[str], Awaitable[None]] | None = None
    """Called around every commit and every call, with the point's name. A crash test raises there."""

    async def at(self, point: str) -> None:
        if self.pause is not None:
            await self.pause(point)
