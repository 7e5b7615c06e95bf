"""Streams lists by cursor, with two pages in memory at a time. A broken row doesn't stop the others (P6)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from connectors.http.answer import Answer
from connectors.rows import BrokenRow, read_row

MOST_ROWS: Final = 200_000
MOST_PAGES: Final = 20_000
"""A list with more rows or pages than this is taken to be endless."""
LONGEST_CURSOR: Final = 2000

M = TypeVar("M", bound=BaseModel)
Fetch = Callable[[str | None], Awaitable[Answer]]
"""Gets the page at a cursor; None is the first."""


async def pages(fetch: Fetch, model: type[M]) -> AsyncGenerator[list[M | BrokenRow], None]:
    """The rows of each page. While they are used, the next page is fetched.

    Raises ``ContractBroken`` if a page has no list of rows, or if its ``nextCursor`` is missing or came before. So a
    list that was cut off never counts as whole, and a list in circles or without end is stopped.
    """
    seen: set[str] = set()
    rows = 0
    ahead: asyncio.Future[Answer] | None = None
    try:
        while True:
            answer = await (ahead or fetch(None))
            document = _document(answer)
            items = _items(answer, document)
            rows += len(items)
            if rows > MOST_ROWS:
                raise answer.broken(f"the list does not end: {rows} rows came")
            following = _following(answer, document, seen)
            if following is not None:
                ahead = asyncio.ensure_future(fetch(following))
                await asyncio.sleep(0)  # gives the loop a turn to send the request
            yield [read_row(model, row, id="id") for row in items]
            if following is None:
                return
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)


async def stream(fetch: Fetch, model: type[M]) -> AsyncIterator[M | BrokenRow]:
    """The rows of all pages, one by one. Raises the same errors as ``pages``."""
    async with aclosing(pages(fetch, model)) as all_pages:
        async for page in all_pages:
            for row in page:
                yield row


def single_page(answer: Answer, model: type[M]) -> list[M | BrokenRow]:
    """The rows of a list that has one page. Raises ``ContractBroken``."""
    return [read_row(model, row, id="id") for row in _items(answer, _document(answer))]


def _document(answer: Answer) -> dict[str, Any]:
    document = answer.json()
    return document if isinstance(document, dict) else {}


def _following(answer: Answer, document: dict[str, Any], seen: set[str]) -> str | None:
    """The next page's cursor; None on the last page."""
    following = document.get("nextCursor", "")
    if following is None:
        return None
    if not isinstance(following, str) or not following:
        raise answer.broken("the page's nextCursor is neither a text nor null")
    if len(following) > LONGEST_CURSOR:
        raise answer.broken(f"the page's nextCursor is longer than {LONGEST_CURSOR} characters")
    if following in seen or len(seen) >= MOST_PAGES:
        raise answer.broken("the list does not end: its nextCursor repeats, or there are too many pages")
    seen.add(following)
    return following


def _items(answer: Answer, document: dict[str, Any]) -> list[object]:
    items = document.get("items")
    if not isinstance(items, list):
        raise answer.broken("the answer has no list of items")
    return items
