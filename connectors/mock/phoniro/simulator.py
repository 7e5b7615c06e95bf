"""The simulated Phoniro as one vendor: its state with its API, its log and its side door."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from connectors.mock.admin import Admin, Views
from connectors.mock.phoniro.api import Api
from connectors.mock.phoniro.schedules import Schedule
from connectors.mock.phoniro.schemas import Instant, instant
from connectors.mock.phoniro.state import PhoniroState, Received
from connectors.mock.routing import Answer, Clock, Request, refuse

ACTS: Final = (
    "add_schedule",
    "change_by_hand",
    "set_outcome",
    "set_habits",
    "set_nights",
    "revoke_tokens",
    "forget_received",
)
"""What ``POST /admin/acts/NAME`` does."""


class _At(BaseModel):
    at: Instant | None = None


class SimulatedPhoniro(PhoniroState):
    """Phoniro Care's e-tillsyn in memory, with the options of :class:`PhoniroState`."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self._api = Api(self)
        views: Views = {"state": self._state, "schedules/{schedule_id}": self._schedule, "received": self._log}
        self._admin = Admin(self, ACTS, views, self.reset)

    def handle(self, request: Request) -> Answer:
        """Answer a request to the API or, below ``/admin/``, to the tests' side door."""
        if request.path.startswith("/admin/"):
            return self._admin(request)
        now = self.now
        answer = self._api(request)
        self.requests.append(Received(now, request, answer.status))
        return answer

    # The side door's views.

    def _state(self, _request: Request) -> dict[str, Any]:
        """Customers and schedules as they are, without any lag."""
        customers = [customer.json_dict() for customer in self.customers.values()]
        return {"customers": customers, "schedules": [self._told(schedule, self.now) for schedule in self.schedules]}

    def _schedule(self, request: Request, schedule_id: str) -> dict[str, Any]:
        """A schedule with its history; ``?at=`` asks whether anyone could look at that instant."""
        try:
            schedule = self.schedule(schedule_id)
        except KeyError:
            raise refuse(404, "Not Found", "There is no such schedule.") from None
        could_look = schedule.could_look(request.query_as(_At).at or self.now)
        return {**self._told(schedule, self.now), "couldLook": could_look, "history": schedule.versions}

    def _told(self, schedule: Schedule, now: datetime) -> dict[str, Any]:
        return {**schedule.as_json(schedule.now, now), "canLook": schedule.now.can_look(now)}

    def _log(self, _request: Request) -> dict[str, Any]:
        """The requests that reached the API; never a header nor the body of a token request."""
        shown = [
            {
                "at": instant(one.at),
                "method": one.request.method,
                "path": one.request.path,
                "query": dict(one.request.query),
                "body": one.request.body.decode("utf-8", "replace") if one.request.path != "/connect/token" else "",
                "status": one.status,
            }
            for one in self.requests
        ]
        return {"received": shown}
