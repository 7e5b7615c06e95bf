"""Counts the lines of level ERROR that this process logs. They show faults that leave no trace in the database."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from logging import ERROR

from prometheus_client import CollectorRegistry, Counter

from adapter.log_events import EVENTS


@dataclass(frozen=True, slots=True)
class LastError:
    """When an event was last logged (UTC), and for which job; ``job`` is empty if it isn't about a job."""

    at: datetime
    job: str


class ErrorLog(logging.Handler):
    """A handler for the logger ``adapter``. It keeps no text: the text of a line belongs only in the log (P8)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(ERROR)
        self.registry = CollectorRegistry()
        self.last: dict[str, LastError] = {}
        self._now = now
        text = "Lines of level ERROR that this process has logged, by event."
        self._lines = Counter("adapter_errors_logged", text, ("event",), registry=self.registry)
        for event in EVENTS.values():
            if event.level == ERROR:
                self._lines.labels(event.name)

    def emit(self, record: logging.LogRecord) -> None:
        fields = record.msg if isinstance(record.msg, dict) else {}
        name = fields.get("event")
        if name in EVENTS:
            self._lines.labels(name).inc()
            self.last[name] = LastError(self._now(), str(fields.get("job", "")))

    def forget(self, event: str) -> None:
        """The fault is gone."""
        self.last.pop(event, None)
