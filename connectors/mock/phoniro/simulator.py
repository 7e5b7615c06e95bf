"""The simulated Phoniro as one vendor: its state with its API, its log and its side door."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from connectors.mock.admin import Admin, Views
from connectors.mock.phoniro.api import Api
from connectors.mock.phoniro.schemas import Instant
from connectors.mock.phoniro.state import PhoniroState, Received
from connectors.mock.routing import Answer, Clock, Request

ACTS: Final = ("add_schedule", "change_by_hand", "set_outcome", "set_nights", "revoke_tokens")
"""What ``POST /admin/acts/NAME`` does."""


class _At(BaseModel):
    at: Instant


class SimulatedPhoniro(PhoniroState):
    """Phoniro Care's e-tillsyn in memory, with the options of :class:`PhoniroState`."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self._api = Api(self)
        views: Views = {"state": self._state, "received": self._log, "schedules/{schedule_id}": self._look}
        self._admin = Admin(self, ACTS, views, self.reset)

    def handle(self, request: Request) -> Answer:
        """Answer a request to the API or, below ``/admin/``, to the tests' side door."""
        if request.path.startswith("/admin/"):
            return self._admin(request)
        now = self.now
        answer = self._api(request)
        self.requests.append(Received(now, request, answer.status))
        return answer

    def _state(self, _request: Request) -> dict[str, Any]:
        """Customers and schedules as they are, without any lag, each with its history."""
        customers = [customer.json_dict() for customer in self.customers.values()]
        now = self.now
        schedules = [
            {**s.as_json(s.now, now), "canLook": s.now.can_look(now), "history": s.versions} for s in self.schedules
        ]
        return {"customers": customers, "schedules": schedules}

    def _look(self, request: Request, schedule_id: str) -> dict[str, bool]:
        """Whether anyone could look at the instant ``?at=``, as the schedule stood then."""
        return {"couldLook": self.schedule(schedule_id).could_look(request.query_as(_At).at)}

    def _log(self, _request: Request) -> dict[str, Any]:
        """What reached the API; never a header, nor the body of a token request."""
        asked = [one.request for one in self.requests if one.request.path != "/connect/token"]
        received = [{"method": r.method, "path": r.path, "body": r.body.decode("utf-8", "replace")} for r in asked]
        return {"received": received}
