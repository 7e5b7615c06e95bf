"""One list of Lifecare in memory: rows, indexes and the order in which they were changed."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from connectors.mock.lifecare.query import Condition, search_value
from connectors.mock.lifecare.resources import Resource

Key = int | str
_SEQ = attrgetter("seq")
_MEMO = 4096
_MEMO_OF_FEEDS = 64
"""How many answers are kept while nothing changes. A change feed is seldom asked the same again, and can be long."""


class Row:
    """One row. ``data`` holds dates as ``date`` and instants as aware UTC ``datetime``; ``deleted`` rows are seen in
    change feeds only (L7), ``hidden`` ones nowhere (LA9)."""

    __slots__ = ("data", "deleted", "hidden", "key", "modified", "rendered", "revision", "seq")

    def __init__(self, key: Key, seq: int, data: dict[str, Any], modified: datetime) -> None:
        self.key = key
        self.seq = seq
        self.data = data
        self.modified = modified
        self.deleted = False
        self.hidden = False
        self.revision = 0
        self.rendered: bytes | None = None


class Table:
    """All rows of one resource, read in the order in which they came in, which is that of their ids."""

    def __init__(self, resource: Resource, server_zone: ZoneInfo) -> None:
        self.resource = resource
        self.rows: dict[Key, Row] = {}
        self._zone = server_zone
        self._seq = 0
        self._index: dict[str, dict[Any, dict[int, Row]]] = {field: {} for field in resource.indexed}
        self._log: list[tuple[datetime, int, int]] = []
        self._by_seq: dict[int, Row] = {}
        self._memo: dict[Any, list[Row]] = {}

    def add(self, data: dict[str, Any], now: datetime) -> Row:
        """A new row, modified ``now``."""
        self._seq += 1
        key = data[self.resource.key] if self.resource.key else self._seq
        row = Row(key, self._seq, data, now)
        self.rows[key] = row
        self._by_seq[row.seq] = row
        self._touched(row, now)
        return row

    def get(self, key: Key) -> Row | None:
        """The row that is there to be read; None when it is not, or no more."""
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
        row = self.rows.pop(key)
        self._unindex(row)
        del self._by_seq[row.seq]
        self._memo.clear()

    def where(self, field: str, value: Any) -> list[Row]:
        """The rows with a value in an indexed field, seen by the key or not."""
        return sorted(self._bucket(field, value).values(), key=_SEQ)

    def select(self, conditions: tuple[Condition, ...], gt: datetime | None, lt: datetime | None) -> list[Row]:
        """The rows that match. With ``gt`` or ``lt`` also the deleted ones (L7)."""
        asked = (conditions, gt, lt)
        known = self._memo.get(asked)
        if known is None:
            rows, left = self._candidates(conditions, gt, lt)
            known = [row for row in rows if self._matches(row, left)]
            if len(self._memo) >= (_MEMO if conditions else _MEMO_OF_FEEDS):
                self._memo.clear()
            self._memo[asked] = known
        return known

    def _candidates(
        self, conditions: tuple[Condition, ...], gt: datetime | None, lt: datetime | None
    ) -> tuple[Iterable[Row], tuple[Condition, ...]]:
        """Rows among which the answer is, and the conditions that they still have to be held against."""
        feed = gt is not None or lt is not None
        indexed = [c for c in conditions if c.field in self._index or c.field == self.resource.key]
        best = min(indexed, key=lambda c: len(self._bucket(c.field, c.value)), default=None)
        if feed and best is None:
            return self._changed(gt, lt), conditions
        rows = self.rows if best is None else self._bucket(best.field, best.value)
        seen = [
            row
            for row in rows.values()
            if not row.hidden
            and (feed or not row.deleted)
            and (gt is None or row.modified > gt)
            and (lt is None or row.modified < lt)
        ]
        return sorted(seen, key=_SEQ), tuple(c for c in conditions if c is not best)

    def _bucket(self, field: str, value: Any) -> Mapping[Any, Row]:
        if field == self.resource.key:
            return {value: self.rows[value]} if value in self.rows else {}
        return self._index[field].get(value, {})

    def _changed(self, gt: datetime | None, lt: datetime | None) -> list[Row]:
        start = bisect_right(self._log, gt, key=lambda entry: entry[0]) if gt else 0
        found = []
        for modified, seq, revision in self._log[start:]:
            if lt is not None and modified >= lt:
                break
            row = self._by_seq.get(seq)
            if row is not None and row.revision == revision and not row.hidden:
                found.append(row)
        return sorted(found, key=_SEQ)

    def _matches(self, row: Row, conditions: tuple[Condition, ...]) -> bool:
        return all(search_value(row.data, c.field, c.kind, self._zone) == c.value for c in conditions)

    def _touched(self, row: Row, now: datetime) -> None:
        row.modified = now
        row.revision += 1
        row.rendered = None
        for field, index in self._index.items():
            index.setdefault(self._indexed(row, field), {})[row.seq] = row
        if self.resource.feed:
            self._remember(now, row)
        self._memo.clear()

    def _remember(self, now: datetime, row: Row) -> None:
        entry = (now, row.seq, row.revision)
        if self._log and self._log[-1][0] > now:
            insort(self._log, entry)
        else:
            self._log.append(entry)
        if len(self._log) > 1000 + 4 * len(self.rows):
            self._log = sorted((row.modified, row.seq, row.revision) for row in self.rows.values())

    def _unindex(self, row: Row) -> None:
        for field, index in self._index.items():
            value = self._indexed(row, field)
            bucket = index[value]
            del bucket[row.seq]
            if not bucket:
                del index[value]

    def _indexed(self, row: Row, field: str) -> Any:
        value = row.data.get(field)
        return value.astimezone(self._zone).date() if isinstance(value, datetime) else value


def utc(instant: datetime) -> datetime:
    """The instant in UTC, cut to whole milliseconds, as the vendor's database keeps it."""
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
