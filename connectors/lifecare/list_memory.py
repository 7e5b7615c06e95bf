"""Limits the memory that lists may take. Most lists are short and are read at the same time. A longer one is dropped
and read again when its turn comes, because only one long list is read at a time. An endless list fails when it has used
its share (P6)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from connectors.errors import TooLong, Transient
from connectors.http.answer import Answer

LITTLE: Final = 2 * 1024 * 1024
"""Bytes of memory for a short list, as ``cost`` estimates them: about six hundred orders."""
LITTLE_AT_ONCE: Final = 32
"""How many short lists are read at the same time."""
LONGEST_LIST: Final = 128 * 1024 * 1024
"""Bytes of memory for the long list whose turn it is."""
LONGEST_PAGE: Final = 16 * 1024 * 1024
"""Bytes of a page of a long list."""
KEPT: Final = 1000
"""Bytes of memory for a row of a feed, of which only a part is kept. So a feed's list can have about 130,000 rows, more
than any municipality changes in one day."""
MOST_PAGES: Final = 5000
MOST_SECONDS: Final = 600.0
"""How long reading one list may take."""

T = TypeVar("T")


class Share:
    """The memory, pages and time that one list may take and has taken."""

    def __init__(self, longest: int, longest_page: int) -> None:
        self.longest_page = longest_page
        self._longest = longest
        self._held = self._pages = 0
        self._began = time.monotonic()

    def begin_anew(self) -> None:
        """The rows read so far were dropped."""
        self._held = 0

    def take(self, answer: Answer, held: int) -> None:
        """Count a page that takes ``held`` bytes of memory. Raises ``TooLong`` if the list is too long, ``Transient``
        if it takes too much time."""
        self._held += held
        self._pages += 1
        if self._held > self._longest or self._pages > MOST_PAGES:
            reason = f"the list does not end: {self._pages} pages were read and dropped"
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
        """Read a list: at once if it is short, otherwise when its turn comes. Raises ``TooLong`` if it is too long even
        then."""
        try:
            async with self._little:
                return await read(Share(LITTLE, LITTLE))
        except TooLong:
            pass  # what was read is dropped before the list waits for its turn
        async with self._turn:
            return await read(Share(LONGEST_LIST, LONGEST_PAGE))
