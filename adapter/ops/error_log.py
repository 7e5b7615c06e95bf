"""The lines of level ERROR that this process logs, counted as they are written: what no state shows is seen by them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter

from adapter.log_events import ERROR, EVENTS


@dataclass(frozen=True, slots=True)
class Noticed:
    """The last line of an event: when (UTC), and of which job, where it is about one."""

    at: datetime
    job: str


class ErrorLog(logging.Handler):
    """A handler for the logger ``adapter``. It keeps no text of a line: what is in it is for the log alone (P8)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(ERROR)
        self.registry = CollectorRegistry()
        self.last: dict[str, Noticed] = {}
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
            self.last[name] = Noticed(self._now(), str(fields.get("job", "")))

    def forget(self, event: str) -> None:
        """What it told is so no longer."""
        self.last.pop(event, None)
