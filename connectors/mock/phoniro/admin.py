"""The side door of the simulated Phoniro for tests and demonstrations: ``/admin/...``, without a token.

Over sockets it is only ever bound to the loopback address. ``/admin/faults`` is the fault plan's (``faults.py``).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from connectors.mock.phoniro.schedules import Schedule
from connectors.mock.phoniro.schemas import HandChange, Instant, NewSchedule, SetOutcome, instant
from connectors.mock.phoniro.state import PhoniroState
from connectors.mock.routing import Answer, Request, Router, json_answer, refuse


class _At(BaseModel):
    at: Instant | None = None


class Admin:
    """Answers what tests and demonstrations ask and do, over one simulated Phoniro."""

    def __init__(self, state: PhoniroState) -> None:
        self._phoniro = state
        self._paths = Router(
            {
                "/admin/state": {"GET": self._state},
                "/admin/received": {"GET": self._received, "DELETE": self._forget_received},
                "/admin/reset": {"POST": self._reset},
                "/admin/tokens/revoke": {"POST": self._revoke_tokens},
                "/admin/schedules": {"POST": self._add_schedule},
                "/admin/schedules/{schedule_id}": {"GET": self._get_schedule, "PATCH": self._change_schedule},
                "/admin/outcomes": {"POST": self._set_outcome},
            }
        )

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        return self._paths(request)

    def _state(self, _request: Request) -> Answer:
        """Customers and schedules as they are, without any lag."""
        customers = [customer.json_dict() for customer in self._phoniro.customers.values()]
        schedules = [self._told(schedule) for schedule in self._phoniro.schedules]
        return json_answer({"customers": customers, "schedules": schedules})

    def _received(self, _request: Request) -> Answer:
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
            for one in self._phoniro.received()
        ]
        return json_answer({"received": shown})

    def _forget_received(self, _request: Request) -> Answer:
        self._phoniro.forget_received()
        return Answer(204)

    def _reset(self, _request: Request) -> Answer:
        self._phoniro.reset()
        return Answer(204)

    def _revoke_tokens(self, _request: Request) -> Answer:
        return json_answer({"revoked": self._phoniro.revoke_tokens()})

    def _add_schedule(self, request: Request) -> Answer:
        """Somebody else's schedule; the customer need not be known."""
        new = request.body_as(NewSchedule)
        try:
            return json_answer(self._told(self._phoniro.add_schedule(new)), 201)
        except KeyError:
            raise refuse(409, "Conflict", "The externalReference is taken.") from None

    def _get_schedule(self, request: Request, schedule_id: str) -> Answer:
        """A schedule with its history; ``?at=`` asks whether anyone could look at that instant."""
        schedule = self._found(schedule_id)
        at = request.query_as(_At).at or self._phoniro.now
        history = to_jsonable_python(schedule.versions)
        return json_answer({**self._told(schedule), "couldLook": schedule.could_look(at), "history": history})

    def _change_schedule(self, request: Request, schedule_id: str) -> Answer:
        """A change by hand, by somebody in the vendor's own pages."""
        change = request.body_as(HandChange)
        self._found(schedule_id)
        try:
            return json_answer(self._told(self._phoniro.change_by_hand(schedule_id, change)))
        except ValueError as error:
            raise refuse(409, "Conflict", str(error)) from None

    def _set_outcome(self, request: Request) -> Answer:
        outcome = request.body_as(SetOutcome)
        self._found(outcome.schedule_id)
        self._phoniro.set_outcome(outcome)
        return Answer(204)

    def _found(self, schedule_id: str) -> Schedule:
        try:
            return self._phoniro.schedule(schedule_id)
        except KeyError:
            raise refuse(404, "Not Found", "There is no such schedule.") from None

    def _told(self, schedule: Schedule) -> dict[str, Any]:
        now = self._phoniro.now
        return {**schedule.as_json(schedule.now, now), "canLook": schedule.now.can_look(now)}
