"""The simulated Lifecare as one vendor: its state with its API, its log and its side door."""

from __future__ import annotations

from collections import deque
from email.utils import format_datetime
from typing import Final

import httpx

from connectors.mock.admin import Admin, Views
from connectors.mock.lifecare.api import DEFAULT_DOMAIN, DEFAULT_KEY, Api
from connectors.mock.lifecare.state import Settings
from connectors.mock.lifecare.visits import VisitActs
from connectors.mock.routing import Clock, Received

_LOG_LENGTH: Final = 100_000
ACTS: Final = (
    "seed_person",
    "protect",
    "decease",
    "deregister",
    "order",
    "accept",
    "will_not_be_executed",
    "start_execution",
    "end_execution",
    "decision_end",
    "absence",
    "service_plan",
    "note_as",
    "error_mark",
    "replace_note",
    "delete_note",
    "change",
    "delete",
    "vanish",
    "shift_rows",
    "set_settings",
)
"""What ``POST /admin/acts/NAME`` does."""


class SimulatedLifecare(VisitActs):
    """Lifecare as one municipality's key sees it.

    ``key`` is the raw base64 key. ``page_cap`` is the most rows of one page, whatever ``limit`` asks for (L8). ``seed``
    moves the start of every rotation, so that runs can differ and repeat.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        domain: str = DEFAULT_DOMAIN,
        key: str = DEFAULT_KEY,
        page_cap: int = 100,
        seed: int = 0,
    ) -> None:
        self._access = (domain, key, seed)
        super().__init__(clock, page_cap=page_cap)
        views: Views = {
            "notes": lambda _: self.notes_written(),
            "settings": lambda _: self.settings,
        }
        self._admin = Admin(self, ACTS, views, self.reset)

    def reset(self) -> None:
        """Forget everything: rows, settings, logs. The catalogue stands as at the start."""
        super().reset()
        self._api = Api(self, *self._access)
        self._received: deque[Received] = deque(maxlen=_LOG_LENGTH)

    def received(self) -> list[Received]:
        """Every request that arrived (the last 100,000), oldest first, without the key."""
        return list(self._received)

    def shift_rows(self, by: int, *, times: int = 1) -> None:
        """At the next ``times`` page turns (reads with an ``offset``), rows have moved meanwhile (L8): with ``by`` > 0
        so many rows before the page are gone, so that a reader misses as many; with ``by`` < 0 so many have come in, so
        that a reader sees as many again."""
        self._api.shifts.extend([by] * times)

    def set_settings(self, settings: Settings) -> Settings:
        """Change all settings; what is left out is as at the start."""
        self.settings = settings
        return settings

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; paths under ``/admin/`` are the simulator's own."""
        path = request.url.path
        if path.startswith("/admin/"):
            return self._admin(request)
        answer, now = self._api(request), self.now()
        query = {name: value for name, value in request.url.params.items() if name not in ("domain", "key")}
        self._received.append(Received(now, request.method, path, query, request.content, answer.status_code))
        answer.headers["date"] = format_datetime(now.replace(microsecond=0), usegmt=True)
        answer.headers["server"] = "Microsoft-IIS/10.0"
        return answer
