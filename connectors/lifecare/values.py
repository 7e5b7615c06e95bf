"""Reads Lifecare's two kinds of time, which are never mixed (L14), its open ends (L15) and its person numbers (L13)."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

# L15, with any clock time after it.
_OPEN = ("0001-01-01", "9999-12-31")
# Leaves room to add or subtract a day, a zone or a month.
_FIRST_YEAR, _LAST_YEAR = 2, 9998
_CALENDAR = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_PERSON = re.compile(r"[0-9]{8}[0-9A-Z]{4}")

T = TypeVar("T")


def calendar_date(value: Any) -> date | None:
    """A date field: only the first ten characters count, whatever clock time and offset follow (L14). None for an open
    end (L15). An invalid date is an error, never None."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    found = _CALENDAR.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("calendar_date", "is not a calendar date")
    if found[1] in _OPEN:
        return None
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise PydanticCustomError("calendar_date", "is not a calendar date")
    return day


def instant(value: Any) -> datetime | None:
    """A field named ``...Time`` or ``...Utc``: an aware UTC instant. Without an offset it counts as UTC (L14)."""
    if value is None:
        return None
    if isinstance(value, str):
        if value.startswith(_OPEN):
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise PydanticCustomError("instant", "is not a point in time")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def person_number(value: str) -> str:
    """Twelve characters without a hyphen, as Lifecare wants it (L13). Otherwise raises ``ValueError``, which doesn't
    show the value."""
    number = value.strip().replace("-", "").upper()
    if not _PERSON.fullmatch(number):
        raise ValueError("a personal identity number has twelve characters: YYYYMMDDXXXX")
    return number


def _person_id(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return person_number(value)
    except ValueError:
        raise PydanticCustomError("person_id", "is not a personal identity number") from None


def whole_seconds(moment: datetime) -> str:
    """``yyyy-MM-ddTHH:mm:ss`` in UTC (L16), rounded down. Raises ``ValueError`` for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone can't be sent")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


CalendarDate = Annotated[date | None, BeforeValidator(calendar_date)]
Instant = Annotated[datetime | None, BeforeValidator(instant)]
PersonId = Annotated[str | None, BeforeValidator(_person_id)]
SentInstant = Annotated[datetime, PlainSerializer(lambda moment: whole_seconds(moment) + "Z", return_type=str)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]
"""The vendor leaves out a field that is false."""
Many = Annotated[tuple[T, ...], BeforeValidator(lambda value: () if value is None else value)]
