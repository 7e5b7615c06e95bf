"""Column types that mean the same in SQLite and PostgreSQL.

An instant is text of fixed width in UTC, ``2026-03-01T21:30:00.000000Z``. It sorts and compares as time does under any
collation, keeps its microseconds and its zone (SQLite has no type for it), and is easy to read in a database shell.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator


@lru_cache(maxsize=256)  # the same instant is written to many rows
def instant_text(value: datetime) -> str:
    """The stored form of an instant; raises ``ValueError`` for one without a zone."""
    if value.tzinfo is None:
        raise ValueError("an instant without a time zone can't be stored")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Instant(TypeDecorator[datetime]):
    """An aware ``datetime``; comes back in UTC."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> str | None:
        return None if value is None else instant_text(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Word(TypeDecorator[str]):
    """A code. A ``StrEnum`` member is stored as its plain text, which every driver takes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else str(value)


class Json(TypeDecorator[Any]):
    """Plain JSON as text, keys sorted, so that equal values are equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class EventData(Json):
    """The data of an event. If somebody changed it into something that is no JSON, the audit must be able to say so."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        try:
            return super().process_result_value(value, dialect)
        except ValueError:
            return {"unreadable": "it is no JSON"}
