"""Limits on how often something comes in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime


class Buckets:
    """A token bucket per name: ``per_minute`` in the long run, ``burst`` at once. The names least recently seen are
    forgotten beyond ``remembered``, so that nobody can fill the memory."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], datetime], *, remembered: int = 1000) -> None:
        self._rate, self._burst, self._now, self._remembered = per_minute / 60, float(burst), now, remembered
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def allow(self, per_minute: int) -> None:
        """Another limit from now on; what was taken counts."""
        self._rate, self._burst = per_minute / 60, float(per_minute)

    def take(self, name: str) -> bool:
        """Whether one more is within the limit."""
        now = self._now()
        left, at = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + max((now - at).total_seconds(), 0.0) * self._rate)
        taken = left >= 1
        self._left[name] = (left - 1 if taken else left, now)
        while len(self._left) > self._remembered:
            self._left.popitem(last=False)
        return taken

    def wait_seconds(self) -> int:
        """How long to wait for one token."""
        return max(1, round(1 / self._rate))


class Limits:
    """What outlives a reload: attempts to sign in, by address; hooks, by municipality, as many as the settings say;
    and hooks that were refused, by whomever."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.sign_ins = Buckets(10, 10, now)
        self.hooks = Buckets(1, 1, now)
        self.refused_hooks = Buckets(60, 60, now)
