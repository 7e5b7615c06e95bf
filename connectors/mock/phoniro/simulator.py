"""The simulated Phoniro as one vendor: its state with its API, its log and its side door."""

from __future__ import annotations

from typing import Any, Final

from connectors.mock.admin import Admin
from connectors.mock.phoniro.api import Api
from connectors.mock.phoniro.state import PhoniroState, Received
from connectors.mock.routing import Answer, Clock, Request

ACTS: Final = ("add_schedule", "change_by_hand", "set_outcome", "set_nights", "revoke_tokens")
"""What ``POST /admin/acts/NAME`` does."""


class SimulatedPhoniro(PhoniroState):
    """Phoniro Care's e-tillsyn in memory, with the options of :class:`PhoniroState`."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self._api = Api(self)
        self._admin = Admin(self, ACTS, {"state": self._state}, self.reset)

    def handle(self, request: Request) -> Answer:
        """Answer a request to the API or, below ``/admin/``, to the tests' side door."""
        if request.path.startswith("/admin/"):
            return self._admin(request)
        now = self.now
        answer = self._api(request)
        self.requests.append(Received(now, request, answer.status))
        return answer

    def _state(self, _request: Request) -> dict[str, Any]:
        """The side door's view: customers and schedules as they are, without any lag, each with its history."""
        customers = [customer.json_dict() for customer in self.customers.values()]
        now = self.now
        schedules = [
            {**s.as_json(s.now, now), "canLook": s.now.can_look(now), "history": s.versions} for s in self.schedules
        ]
        return {"customers": customers, "schedules": schedules}
