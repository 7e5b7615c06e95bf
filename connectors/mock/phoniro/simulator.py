"""The simulated Phoniro as one vendor: its state with its API and its side door."""

from __future__ import annotations

from typing import Any

from connectors.mock.phoniro.admin import Admin
from connectors.mock.phoniro.api import Api
from connectors.mock.phoniro.state import PhoniroState, Received
from connectors.mock.routing import Answer, Clock, Request


class SimulatedPhoniro(PhoniroState):
    """Phoniro Care's e-tillsyn in memory, with the options of :class:`PhoniroState`."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self._api, self._admin = Api(self), Admin(self)

    def handle(self, request: Request) -> Answer:
        """Answer a request to the API or, below ``/admin/``, to the tests' side door."""
        if request.path.startswith("/admin/"):
            return self._admin(request)
        now = self.now
        answer = self._api(request)
        self.requests.append(Received(now, request, answer.status))
        return answer
