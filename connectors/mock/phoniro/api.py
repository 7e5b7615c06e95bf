"""The paths of the simulated Phoniro's API, as the assumed contract has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, get_args

from connectors.mock.phoniro import rest
from connectors.mock.phoniro.book import Filters
from connectors.mock.phoniro.rest import Route, refuse
from connectors.mock.phoniro.schedule import Schedule, Status
from connectors.mock.phoniro.schemas import Customer, End, NewSchedule, Patch, Pause, check_dates
from connectors.mock.wire import Answer, Request, json_answer

if TYPE_CHECKING:
    from connectors.mock.phoniro.simulator import SimulatedPhoniro

SCHEDULES = "/api/v1/supervision-schedules"
STATUSES: dict[str, Status] = {name: name for name in get_args(Status)}


def api_routes(phoniro: SimulatedPhoniro) -> list[Route]:
    """The API's paths over one simulator."""
    schedules, others = _Schedules(phoniro), _Others(phoniro)
    return rest.routes(
        {
            f"{SCHEDULES}/([^/]+)": {"GET": schedules.get, "PATCH": schedules.patch},
            SCHEDULES: {"GET": schedules.list, "POST": schedules.create},
            f"{SCHEDULES}/([^/]+)/end": {"POST": schedules.end},
            f"{SCHEDULES}/([^/]+)/pause": {"POST": schedules.pause},
            f"{SCHEDULES}/([^/]+)/resume": {"POST": schedules.resume},
            "/api/v1/customers/([^/]+)": {"GET": others.get_customer, "PUT": others.put_customer},
            "/api/v1/customers": {"GET": others.list_customers},
            "/api/v1/organisations": {"GET": others.list_organisations},
            "/api/v1/supervisions": {"GET": others.list_supervisions},
        }
    )


class _Schedules:
    def __init__(self, phoniro: SimulatedPhoniro) -> None:
        self._phoniro = phoniro

    def list(self, request: Request) -> Answer:
        status = request.param("status")
        if status is not None and status not in STATUSES:
            raise refuse(400, "Bad Request", f"status must be one of {', '.join(STATUSES)}.")
        filters = Filters(
            reference=request.param("externalReference"),
            customer=request.param("customerExternalId"),
            status=STATUSES[status] if status is not None else None,
            updated_since=rest.instant_of(request, "updatedSince"),
        )
        now = self._phoniro.now
        seen_at = now - timedelta(seconds=self._phoniro.list_lag_seconds)
        after, limit = rest.place_of(request), rest.limit_of(request)
        page, following = self._phoniro.book.page(filters, after, limit, seen_at=seen_at, now=now)
        return rest.page_answer([schedule.as_json(version, now) for schedule, version in page], following)

    def create(self, request: Request) -> Answer:
        new = rest.body_of(request, NewSchedule)
        taken = self._phoniro.schedule_by_reference(new.external_reference)
        if taken is not None:
            raise refuse(409, "Conflict", "The externalReference is taken.", existingId=taken.id)
        if new.customer_external_id not in self._phoniro.customers:
            raise refuse(422, "Unprocessable Content", "customerExternalId: there is no such customer")
        _check_organisation(self._phoniro, new.organisation_id)
        return self._answer(self._phoniro.add_schedule(new, "created"), 201)

    def get(self, _request: Request, schedule_id: str) -> Answer:
        return self._answer(self._found(schedule_id))

    def patch(self, request: Request, schedule_id: str) -> Answer:
        schedule = self._found(schedule_id)
        rest.check_match(request, _etag(schedule))
        patch = rest.body_of(request, Patch)
        self._check_not_ended(schedule)
        changed = replace(schedule.now, **patch.set_fields())
        try:
            check_dates(changed.valid_from, changed.valid_to)
        except ValueError as error:
            raise refuse(422, "Unprocessable Content", str(error)) from None
        return self._answer(self._phoniro.write(schedule, "changed", **patch.set_fields()))

    def end(self, request: Request, schedule_id: str) -> Answer:
        """End at once or at an instant to come; a later ``end`` moves one that is still to come."""
        schedule, end = self._found(schedule_id), rest.body_of(request, End)
        now = self._phoniro.now
        if not schedule.now.ended(now):
            self._phoniro.write(schedule, "ended", ended_at=max(end.end_at, now), end_reason=end.reason)
        return self._answer(schedule)

    def pause(self, request: Request, schedule_id: str) -> Answer:
        schedule, pause = self._found(schedule_id), rest.body_of(request, Pause)
        self._check_not_ended(schedule)
        self._phoniro.write(schedule, "paused", paused=True, paused_until=pause.until, pause_reason=pause.reason)
        return self._answer(schedule)

    def resume(self, _request: Request, schedule_id: str) -> Answer:
        schedule = self._found(schedule_id)
        self._check_not_ended(schedule)
        if schedule.now.pausing(self._phoniro.now):
            self._phoniro.write(schedule, "resumed", paused=False, paused_until=None, pause_reason=None)
        return self._answer(schedule)

    def _answer(self, schedule: Schedule, status: int = 200) -> Answer:
        return json_answer(schedule.as_json(schedule.now, self._phoniro.now), status, {"etag": _etag(schedule)})

    def _found(self, schedule_id: str) -> Schedule:
        schedule = self._phoniro.book.by_id.get(schedule_id.lower())
        if schedule is None:
            raise refuse(404, "Not Found", "There is no such schedule.")
        return schedule

    def _check_not_ended(self, schedule: Schedule) -> None:
        if schedule.now.ended(self._phoniro.now):
            raise refuse(409, "Conflict", "The schedule has ended.")


