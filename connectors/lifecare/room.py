"""How much memory lists may take. Each may hold a little; more than that only in its turn, which one list has at a
time; and none may go on for ever. An endless list then takes no more than its share, and fails (P6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from connectors.errors import TooLong, Transient
from connectors.http import Answer
from connectors.plain import cost

LITTLE: Final = 2 * 1024 * 1024
"""Bytes of memory, as ``cost`` reckons them: some six hundred orders."""
LONGEST_LIST: Final = 128 * 1024 * 1024
"""The same in its turn: some thirty-eight thousand orders, more than any municipality changes on one day."""
LONGEST_PAGE: Final = 16 * 1024 * 1024
"""Bytes of a page, in its list's turn."""
MOST_PAGES: Final = 5000
MOST_SECONDS: Final = 600.0
"""How long a list may be read, and have its turn."""

Ask = Callable[[int], Awaitable[Answer]]
"""``ask(longest)``: the same page, of at most so many bytes."""


class Room:
    """One client's lists."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def for_a_list(self) -> AsyncIterator[ListRoom]:
        room = ListRoom(self._turn)
        try:
            yield room
        finally:
            room.end()


class ListRoom:
    """What one list has read."""

    def __init__(self, turn: asyncio.Lock) -> None:
        self._turn, self._has_turn = turn, False
        self._held = self._pages = 0
        self._began = time.monotonic()

    def end(self) -> None:
        if self._has_turn:
            self._turn.release()

    def begin_anew(self) -> None:
        """The rows read so far were dropped."""
        self._held = 0

    async def page(self, ask: Ask) -> Answer:
        """The next page. Raises ``TooLong`` for a list that is longer than is read, ``Transient`` for one that takes
        too long."""
        try:
            answer = await ask(LONGEST_PAGE if self._has_turn else LITTLE)
        except TooLong:
            if self._has_turn:
                raise
            answer = None
        if answer is None:
            await self._take_turn()
            answer = await ask(LONGEST_PAGE)
        self._held += cost(answer.body)
        self._pages += 1
        if self._held > LONGEST_LIST or self._pages > MOST_PAGES:
            reason = f"the list does not end: {self._pages} pages were read, and dropped"
            raise TooLong(reason, vendor=answer.vendor, call=answer.call)
        if time.monotonic() - self._began > MOST_SECONDS:
            reason = f"the list was not read whole within {MOST_SECONDS:.0f} s"
            raise Transient(reason, vendor=answer.vendor, call=answer.call)
        if self._held > LITTLE:
            await self._take_turn()
        return answer

    async def _take_turn(self) -> None:
        if not self._has_turn:
            await self._turn.acquire()
            self._has_turn = True
            self._began = time.monotonic()  # What it waited for others doesn't count.
