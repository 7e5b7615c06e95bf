"""Lists by cursor, streamed: one page in memory at a time, and a broken row loses no other (P6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from connectors.http import Answer, faults_of
from connectors.phoniro.wire import BrokenRow

MOST_PAGES: Final = 100_000
"""A list that goes on beyond this has no end."""

M = TypeVar("M", bound=BaseModel)


async def stream(fetch: Callable[[str | None], Awaitable[Answer]], model: type[M]) -> AsyncIterator[M | BrokenRow]:
    """The rows of all pages, one by one; ``fetch`` gets the page at a cursor (None is the first).

    Raises ``ContractBroken`` when a page has no list of rows, or its ``nextCursor`` is missing or was given before: a
    list cut short must not be taken for a whole one, and a list in circles must not go on for ever.
    """
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        answer = await fetch(cursor)
        document = _document(answer)
        for row in _items(answer, document):
            yield _parsed(row, model)
        following = document.get("nextCursor", "")
        if following is None:
            return
        if not isinstance(following, str) or not following:
            raise answer.broken("the page has no nextCursor, neither a text nor null")
        if following in seen or len(seen) >= MOST_PAGES:
            raise answer.broken("the list does not end: its nextCursor repeats")
        seen.add(following)
        cursor = following


def single_page(answer: Answer, model: type[M]) -> list[M | BrokenRow]:
    """The rows of a list that has one page. Raises ``ContractBroken``."""
    return [_parsed(row, model) for row in _items(answer, _document(answer))]


def _document(answer: Answer) -> dict[str, Any]:
    document = answer.json()
    return document if isinstance(document, dict) else {}


def _items(answer: Answer, document: dict[str, Any]) -> list[object]:
    items = document.get("items")
    if not isinstance(items, list):
        raise answer.broken("the answer has no list of items")
    return items


def _parsed(row: object, model: type[M]) -> M | BrokenRow:
    try:
        return model.model_validate(row)
    except ValidationError as failure:
        fields: dict[str, Any] = row if isinstance(row, dict) else {}
        return BrokenRow(
            id=_text(fields.get("id")),
            external_reference=_text(fields.get("externalReference")),
            problem=faults_of(failure),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
