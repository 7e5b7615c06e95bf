"""Counts the calls to the vendors for the metrics and the status page: it is the connectors' ``OnCall``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram

from adapter.followup.tallies import TROUBLE
from adapter.log_events import log

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Seconds: a quick answer, a slow one, and the connectors' own limits."""


@dataclass(frozen=True, slots=True)
class VendorState:
    """A municipality's vendor since this process began: when it last answered well, and when and how it last failed
    (UTC)."""

    answered_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str | None = None

    @property
    def well(self) -> bool:
        """Whether the last call went well."""
        return self.failed_at is None or (self.answered_at is not None and self.answered_at > self.failed_at)


class VendorCalls:
    """Give ``of(tenant)`` to a municipality's connectors. ``now`` is the clock (aware UTC)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.registry = CollectorRegistry()
        self._now = now
        self._states: dict[tuple[str, str], VendorState] = {}
        self._calls = Counter(
            "adapter_vendor_calls",
            "Calls to a vendor, by call and outcome.",
            ("tenant", "vendor", "call", "outcome"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "adapter_vendor_call_seconds",
            "How long a call to a vendor took.",
            ("tenant", "vendor", "outcome"),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def of(self, tenant: str) -> Callable[[str, str, int | None, str, float], None]:
        """The function that counts the calls to a municipality's vendors."""
        return partial(self.record, tenant)

    def record(self, tenant: str, vendor: str, call: str, status: int | None, outcome: str, seconds: float) -> None:
        """Count one call, and log it at DEBUG. ``call`` never holds a URL."""
        seconds = round(seconds, 3)
        log("vendor_call", tenant=tenant, vendor=vendor, call=call, status=status, outcome=outcome, seconds=seconds)
        self._calls.labels(tenant, vendor, call, outcome).inc()
        self._seconds.labels(tenant, vendor, outcome).observe(seconds)
        state = self._states.get((tenant, vendor), VendorState())
        if outcome in TROUBLE:
            state = replace(state, failed_at=self._now(), failure=outcome)
        else:
            state = replace(state, answered_at=self._now())
        self._states[tenant, vendor] = state

    def states(self, tenant: str) -> dict[str, VendorState]:
        """The vendors that were called for a municipality. Pages ask in threads of their own, while calls go on."""
        return {vendor: state for (owner, vendor), state in list(self._states.items()) if owner == tenant}
