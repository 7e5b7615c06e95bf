"""Keeps the night load of each municipality for a while: it changes slowly, and every schedule must be read for it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.domain.night_load import Load, night_load
from adapter.domain.night_watch import night_end, night_of
from adapter.domain.policy import Policy
from adapter.store import schedules

KEPT = timedelta(minutes=10)


class NightLoadCache:
    """One for a process."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[datetime, Load]] = {}

    def of(self, c: Connection, tenant: str, policy: Policy, now: datetime) -> Load:
        """The load of this night, or by day of the next one; at most ``KEPT`` old. Raises ``StoreError``."""
        read_at, load = self._known.get(tenant, (now - KEPT, {}))
        if now - read_at >= KEPT or read_at > now:
            evening = night_of(now, policy.window, policy.zone)
            if now >= night_end(evening, policy.window, policy.zone):
                evening += timedelta(days=1)
            load = night_load(schedules.with_units(c, tenant), policy.window, evening)
            self._known[tenant] = (now, load)
        return load