class _Others:
    def __init__(self, phoniro: SimulatedPhoniro) -> None:
        self._phoniro = phoniro

    def list_organisations(self, _request: Request) -> Answer:
        items = [{"id": key, "name": name} for key, name in self._phoniro.organisations.items()]
        return json_answer({"items": items})

    def list_customers(self, request: Request) -> Answer:
        limit, begin, wanted = rest.limit_of(request), rest.place_of(request) + 1, request.param("externalId")
        known = self._phoniro.customers
        if wanted is not None:
            return rest.page_answer([known[wanted].json_dict()] if wanted in known else [], None)
        keys = self._phoniro.customer_order
        following = begin + limit - 1 if begin + limit < len(keys) else None
        return rest.page_answer([known[key].json_dict() for key in keys[begin : begin + limit]], following)

    def get_customer(self, _request: Request, external_id: str) -> Answer:
        customer = self._phoniro.customers.get(external_id)
        if customer is None:
            raise refuse(404, "Not Found", "There is no such customer.")
        return json_answer(customer.json_dict())

    def put_customer(self, request: Request, external_id: str) -> Answer:
        customer = rest.body_of(request, Customer)
        if customer.external_id != external_id:
            raise refuse(422, "Unprocessable Content", "externalId: must be the one in the path")
        _check_organisation(self._phoniro, customer.organisation_id)
        created = self._phoniro.put_customer(customer)
        return json_answer(customer.json_dict(), 201 if created else 200)

    def list_supervisions(self, request: Request) -> Answer:
        start, end = rest.required_instant(request, "from"), rest.required_instant(request, "to")
        cursor = rest.cursor_of(request)
        try:
            after = None if cursor is None else (datetime.fromisoformat(cursor[0]), str(cursor[1]))
        except (TypeError, ValueError, LookupError):
            raise rest.bad_cursor() from None
        limit = rest.limit_of(request)
        items, following = self._phoniro.supervisions.page(start, end, after, limit, self._phoniro.now)
        return rest.page_answer(items, [following[0].isoformat(), following[1]] if following else None)


def _check_organisation(phoniro: SimulatedPhoniro, organisation_id: str) -> None:
    if organisation_id not in phoniro.organisations:
        raise refuse(422, "Unprocessable Content", "organisationId: there is no such organisation")


def _etag(schedule: Schedule) -> str:
    return f'"{schedule.now.number}"'
