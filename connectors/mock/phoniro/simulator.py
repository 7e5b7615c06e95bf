"""The simulated Phoniro as one vendor: its state with its API, its log and its side door."""

from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from connectors.mock.phoniro.api import Api
from connectors.mock.phoniro.schemas import Instant
from connectors.mock.phoniro.state import PhoniroState
from connectors.mock.routing import Clock, query_as
from connectors.mock.vendor import Views


class _At(BaseModel):
    at: Instant


class SimulatedPhoniro(PhoniroState):
    """Phoniro Care's e-tillsyn in memory, with the options of :class:`PhoniroState`."""

    acts: ClassVar[tuple[str, ...]] = ("add_schedule", "change_by_hand", "set_outcome", "set_nights", "revoke_tokens")

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self._api = Api(self)

    def views(self) -> Views:
        """What stands there, what was asked, and who could look."""
        return {"state": self._state, "received": self._log, "schedules/{schedule_id}": self._look}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The API's answer."""
        return self._api(request)

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
        asked = [one for one in self.received_calls if one.path != "/connect/token"]
        received = [{"method": r.method, "path": r.path, "body": r.body.decode("utf-8", "replace")} for r in asked]
        return {"received": received}
