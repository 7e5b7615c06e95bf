"""The supervisions that were due in the simulated Phoniro, and what came of them."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from typing import Any

from connectors.mock.phoniro.book import Book
from connectors.mock.phoniro.schemas import SetOutcome, instant

LOOKED = frozenset({"ok", "not_visible_then_ok", "visit_dispatched"})
Due = tuple[datetime, str]


class Supervisions:
    """Every look that was due and possible counts; its outcome is ``ok`` unless a test has set another."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._outcomes: dict[Due, SetOutcome] = {}
        self._found: tuple[tuple[datetime, datetime, int], list[Due]] | None = None

    def set_outcome(self, outcome: SetOutcome) -> None:
        """Set what came of the supervision of one schedule at one instant."""
        self._outcomes[(outcome.due_at, outcome.schedule_id)] = outcome

    def page(
        self, start: datetime, end: datetime, after: Due | None, limit: int, now: datetime
    ) -> tuple[list[dict[str, Any]], Due | None]:
        """One page of those due in [start, end) and not later than now; then where the next page goes on."""
        due = self._due(start, min(end, now + timedelta(microseconds=1)))
        place = bisect_right(due, after) if after is not None else 0
        page = due[place : place + limit]
        following = page[-1] if place + limit < len(due) else None
        return [self._as_json(at, schedule_id) for at, schedule_id in page], following

    def _due(self, start: datetime, end: datetime) -> list[Due]:
        key = (start, end, self._book.revision)
        if self._found is None or self._found[0] != key:
            looks = [(at, schedule.id) for schedule in self._book.all for at in schedule.looks(start, end)]
            self._found = (key, sorted(looks))
        return self._found[1]

    def _as_json(self, at: datetime, schedule_id: str) -> dict[str, Any]:
        set_to = self._outcomes.get((at, schedule_id))
        outcome = set_to.outcome if set_to else "ok"
        looked = outcome in LOOKED
        return {
            "id": f"{schedule_id}:{int(at.timestamp())}",
            "scheduleId": schedule_id,
            "dueAt": instant(at),
            "startedAt": instant(at) if looked else None,
            "endedAt": instant(at + timedelta(minutes=2)) if looked else None,
            "outcome": outcome,
            "operatorId": (set_to.operator_id if set_to else "operator-1") if looked else None,
        }
