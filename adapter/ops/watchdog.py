"""Watches whether the event loop ticks and the work goes on, and ends the process if the loop hangs.

Nothing is lost by that: leases run out, and acts with an unknown answer are looked up. The system's supervisor starts
the process again. There is no core dump, because it would hold personal data.
"""

import asyncio
import faulthandler
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from adapter.log_events import log

HUNG = 70
"""The exit code of a process that ended itself because its event loop hung (EX_SOFTWARE)."""

WORK_SECONDS = 300.0
"""How long the work may give no sign of life. It is longer than any call to a vendor (120 s)."""

TICK_SECONDS = 1.0
_LAST_WORDS_SECONDS = 2.0


class Watchdog:
    """``beat`` is called by the work, ``tick`` by the loop. All times are of the monotonic clock, in seconds."""

    def __init__(self, *, hang_seconds: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.hang_seconds = hang_seconds
        self._monotonic = monotonic
        self._ticked = self._worked = monotonic()

    def beat(self) -> None:
        """The work goes on."""
        self._worked = self._monotonic()

    def tick(self) -> None:
        """The event loop goes round."""
        self._ticked = self._monotonic()

    @property
    def loop_seconds(self) -> float:
        """Seconds since the loop last ticked."""
        return self._monotonic() - self._ticked

    @property
    def work_seconds(self) -> float:
        """Seconds since the work last gave a sign of life."""
        return self._monotonic() - self._worked

    @property
    def alive(self) -> bool:
        return self.loop_seconds < self.hang_seconds and self.work_seconds < WORK_SECONDS

    async def run(self, stop: asyncio.Event, *, notify: Callable[[str], None] | None = None) -> None:
        """Tick and notify systemd until ``stop`` is set. A thread ends the process if the ticks stop."""
        tell = notify or systemd_notifier()
        watch = threading.Thread(target=self._watch, args=(ended := threading.Event(),), name="watchdog", daemon=True)
        self.tick()
        watch.start()
        tell("READY=1")
        try:
            while not stop.is_set():
                self.tick()
                # If the loop ticks but the work hangs, systemd's own watchdog ends the process.
                if self.alive:
                    tell("WATCHDOG=1")
                try:
                    await asyncio.wait_for(stop.wait(), TICK_SECONDS)
                except TimeoutError:
                    continue
        finally:
            tell("STOPPING=1")
            ended.set()

    def _watch(self, ended: threading.Event) -> None:
        looked, forgiven = self._monotonic(), None
        while not ended.wait(min(TICK_SECONDS, self.hang_seconds / 4)):
            stood, before, looked = self.loop_seconds, looked, self._monotonic()
            if looked - before > self.hang_seconds / 2 and self._ticked != forgiven:
                # This thread slept too, so the whole process was stopped: loop and work get their full time again, but
                # only once until the loop ticks. A hang that holds Python's global lock stops this thread as well.
                self.beat()
                self.tick()
                forgiven = self._ticked
            elif stood > self.hang_seconds:
                _end(stood, sys.stderr)


def _end(seconds: float, stream: TextIO) -> None:
    # The loop may hang with the log's lock held. The timer ends the process in that case too.
    last = threading.Timer(_LAST_WORDS_SECONDS, os._exit, (HUNG,))
    last.daemon = True
    last.start()
    faulthandler.dump_traceback(stream, all_threads=True)
    log("loop_hung", seconds=round(seconds, 1))
    os._exit(HUNG)


def systemd_notifier() -> Callable[[str], None]:
    """A function that sends a line to systemd (sd_notify(3)), or does nothing if ``NOTIFY_SOCKET`` isn't set."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return lambda _: None
    target = "\0" + address[1:] if address.startswith("@") else address

    def send(line: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
                s.settimeout(1.0)
                s.sendto(line.encode(), target)
        except OSError:
            # The work must not suffer. Without a line systemd acts on its own.
            return

    return send
