"""A circuit breaker for each vendor of each municipality: a vendor that is down isn't called all the time, and work for
the others goes on (P6).

Several failures in a row open it. Then one call at a time goes through as a probe, after waits that grow up to a cap.
The first success closes it, and all that waited for the vendor is released, spread evenly. Only a fault of the vendor
counts, not a refusal.
"""

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
"""Failures without a call. They say nothing about the vendor."""

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
    """True after it closed, until the acts and cases that waited for the vendor have been released."""
    _probing: bool = False
    _probes: int = 0

    @property
    def closed(self) -> bool:
        return self.down_since is None

    @property
    def stops_first(self) -> bool:
        """Whether the next probe shall be a pause or an end, if one waits. Only every second one is, so that one that
        can't succeed doesn't keep the breaker open for all others."""
        return self._probes % 2 == 0

    def probe_due(self, now: datetime) -> bool:
        """Whether a vendor that is down may be tried again now. It may also if the clock was set back meanwhile."""
        return self.probe_at is not None and not now < self.probe_at <= now + self.cap

    def allows(self, now: datetime) -> bool:
        """Whether a call may be made. While the vendor is down, one caller at a time may, and must make the call: it is
        the probe."""
        if self.closed:
            return True
        if not self.probe_due(now):
            return False
        self._probing = True
        # If the probe never reports (its process died, its answer hangs), another one follows.
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
        """A call failed. Only a fault of the vendor counts. A refusal shows that the vendor works."""
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
        """Around a call. While the vendor is down, it raises ``PortError`` at once. The call's end is counted."""
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
        reason = f"{self.vendor} was not called: it hasn't answered as it should since {since}. It is tried again soon"
        return PortError(Failure.TRANSIENT, reason, vendor=self.vendor)

    def _wait(self) -> timedelta:
        doubled: timedelta = self.first * 2 ** min(self._probes, 16)
        return min(doubled, self.cap)


@dataclass(slots=True)
class Breakers:
    """All breakers, made at first use. ``cap`` is short, so that an end doesn't wait long when a vendor is back."""

    first: timedelta = timedelta(seconds=15)
    cap: timedelta = timedelta(seconds=60)
    _all: dict[tuple[str, str], Breaker] = field(default_factory=dict)

    def of(self, tenant: str, vendor: str) -> Breaker:
        found = self._all.get((tenant, vendor))
        if found is None:
            found = self._all[(tenant, vendor)] = Breaker(vendor, self.first, self.cap)
        return found

    def down(self) -> dict[tuple[str, str], datetime]:
        """The vendors that are down, by municipality and vendor, with the instant since when (UTC)."""
        return {key: b.down_since for key, b in self._all.items() if b.down_since is not None}
