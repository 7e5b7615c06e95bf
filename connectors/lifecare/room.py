"""How much memory lists may take. Most lists are short, and are read side by side. A longer one is dropped, and read
anew when its turn comes; only one list at a time has its turn. An endless list takes no more than its share, and fails
(P6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from connectors.errors import TooLong, Transient
from connectors.http.answer import Answer

LITTLE: Final = 2 * 1024 * 1024
"""Bytes of memory of a list without a turn, as ``cost`` reckons them: some six hundred orders."""
LITTLE_AT_ONCE: Final = 32
"""How many lists are read without a turn at the same time."""
LONGEST_LIST: Final = 128 * 1024 * 1024
"""Bytes of memory of the list whose turn it is."""
LONGEST_PAGE: Final = 16 * 1024 * 1024
"""Bytes of a page, in its list's turn."""
KEPT: Final = 1000
"""Bytes that a row costs in a list of which only what a feed needs is kept, with what the feed makes of it: in its turn
such a list holds some 130,000 rows, more than any municipality changes on one day."""
MOST_PAGES: Final = 5000
MOST_SECONDS: Final = 600.0
"""How long a list may be read."""

T = TypeVar("T")


class Share:
    """What one list may take, and has taken."""

    def __init__(self, longest: int, longest_page: int) -> None:
        self.longest_page = longest_page
        self._longest = longest
        self._held = self._pages = 0
        self._began = time.monotonic()

    def begin_anew(self) -> None:
        """The rows read so far were dropped."""
        self._held = 0

    def take(self, answer: Answer, held: int) -> None:
        """A page came, of which ``held`` bytes of memory are kept. Raises ``TooLong`` for a list that is longer than is
        read, ``Transient`` for one that takes too long."""
        self._held += held
        self._pages += 1
        if self._held > self._longest or self._pages > MOST_PAGES:
            reason = f"the list does not end: {self._pages} pages were read, and dropped"
            raise TooLong(reason, vendor=answer.vendor, call=answer.call)
        if time.monotonic() - self._began > MOST_SECONDS:
            reason = f"the list was not read whole within {MOST_SECONDS:.0f} s"
            raise Transient(reason, vendor=answer.vendor, call=answer.call)


class Room:
    """The memory of one client's lists."""

    def __init__(self) -> None:
        self._little = asyncio.Semaphore(LITTLE_AT_ONCE)
        self._turn = asyncio.Lock()

    async def read(self, read: Callable[[Share], Awaitable[T]]) -> T:
        """Read a list, without a turn if it is short. Raises ``TooLong`` for one that is too long even in its turn."""
        try:
            async with self._little:
                return await read(Share(LITTLE, LITTLE))
        except TooLong:
            pass  # and all that was read of it is dropped before it waits for its turn
        async with self._turn:
            return await read(Share(LONGEST_LIST, LONGEST_PAGE))
