"""Limits on how often requests may come."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime


class Buckets:
    """A token bucket per name: ``per_minute`` in the long run, ``burst`` at once. At most ``remembered`` names are
    kept, the most recent ones, so that nobody can fill the memory."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], datetime], *, remembered: int = 1000) -> None:
        self._rate, self._burst, self._now, self._remembered = per_minute / 60, float(burst), now, remembered
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def allow(self, per_minute: int) -> None:
        """Change the limit. Tokens that were taken still count."""
        self._rate, self._burst = per_minute / 60, float(per_minute)

    def take(self, name: str) -> bool:
        """Take one token. False if none is left."""
        now = self._now()
        left, at = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + max((now - at).total_seconds(), 0.0) * self._rate)
        taken = left >= 1
        self._left[name] = (left - 1 if taken else left, now)
        while len(self._left) > self._remembered:
            self._left.popitem(last=False)
        return taken

    def wait_seconds(self) -> int:
        """How long one new token takes."""
        return max(1, round(1 / self._rate))


class Limits:
    """Limits that survive a reload: sign-in attempts by address, hooks by municipality (as many as the settings say),
    and refused hooks, of all callers together."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.sign_ins = Buckets(10, 10, now)
        self.hooks = Buckets(1, 1, now)
        self.refused_hooks = Buckets(60, 60, now)
