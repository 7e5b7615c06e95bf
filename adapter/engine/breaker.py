"""A breaker for each vendor of each municipality: a dead vendor isn't hammered, and work for the others goes on (P6).

Several failures in a row open it. From then on one call at a time is let through as a probe, after waits that grow to
a cap; the first success closes it, and all that waited for the vendor is then let go, evenly. What is counted is
whether the vendor answers as it should, not whether it likes what it was asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from adapter.domain.facts import Absence, AuthorityDecision, Client, Execution, FactProblem, Note, Order, Signal
from adapter.engine.outcomes import RULES
from adapter.log_events import log
from adapter.ports import CaseSource, Failure, PortError, Window

T = TypeVar("T")
Problems = tuple[FactProblem, ...]

IN_A_ROW = 5
"""Failures in a row that open a breaker."""

_OUR_OWN = (Failure.UNMAPPED, Failure.NOT_SENT)
"""Failures without a call, which say nothing of the vendor."""

LIFECARE, PHONIRO, MAIL = "lifecare", "phoniro", "mail"
VENDOR_OF_LANE: Mapping[str, str] = {"platform": PHONIRO, "message": LIFECARE, "mail": MAIL}


@dataclass(slots=True)
class Breaker:
    """One vendor of one municipality. Instants are aware UTC; ``first`` and ``cap`` are the waits between probes."""

    vendor: str
    first: timedelta
    cap: timedelta
    failures: int = 0
    down_since: datetime | None = None
    probe_at: datetime | None = None
    recovered: bool = False
    """Set when it closes, until what waited for the vendor has been let go."""
    _probing: bool = False
    _probes: int = 0

    @property
    def closed(self) -> bool:
        return self.down_since is None

    @property
    def stops_first(self) -> bool:
        """Whether the next probe is to be a pause or an end, if one waits: every second one, so that one that can't
        succeed doesn't keep a vendor that works down for all others."""
        return self._probes % 2 == 0

    def probe_due(self, now: datetime) -> bool:
        """Whether a vendor that is down may be tried again now."""
        return self.probe_at is not None and self.probe_at <= now

    def allows(self, now: datetime) -> bool:
        """Whether a call may be made. While the vendor is down one is, at each probe: whoever is told yes makes it."""
        if self.closed:
            return True
        if not self.probe_due(now):
            return False
        self._probing = True
        # If the probe is never heard of again (its process died, its answer hangs), another one follows.
        self.probe_at = now + self._wait()
        return True

    def success(self, now: datetime) -> None:
        self.failures = 0
        if self.down_since is None:
            return
        log("vendor_up", vendor=self.vendor, down_seconds=(now - self.down_since).total_seconds())
        self.down_since, self.probe_at, self._probing, self._probes = None, None, False, 0
        self.recovered = True

    def failure(self, now: datetime, error: PortError) -> None:
        """A call failed. Counts only what is the vendor's fault; a refusal shows that it works."""
        if not RULES[error.failure].vendor_fault:
            if error.failure not in _OUR_OWN:
                self.success(now)
            return
        self.failures += 1
        if self.closed and self.failures >= IN_A_ROW:
            self.down_since = now
            self.probe_at = now + self._wait()
            log("vendor_down", vendor=self.vendor, failure=error.failure.value, error=error, since=now)
        elif self._probing:
            self._probing = False
            self._probes += 1
            self.probe_at = now + self._wait()

    def _wait(self) -> timedelta:
        doubled: timedelta = self.first * 2 ** min(self._probes, 16)
        return min(doubled, self.cap)


@dataclass(slots=True)
class Breakers:
    """Every vendor's breaker, made at first use. ``cap`` keeps an end from waiting long for a vendor that is back."""

    first: timedelta = timedelta(seconds=15)
    cap: timedelta = timedelta(seconds=60)
    _all: dict[tuple[str, str], Breaker] = field(default_factory=dict)

    def of(self, tenant: str, vendor: str) -> Breaker:
        found = self._all.get((tenant, vendor))
        if found is None:
            found = self._all[(tenant, vendor)] = Breaker(vendor, self.first, self.cap)
        return found

    def down(self) -> dict[tuple[str, str], datetime]:
        """Who is down, by municipality and vendor, and since when (UTC)."""
        return {key: b.down_since for key, b in self._all.items() if b.down_since is not None}


@dataclass(frozen=True, slots=True)
class GuardedSource:
    """A ``CaseSource`` behind its vendor's breaker: while the vendor is down, reads fail at once."""

    source: CaseSource
    breaker: Breaker
    now: Callable[[], datetime]

    async def orders(self, person_id: str) -> tuple[tuple[Order, ...], Problems]:
        return await self._guarded(lambda: self.source.orders(person_id))

    async def person_of(self, order_id: str) -> str | None:
        return await self._guarded(lambda: self.source.person_of(order_id))

    async def decisions(self, person_id: str, ids: frozenset[int]) -> tuple[tuple[AuthorityDecision, ...], Problems]:
        return await self._guarded(lambda: self.source.decisions(person_id, ids))

    async def executions(self, person_id: str) -> tuple[tuple[Execution, ...], Problems]:
        return await self._guarded(lambda: self.source.executions(person_id))

    async def client(self, person_id: str) -> tuple[Client, Problems]:
        return await self._guarded(lambda: self.source.client(person_id))

    async def absences(self, person_id: str) -> tuple[tuple[Absence, ...], Problems]:
        return await self._guarded(lambda: self.source.absences(person_id))

    async def notes(
        self, execution_ids: frozenset[int], signals: frozenset[Signal], since: date
    ) -> tuple[tuple[Note, ...], Problems]:
        return await self._guarded(lambda: self.source.notes(execution_ids, signals, since))

    async def orders_updated_on(self, day: date) -> Window:
        return await self._guarded(lambda: self.source.orders_updated_on(day))

    async def changed_since(self, feed: str, since: datetime) -> Window:
        return await self._guarded(lambda: self.source.changed_since(feed, since))

    async def urgent_notes(self) -> Window:
        return await self._guarded(self.source.urgent_notes)

    async def services_ending_on(self, day: date) -> Window:
        return await self._guarded(lambda: self.source.services_ending_on(day))

    async def shows(self, *resources: str) -> bool:
        return await self._guarded(lambda: self.source.shows(*resources))

    async def answers(self, resource: str) -> None:
        await self._guarded(lambda: self.source.answers(resource))

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        if not self.breaker.allows(self.now()):
            raise unasked(self.breaker)
        try:
            result = await call()
        except PortError as e:
            self.breaker.failure(self.now(), e)
            raise
        self.breaker.success(self.now())
        return result


def unasked(breaker: Breaker) -> PortError:
    """The error in place of a call that a breaker held back."""
    since = f"{breaker.down_since:%Y-%m-%dT%H:%MZ}" if breaker.down_since else "a moment ago"
    reason = f"{breaker.vendor} was not asked: it hasn't answered as it should since {since}; it is tried again soon"
    return PortError(Failure.TRANSIENT, reason, vendor=breaker.vendor)
