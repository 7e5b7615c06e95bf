"""The side door of the simulated Phoniro for tests and demonstrations: ``/admin/...``, without a token.

Over sockets it is only ever bound to the loopback address. ``/admin/faults`` is the fault plan's (``faults.py``).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from connectors.mock.phoniro import rest
from connectors.mock.phoniro.rest import Route, refuse
from connectors.mock.phoniro.schedule import Schedule, Version
from connectors.mock.phoniro.schemas import HandChange, NewSchedule, SetOutcome, instant
from connectors.mock.wire import Answer, Request, json_answer

if TYPE_CHECKING:
    from connectors.mock.phoniro.simulator import Received, SimulatedPhoniro


def admin_routes(phoniro: SimulatedPhoniro) -> list[Route]:
    """The admin paths over one simulator."""
    admin = _Admin(phoniro)
    return rest.routes(
        {
            "/admin/state": {"GET": admin.state},
            "/admin/received": {"GET": admin.received, "DELETE": admin.forget_received},
            "/admin/reset": {"POST": admin.reset},
            "/admin/tokens/revoke": {"POST": admin.revoke_tokens},
            "/admin/schedules": {"POST": admin.add_schedule},
            "/admin/schedules/([^/]+)": {"GET": admin.schedule, "PATCH": admin.change_schedule},
            "/admin/outcomes": {"POST": admin.set_outcome},
        }
    )


class _Admin:
    def __init__(self, phoniro: SimulatedPhoniro) -> None:
        self._phoniro = phoniro

    def state(self, _request: Request) -> Answer:
        """Customers and schedules as they are, without any lag."""
        customers = [customer.json_dict() for customer in self._phoniro.customers.values()]
        return json_answer({"customers": customers, "schedules": [self._told(one) for one in self._phoniro.book.all]})

    def received(self, _request: Request) -> Answer:
        """The requests that reached the API; never a header nor the body of a token request."""
        return json_answer({"received": [_received_json(one) for one in self._phoniro.received()]})

    def forget_received(self, _request: Request) -> Answer:
        self._phoniro.forget_received()
        return Answer(204)

    def reset(self, _request: Request) -> Answer:
        self._phoniro.reset()
        return Answer(204)

    def revoke_tokens(self, _request: Request) -> Answer:
        return json_answer({"revoked": self._phoniro.revoke_tokens()})

    def add_schedule(self, request: Request) -> Answer:
        """Somebody else's schedule; the customer need not be known."""
        new = rest.body_of(request, NewSchedule)
        try:
            return json_answer(self._told(self._phoniro.add_schedule(new)), 201)
        except KeyError:
            raise refuse(409, "Conflict", "The externalReference is taken.") from None

    def schedule(self, request: Request, schedule_id: str) -> Answer:
        """A schedule with its history; ``?at=`` asks whether anyone could look at that instant."""
        schedule = self._found(schedule_id)
        at = rest.instant_of(request, "at") or self._phoniro.now
        history = [_version_json(version) for version in schedule.versions]
        return json_answer({**self._told(schedule), "couldLook": schedule.could_look(at), "history": history})

    def change_schedule(self, request: Request, schedule_id: str) -> Answer:
        """A change by hand, by somebody in the vendor's own pages."""
        change = rest.body_of(request, HandChange)
        self._found(schedule_id)
        try:
            return json_answer(self._told(self._phoniro.change_by_hand(schedule_id, change)))
        except ValueError as error:
            raise refuse(409, "Conflict", str(error)) from None

    def set_outcome(self, request: Request) -> Answer:
        outcome = rest.body_of(request, SetOutcome)
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


def _received_json(one: Received) -> dict[str, Any]:
    request = one.request
    body = request.body.decode("utf-8", "replace") if request.path != "/connect/token" else ""
    return {
        "at": instant(one.at),
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "body": body,
        "status": one.status,
    }


def _version_json(version: Version) -> dict[str, Any]:
    told = {name: value for name, value in asdict(version).items() if name not in ("rules", "time_zone")}
    times = {
        name: instant(moment)
        for name in ("at", "ended_at", "paused_until")
        if (moment := getattr(version, name)) is not None
    }
    dates = {
        "valid_from": version.valid_from.isoformat(),
        "valid_to": version.valid_to and version.valid_to.isoformat(),
    }
    return {**told, **times, **dates}
