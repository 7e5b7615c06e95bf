"""Reads a whole list by ``limit`` and ``offset`` while others work in Lifecare (L8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any

Fetch = Callable[[int, int], Awaitable[list[Any]]]
"""``fetch(limit, offset)``: one page of raw rows."""

READINGS_ANEW = 5

LEAST_CAP = 10
"""The smallest number of rows that a server is thought to cap its pages at, whatever is asked for."""


class Pager:
    """Pages through one resource's lists.

    There is no total and no next link, and a row that is inserted or removed before the offset shifts all that follow.
    So each page begins on the last row of the page before (the anchor); where that row is not what comes first, rows
    have shifted and the whole list is read anew.

    The last page is the first short one. Shorter than ``limit`` alone proves nothing, as the server may cap its pages
    at less than was asked for: the page must also be shorter than another one was, or than any server's cap
    (``least_cap``). So a person's few rows cost one call.
    """

    def __init__(self, key_of: Callable[[Any], Hashable], page_size: int, *, least_cap: int = LEAST_CAP) -> None:
        if page_size < 2:
            raise ValueError("page_size must be at least 2, as pages overlap by a row")
        self._key_of, self._page_size, self._least_cap = key_of, page_size, least_cap
        self._longest = 0

    async def read(self, fetch: Fetch) -> list[Any] | None:
        """All rows, each once, in the form read last; None if the list kept shifting."""
        for _ in range(1 + READINGS_ANEW):
            rows = await self._read_once(fetch)
            if rows is not None:
                return rows
        return None

    async def _read_once(self, fetch: Fetch) -> list[Any] | None:
        rows: dict[Hashable, Any] = {}
        offset = 0
        anchor: Hashable = None
        while True:
            page = await fetch(self._page_size, offset)
            keys = [self._key_of(row) for row in page]
            if anchor is not None and keys[:1] != [anchor]:
                return None
            rows.update(zip(keys, page, strict=True))
            self._longest = max(self._longest, len(page))
            nothing_new = not page or (anchor is not None and len(page) == 1)
            if nothing_new or len(page) < min(max(self._longest, self._least_cap), self._page_size):
                return list(rows.values())
            anchor = keys[-1]
            offset += len(page) - 1
