"""A breaker for each vendor of each municipality: a dead vendor isn't hammered, and work for the others goes on (P6).

Several failures in a row open it. From then on one call at a time is let through as a probe, after waits that grow to
a cap; the first success closes it, and all that waited for the vendor is then let go, evenly. What is counted is
whether the vendor answers as it should, not whether it likes what it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.engine.retry_policy import RULES
from adapter.log_events import log
from adapter.ports import Failure, PortError

IN_A_ROW = 5
"""Failures in a row that open a breaker."""

_OUR_OWN = (Failure.UNMAPPED, Failure.NOT_SENT)
"""Failures without a call, which say nothing of the vendor."""

LIFECARE, PHONIRO, MAIL = "lifecare", "phoniro", "mail"
VENDOR_OF_LANE: Mapping[str, str] = {
    "platform": PHONIRO,
    "message": LIFECARE,
    "mail": MAIL,
    "visit": LIFECARE,
}


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
        """Whether a vendor that is down may be tried again now; also when the clock was set back since it was last
        decided when."""
        return self.probe_at is not None and not now < self.probe_at <= now + self.cap

    def allows(self, now: datetime) -> bool:
        """Whether a call may be made. While the vendor is down, one caller at a time is told yes; its call is the
        probe, so it must make it."""
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

    @contextmanager
    def guard(self, now: Callable[[], datetime]) -> Iterator[None]:
        """Around a call: while the vendor is down it fails at once with ``PortError``, and how it ended counts."""
        if not self.allows(now()):
            raise self._unasked()
        try:
            yield
        except PortError as e:
            self.failure(now(), e)
            raise
        self.success(now())

    def _unasked(self) -> PortError:
        since = f"{self.down_since:%Y-%m-%dT%H:%MZ}" if self.down_since else "a moment ago"
        reason = f"{self.vendor} was not asked: it hasn't answered as it should since {since}; it is tried again soon"
        return PortError(Failure.TRANSIENT, reason, vendor=self.vendor)

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
