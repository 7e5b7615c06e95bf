"""One list of Lifecare in memory: its rows, and the indexes by which they are found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from connectors.mock.lifecare.query import Condition, search_value
from connectors.mock.lifecare.resources import Resource

Key = int | str


@dataclass(slots=True, eq=False)
class Row:
    """One row. ``data`` holds dates as ``date`` and instants as aware UTC ``datetime``; ``deleted`` rows are seen in
    change feeds only (L7), ``hidden`` ones nowhere (LA9). ``rendered`` is its JSON until it changes."""

    key: Key
    seq: int
    data: dict[str, Any]
    modified: datetime
    deleted: bool = False
    hidden: bool = False
    revision: int = 0
    rendered: bytes | None = None


class Table:
    """All rows of one resource, read in the order in which they came in, which is that of their ids."""

    def __init__(self, resource: Resource, server_zone: ZoneInfo) -> None:
        self.resource = resource
        self.rows: dict[Key, Row] = {}
        self._zone = server_zone
        self._seq = 0
        self._index: dict[str, dict[Any, dict[int, Row]]] = {field: {} for field in resource.indexed}

    def add(self, fields: Mapping[str, Any], now: datetime) -> Row:
        """A new row, modified ``now``."""
        self._seq += 1
        data = self.resource.row(fields)
        row = Row(data[self.resource.key] if self.resource.key else self._seq, self._seq, data, now)
        self.rows[row.key] = row
        self._touched(row, now)
        return row

    def get(self, key: Key) -> Row | None:
        """The row if it can be read, else None."""
        row = self.rows.get(key)
        return None if row is None or row.deleted or row.hidden else row

    def change(self, key: Key, fields: Mapping[str, Any], now: datetime) -> Row:
        """Set fields of a row. Raises KeyError for a row that is not there."""
        row = self.rows[key]
        self._unindex(row)
        row.data.update(fields)
        self._touched(row, now)
        return row

    def delete(self, key: Key, now: datetime) -> None:
        """Mark as deleted: from now on only change feeds show it, with ``Deleted: true`` (L7). Raises KeyError."""
        self.rows[key].deleted = True
        self.change(key, {"Deleted": True}, now)

    def hide(self, key: Key, hidden: bool, now: datetime) -> None:
        """Make a row invisible to the key, or visible again (LA9). Raises KeyError."""
        self.rows[key].hidden = hidden
        self.change(key, {}, now)

    def vanish(self, key: Key) -> None:
        """Remove without a trace: no change feed tells. Raises KeyError."""
        self._unindex(self.rows.pop(key))

    def where(self, field: str, value: Any) -> list[Row]:
        """The rows with this value in an indexed field, hidden and deleted ones too."""
        return sorted(self._index[field].get(value, {}).values(), key=attrgetter("seq"))

    def select(self, conditions: tuple[Condition, ...], gt: datetime | None, lt: datetime | None) -> list[Row]:
        """The rows that match. With ``gt`` or ``lt`` also the deleted ones (L7)."""
        feed = gt is not None or lt is not None
        found = [
            row
            for row in self._candidates(conditions)
            if not row.hidden
            and (feed or not row.deleted)
            and (gt is None or row.modified > gt)
            and (lt is None or row.modified < lt)
            and all(search_value(row.data, c.field, c.kind, self._zone) == c.value for c in conditions)
        ]
        return sorted(found, key=attrgetter("seq"))

    def _candidates(self, conditions: tuple[Condition, ...]) -> Iterable[Row]:
        """Few rows that surely hold the answer: by the key, or by the index that leaves the fewest."""
        for condition in conditions:
            if condition.field == self.resource.key:
                return [self.rows[condition.value]] if condition.value in self.rows else []
        indexed = [self._index[c.field].get(c.value, {}) for c in conditions if c.field in self._index]
        return min(indexed, key=len, default=self.rows).values()

    def _touched(self, row: Row, now: datetime) -> None:
        row.modified = now
        row.revision += 1
        row.rendered = None
        for field, index in self._index.items():
            index.setdefault(self._indexed(row, field), {})[row.seq] = row

    def _unindex(self, row: Row) -> None:
        for field, index in self._index.items():
            del index[self._indexed(row, field)][row.seq]

    def _indexed(self, row: Row, field: str) -> Any:
        value = row.data.get(field)
        return value.astimezone(self._zone).date() if isinstance(value, datetime) else value


def utc(instant: datetime) -> datetime:
    """The instant in UTC, cut to whole milliseconds, as the vendor's database keeps it."""
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
