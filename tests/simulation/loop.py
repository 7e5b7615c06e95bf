"""An event loop with virtual time: when nothing is ready, it jumps to the next timer. One thread, no waiting."""

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta

from adapter.engine import runtime


class Stuck(RuntimeError):
    """Nothing is ready and no timer is set: all tasks wait for each other."""


class _NoWaiting(selectors.SelectSelector):
    """A selector that never waits: it passes the virtual time instead."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing left to happen")
        if timeout > 0:
            self._advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual seconds since the loop was made."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(_NoWaiting(self._pass))
        # Timers within a microsecond are one moment. Adding floats mustn't stop the loop just before the next one.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.seconds

    def _pass(self, seconds: float) -> None:
        self.seconds += seconds


class LoopClock(runtime.Clock):
    """The adapter's clock over a virtual loop."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self.loop = loop
        self.start = start
        self._told = (0.0, start)

    def now(self) -> datetime:
        at, told = self._told
        if at != self.loop.seconds:
            told = self.start + timedelta(seconds=self.loop.seconds)
            self._told = (self.loop.seconds, told)
        return told


class SetClock(runtime.Clock):
    """The adapter's clock over another one, set ahead and back now and then."""

    def __init__(self, right: runtime.Clock) -> None:
        self.right = right
        self.ahead = timedelta(0)
        self._before: list[tuple[datetime, timedelta]] = []
        """How far it was ahead until when (UTC, by the right clock)."""

    def now(self) -> datetime:
        return self.right.now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await self.right.sleep(seconds)

    def step(self, step: timedelta) -> None:
        self._before.append((self.right.now(), self.ahead))
        self.ahead += step

    def ahead_at(self, at: datetime) -> timedelta:
        """How far it was ahead at an instant (UTC, by the right clock)."""
        return next((ahead for until, ahead in self._before if at < until), self.ahead)
