"""A limit on how often something comes in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

SIGN_INS_PER_MINUTE = 10
"""Attempts to sign in, from each address."""


class Buckets:
    """A token bucket per name: ``per_minute`` in the long run, ``burst`` at once. The names least recently seen are
    forgotten beyond ``remembered``, so that nobody can fill the memory."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], datetime], *, remembered: int = 1000) -> None:
        self._rate, self._burst, self._now, self._remembered = per_minute / 60, float(burst), now, remembered
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

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
