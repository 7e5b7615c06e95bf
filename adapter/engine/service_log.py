"""What one process notes about the vendors and itself: calls by outcome and time, when a vendor was down, and that the
process runs. It is kept in memory and stored once a minute (a beat), in one transaction.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial

from sqlalchemy import Connection

from adapter.domain.wall_clock import local_date
from adapter.engine.circuit_breaker import IN_A_ROW
from adapter.followup.tallies import TROUBLE, Tally, of_call
from adapter.followup.uptime import ADAPTER, GAP, Span
from adapter.store import counts
from adapter.store.database import Database

BEAT = timedelta(minutes=1)
SHORTEST = timedelta(minutes=1)
"""A shorter fault isn't an outage."""
KEPT = 1000
"""So many sums are kept in memory, those of a day or some."""


@dataclass(slots=True)
class _Trouble:
    """Faulty calls in a row to a vendor, since the first of them."""

    since: datetime
    calls: int = 0

    def down(self, now: datetime) -> bool:
        return self.calls >= IN_A_ROW and now - self.since >= SHORTEST


@dataclass(slots=True)
class ServiceLog:
    """``owner`` names the process, ``now`` is its clock (aware UTC)."""

    owner: str
    now: Callable[[], datetime]
    _calls: Counter[tuple[str, Tally]] = field(default_factory=Counter)
    """All calls since ``_writer`` was drawn: what is stored are sums, so a beat whose answer was lost is repeated."""
    _unsaved: set[tuple[str, Tally]] = field(default_factory=set)
    _writer: int = field(default_factory=counts.new_writer)
    _trouble: dict[tuple[str, str], _Trouble] = field(default_factory=dict)
    _over: list[tuple[str, Span]] = field(default_factory=list)
    _since: datetime | None = None
    _beat_at: datetime | None = None

    def of(self, tenant: str, zone: tzinfo) -> Callable[[str, str, int | None, str, float], None]:
        """The function that a municipality's connectors call for each call (``OnCall``)."""
        return partial(self._called, tenant, zone)

    def _called(
        self, tenant: str, zone: tzinfo, vendor: str, _call: str, _status: int | None, outcome: str, seconds: float
    ) -> None:
        now = self.now()
        call = (tenant, of_call(vendor, outcome, seconds, local_date(now, zone)))
        self._calls[call] += 1
        self._unsaved.add(call)
        if outcome in TROUBLE:
            self._trouble.setdefault((tenant, vendor), _Trouble(now)).calls += 1
        elif (was := self._trouble.pop((tenant, vendor), None)) and was.down(now):
            self._over.append((tenant, Span(vendor, was.since, now)))

    async def beat(self, db: Database, tenants: list[str]) -> None:
        """Store what was noted since the last beat, and that this process runs for these municipalities. If that fails,
        the notes are stored with the next beat; a long gap between beats counts as not running. Raises
        ``StoreError``."""
        now = self.now()
        if self._since is None or self._beat_at is None or not self._beat_at <= now <= self._beat_at + GAP:
            self._since = now
        unsaved, self._unsaved = self._unsaved, set()
        calls = {call: self._calls[call] for call in unsaved}
        over, self._over = self._over, []
        spans = [(tenant, Span(ADAPTER, self._since, now)) for tenant in tenants]
        spans += [(of, Span(vendor, t.since, now)) for (of, vendor), t in self._trouble.items() if t.down(now)]
        try:
            await db.run(lambda c: self._store(c, calls, [*over, *spans]))
        except BaseException:
            self._unsaved |= unsaved
            self._over = [*over, *self._over]
            raise
        self._beat_at = now
        if len(self._calls) > KEPT and not self._unsaved:
            self._calls.clear()
            self._writer = counts.new_writer()

    def _store(self, c: Connection, calls: Mapping[tuple[str, Tally], int], spans: list[tuple[str, Span]]) -> None:
        for tenant in sorted({tenant for tenant, _ in calls}):
            counts.put(c, tenant, self._writer, [t._replace(number=n) for (of, t), n in calls.items() if of == tenant])
        counts.save_spans(c, self.owner, spans)
