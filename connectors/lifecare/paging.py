"""Reads a whole list by ``limit`` and ``offset`` while others work in Lifecare (L8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")
Fetch = Callable[[int, int], Awaitable[Sequence[tuple[Hashable, T]]]]
"""``fetch(limit, offset)``: one page, each row behind what names it."""

READINGS_ANEW = 5


class Cap:
    """How long the server lets its pages get, whatever is asked for: at least the longest page of any list so far.

    ``learn`` asks for one page of a list that is long and nobody's; it is awaited once, the first time that a page may
    have been capped. What it raises reaches whoever reads the list.
    """

    def __init__(self, learn: Callable[[], Awaitable[int]] | None = None) -> None:
        self._learn = learn
        self._once = asyncio.Lock()
        self.longest = 0

    def saw(self, rows: int) -> None:
        self.longest = max(self.longest, rows)

    async def whole(self, rows: int, limit: int) -> bool:
        """Whether a page of so many rows, where ``limit`` were asked for, is a short one."""
        if rows < min(self.longest, limit):
            return True
        if self._learn is not None and rows < limit:
            async with self._once:
                if self._learn is not None:
                    self.saw(await self._learn())
                    self._learn = None
        return rows < min(self.longest, limit)


async def read_whole(fetch: Fetch[T], page_size: int, cap: Cap) -> list[T] | None:
    """All rows, each once, in the form read last; None if the list kept shifting.

    There is no total and no next link, and a row that is inserted or removed before the offset shifts all that follow.
    So each page begins on the last row of the page before (the anchor), for which ``page_size`` must be at least 2;
    where that row is not what comes first, rows have shifted and the whole list is read anew.

    The last page is the first short one. Shorter than ``page_size`` alone proves nothing, as the server may cap its
    pages at less than was asked for: the page must also be shorter than another one was (``cap``, shared by all lists).
    """
    for _ in range(1 + READINGS_ANEW):
        rows = await _read_once(fetch, page_size, cap)
        if rows is not None:
            return rows
    return None


async def _read_once(fetch: Fetch[T], page_size: int, cap: Cap) -> list[T] | None:
    rows: dict[Hashable, T] = {}
    offset = 0
    anchor: Hashable = None
    while True:
        page = await fetch(page_size, offset)
        if anchor is not None and (not page or page[0][0] != anchor):
            return None
        rows.update(page)
        cap.saw(len(page))
        nothing_new = not page or (anchor is not None and len(page) == 1)
        if nothing_new or await cap.whole(len(page), page_size):
            return list(rows.values())
        anchor = page[-1][0]
        offset += len(page) - 1
