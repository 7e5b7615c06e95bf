"""The simulated Lifecare as one vendor: its state with its API, its log and its side door."""

from email.utils import format_datetime
from typing import ClassVar

import httpx

from connectors.mock.lifecare.api import DEFAULT_DOMAIN, DEFAULT_KEY, Api
from connectors.mock.lifecare.state import Settings
from connectors.mock.lifecare.visits import VisitActs
from connectors.mock.routing import Clock
from connectors.mock.vendor import Views


class SimulatedLifecare(VisitActs):
    """Lifecare as one municipality's key sees it. ``seed`` moves the start of every rotation, so that runs can differ
    and repeat."""

    acts: ClassVar[tuple[str, ...]] = (
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

    def __init__(self, clock: Clock, *, domain: str = DEFAULT_DOMAIN, seed: int = 0) -> None:
        self._access = (domain, DEFAULT_KEY, seed)
        super().__init__(clock)

    def reset(self) -> None:
        """Forget everything: rows, settings, faults, logs. The catalogue stands as at the start."""
        super().reset()
        self._api = Api(self, *self._access)

    def views(self) -> Views:
        """What came in and what is set."""
        return {"notes": lambda _: self.notes_written(), "settings": lambda _: self.settings}

    def shift_rows(self, by: int, *, times: int = 1) -> None:
        """At the next ``times`` page turns (reads with an ``offset``), rows have moved meanwhile (L8): with ``by`` > 0
        so many rows before the page are gone, so that a reader misses as many; with ``by`` < 0 so many have come in, so
        that a reader sees as many again."""
        self._api.shifts.extend([by] * times)

    def set_settings(self, settings: Settings) -> Settings:
        """Change all settings; what is left out is as at the start."""
        self.settings = settings
        return settings

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The API's answer, dated by the server's own clock."""
        answer = self._api(request)
        answer.headers["date"] = format_datetime(self.now().replace(microsecond=0), usegmt=True)
        answer.headers["server"] = "Microsoft-IIS/10.0"
        return answer
