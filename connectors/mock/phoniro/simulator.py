"""The simulated Phoniro as one vendor: its state with its API, its log and its side door."""

from __future__ import annotations

from typing import Any, Final

import httpx
from pydantic import BaseModel

from connectors.mock.admin import Admin, Views
from connectors.mock.phoniro.api import Api
from connectors.mock.phoniro.schemas import Instant
from connectors.mock.phoniro.state import PhoniroState
from connectors.mock.routing import Clock, Received, query_as

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

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request to the API or, below ``/admin/``, to the tests' side door."""
        path = request.url.path
        if path.startswith("/admin/"):
            return self._admin(request)
        now, answer = self.now, self._api(request)
        query = dict(request.url.params)
        self._received.append(Received(now, request.method, path, query, request.content, answer.status_code))
        return answer

    def _state(self, _request: httpx.Request) -> dict[str, Any]:
        """Customers and schedules as they are, without any lag, each with its history."""
        customers = [customer.json_dict() for customer in self.customers.values()]
        now = self.now
        schedules = [
            {**s.as_json(s.now, now), "canLook": s.now.can_look(now), "history": s.versions} for s in self.schedules
        ]
        return {"customers": customers, "schedules": schedules}

    def _look(self, request: httpx.Request, schedule_id: str) -> dict[str, bool]:
        """Whether anyone could look at the instant ``?at=``, as the schedule stood then."""
        return {"couldLook": self.schedule(schedule_id).could_look(query_as(request, _At).at)}

    def _log(self, _request: httpx.Request) -> dict[str, Any]:
        """What reached the API; never a header, nor the body of a token request."""
        asked = [one for one in self._received if one.path != "/connect/token"]
        received = [{"method": r.method, "path": r.path, "body": r.body.decode("utf-8", "replace")} for r in asked]
        return {"received": received}
