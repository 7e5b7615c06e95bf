"""Reads a whole list by ``limit`` and ``offset`` while other people change it in Lifecare (L8)."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")
Fetch = Callable[[int, int], Awaitable[Sequence[tuple[Hashable, T]]]]
"""``fetch(limit, offset)``: one page, as pairs of a row's key and the row."""

MOST_REREADS = 5


class Cap:
    """The server's own limit on the rows of a page, whatever ``limit`` asks for. It is at least ``longest``, the
    longest page of any list so far.

    ``learn`` reads one page of a long list and returns its rows. It is awaited once, the first time that a page may
    have been capped. The caller who reads the list gets its errors.
    """

    def __init__(self, learn: Callable[[], Awaitable[int]] | None = None) -> None:
        self._learn = learn
        self._once = asyncio.Lock()
        self.longest = 0

    def saw(self, rows: int) -> None:
        self.longest = max(self.longest, rows)

    async def whole(self, rows: int, limit: int) -> bool:
        """Whether a page with so many ``rows`` is shorter than the server's pages can be."""
        if rows < min(self.longest, limit):
            return True
        if self._learn is not None and rows < limit:
            async with self._once:
                if self._learn is not None:
                    self.saw(await self._learn())
                    self._learn = None
        return rows < min(self.longest, limit)


async def read_whole(fetch: Fetch[T], page_size: int, cap: Cap) -> list[T] | None:
    """All rows, each once, as last read; None if the list kept shifting.

    The API has no total and no next link, and a row that is inserted or removed before the offset shifts all rows after
    it. So each page begins with the last row of the page before (the anchor); ``page_size`` must be at least 2. If a
    page begins with another row, rows have shifted, and the whole list is read again.

    The first short page is the last one. Being shorter than ``page_size`` isn't enough, because the server may cap its
    pages at fewer rows. The page must also be shorter than another one was (``cap``, shared by all lists).
    """
    for _ in range(1 + MOST_REREADS):
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
