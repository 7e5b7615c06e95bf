"""The simulated Phoniro as one vendor: its state with its API, as the assumed contract has it, and its side door."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx

from connectors.mock.phoniro.schedules import Schedule, Version
from connectors.mock.phoniro.schemas import (
    Customer,
    End,
    NewSchedule,
    Patch,
    Pause,
    ScheduleQuery,
    SupervisionQuery,
    check_dates,
    to_cursor,
)
from connectors.mock.phoniro.state import DEFAULT_CLIENT, ORGANISATIONS, PhoniroState
from connectors.mock.routing import Clock, Router, body_as, json_answer, media_type, problem, query_as, refuse
from connectors.mock.vendor import View

GRANT = "/connect/token"
SCHEDULES = "/api/v1/supervision-schedules"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class SimulatedPhoniro(PhoniroState):
    """Phoniro Care's e-tillsyn in memory, with the habits of :class:`PhoniroState`."""

    acts: ClassVar[tuple[str, ...]] = ("add_schedule", "change_by_hand", "set_outcome", "set_nights", "revoke_tokens")

    def __init__(self, clock: Clock, *, seed: int = 0) -> None:
        super().__init__(clock, seed=seed)
        self._paths = Router(
            {
                GRANT: {"POST": self._grant},
                f"{SCHEDULES}/{{schedule_id}}": {"GET": self._get_schedule, "PATCH": self._patch},
                SCHEDULES: {"GET": self._list_schedules, "POST": self._create},
                f"{SCHEDULES}/{{schedule_id}}/end": {"POST": self._end},
                f"{SCHEDULES}/{{schedule_id}}/pause": {"POST": self._pause},
                f"{SCHEDULES}/{{schedule_id}}/resume": {"POST": self._resume},
                "/api/v1/customers/{external_id}": {"GET": self._get_customer, "PUT": self._put_customer},
                "/api/v1/organisations": {"GET": self._list_organisations},
                "/api/v1/supervisions": {"GET": self._list_supervisions},
            }
        )

    def views(self) -> Mapping[str, View]:
        """What stands there."""
        return {"state": self._stands}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The API's answer; all but the token's path need a valid token."""
        refused = None if request.url.path == GRANT else self._unauthorised(request)
        return refused or self._paths(request)

    def _stands(self) -> dict[str, Any]:
        """Customers and schedules as they are, without any lag, each with its history."""
        customers = [customer.json_dict() for customer in self.customers.values()]
        now = self.now
        schedules = [
            {**s.as_json(s.now, now), "canLook": s.now.can_look(now), "history": s.versions} for s in self.schedules
        ]
        return {"customers": customers, "schedules": schedules}

    # Tokens: OAuth 2.0 client credentials (RFC 6749, section 4.4).

    def _grant(self, request: httpx.Request) -> httpx.Response:
        error = self._token_error(request)
        if error is not None:
            return json_answer({"error": error}, 400, NO_STORE)
        token, seconds = f"{self.rng.getrandbits(160):040x}", self.token_seconds
        self.tokens[token] = self.now + timedelta(seconds=seconds)
        granted = {"access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": "supervision"}
        return json_answer(granted, 200, NO_STORE)

    def _token_error(self, request: httpx.Request) -> str | None:
        """What is wrong with a token request, as RFC 6749, section 5.2 calls it."""
        form = parse_qs(request.content.decode("utf-8", "replace"), keep_blank_values=True)
        sent = {name: values[0] for name, values in form.items() if len(values) == 1}
        required = {"grant_type", "client_id", "client_secret", "scope"}
        if media_type(request) != "application/x-www-form-urlencoded" or not required <= sent.keys() == form.keys():
            return "invalid_request"
        if (sent["client_id"], sent["client_secret"]) != DEFAULT_CLIENT:
            return "invalid_client"
        if sent["grant_type"] != "client_credentials":
            return "unsupported_grant_type"
        return None if sent["scope"].split() == ["supervision"] else "invalid_scope"

    def _unauthorised(self, request: httpx.Request) -> httpx.Response | None:
        """The 401 for a request without a valid bearer token (RFC 6750); None where it has one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        until = self.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if until is not None and self.now < until:
            return None
        challenge = 'Bearer error="invalid_token"' if scheme else "Bearer"
        return problem(401, "Unauthorized", "A valid bearer token is needed.", headers={"www-authenticate": challenge})

    # Schedules.

    def _list_schedules(self, request: httpx.Request) -> httpx.Response:
        query, now = query_as(request, ScheduleQuery), self.now
        found = list(islice(self._matching(query), query.limit + 1))
        page = found[: query.limit]
        return _page([s.as_json(v, now) for s, v in page], page[-1][0].sequence if len(found) > len(page) else None)

    def _matching(self, query: ScheduleQuery) -> Iterator[tuple[Schedule, Version]]:
        """The schedules after the cursor, each as it was ``list_lag_seconds`` ago."""
        seen_at, schedules = self.now - timedelta(seconds=self.list_lag_seconds), self.schedules
        if query.external_reference is not None:
            named = self.schedule_by_reference(query.external_reference)
            schedules = [named] if named is not None and named.sequence > query.cursor else []
        elif query.cursor >= 0:
            schedules = schedules[query.cursor + 1 :]
        for schedule in schedules:
            version = schedule.version_at(seen_at)
            if version is not None:
                yield schedule, version

    def _create(self, request: httpx.Request) -> httpx.Response:
        new = body_as(request, NewSchedule)
        taken = self.schedule_by_reference(new.external_reference)
        if taken is not None:
            raise refuse(409, "Conflict", "The externalReference is taken.", existingId=taken.id)
        if new.customer_external_id not in self.customers:
            raise refuse(422, "Unprocessable Content", "customerExternalId: there is no such customer")
        self._check_organisation(new.organisation_id)
        return self._told(request, self.add_schedule(new, "created"), 201)

    def _get_schedule(self, request: httpx.Request, schedule_id: str) -> httpx.Response:
        return self._told(request, self._schedule(schedule_id))

    def _patch(self, request: httpx.Request, schedule_id: str) -> httpx.Response:
        schedule = self._schedule(schedule_id)
        wanted = request.headers.get("if-match")
        if wanted is None:
            raise refuse(428, "Precondition Required", "Send If-Match with the ETag that you have read.")
        # The comparison is strong (RFC 9110, 13.1.1), so what a proxy has made of the ETag never matches (PA1).
        if wanted.strip() != "*" and f'"{schedule.now.number}"' not in (tag.strip() for tag in wanted.split(",")):
            raise refuse(412, "Precondition Failed", "The schedule has been changed since.")
        patch = body_as(request, Patch)
        self._check_not_ended(schedule)
        changed = replace(schedule.now, **patch.set_fields())
        try:
            check_dates(changed.valid_from, changed.valid_to)
        except ValueError as error:
            raise refuse(422, "Unprocessable Content", str(error)) from None
        return self._told(request, self.write(schedule, "changed", **patch.set_fields()))

    def _end(self, request: httpx.Request, schedule_id: str) -> httpx.Response:
        """End at once or at an instant to come; a later ``end`` moves one that is still to come."""
        schedule, end, now = self._schedule(schedule_id), body_as(request, End), self.now
        if not schedule.now.ended(now):
            self.write(schedule, "ended", ended_at=max(end.end_at, now), end_reason=end.reason)
        return self._told(request, schedule)

    def _pause(self, request: httpx.Request, schedule_id: str) -> httpx.Response:
        schedule, pause = self._schedule(schedule_id), body_as(request, Pause)
        self._check_not_ended(schedule)
        self.write(schedule, "paused", paused=True, paused_until=pause.until, pause_reason=pause.reason)
        return self._told(request, schedule)

    def _resume(self, request: httpx.Request, schedule_id: str) -> httpx.Response:
        schedule = self._schedule(schedule_id)
        self._check_not_ended(schedule)
        if schedule.now.pausing(self.now):
            self.write(schedule, "resumed", paused=False, paused_until=None, pause_reason=None)
        return self._told(request, schedule)

    def _told(self, request: httpx.Request, schedule: Schedule, status: int = 200) -> httpx.Response:
        number, style = schedule.now.number, self.etag_style
        if style == "strong" or "gzip" not in request.headers.get("accept-encoding", ""):
            etag = f'"{number}"'
        else:
            etag = f'W/"{number}"' if style == "weak" else f'"{number}-gzip"'
        return json_answer(schedule.as_json(schedule.now, self.now), status, {"etag": etag})

    def _schedule(self, schedule_id: str) -> Schedule:
        try:
            return self.schedule(schedule_id.lower())
        except KeyError:
            raise refuse(404, "Not Found", "There is no such schedule.") from None

    def _check_not_ended(self, schedule: Schedule) -> None:
        if schedule.now.ended(self.now):
            raise refuse(409, "Conflict", "The schedule has ended.")

    # Customers, organisations and supervisions.

    def _get_customer(self, _request: httpx.Request, external_id: str) -> httpx.Response:
        customer = self.customers.get(external_id)
        if customer is None:
            raise refuse(404, "Not Found", "There is no such customer.")
        return json_answer(customer.json_dict())

    def _put_customer(self, request: httpx.Request, external_id: str) -> httpx.Response:
        customer = body_as(request, Customer)
        if customer.external_id != external_id:
            raise refuse(422, "Unprocessable Content", "externalId: must be the one in the path")
        self._check_organisation(customer.organisation_id)
        status = 200 if external_id in self.customers else 201
        self.customers[external_id] = customer
        return json_answer(customer.json_dict(), status)

    def _list_organisations(self, _request: httpx.Request) -> httpx.Response:
        return json_answer({"items": [{"id": key, "name": name} for key, name in ORGANISATIONS.items()]})

    def _list_supervisions(self, request: httpx.Request) -> httpx.Response:
        query = query_as(request, SupervisionQuery)
        due = [one for one in self.supervisions(query.start, query.end) if not query.cursor or one > query.cursor]
        page = [self.supervision(*one) for one in due[: query.limit]]
        if len(due) <= query.limit:
            return _page(page)
        at, schedule_id = due[query.limit - 1]
        return _page(page, [at.isoformat(), schedule_id])

    def _check_organisation(self, organisation_id: str) -> None:
        if organisation_id not in ORGANISATIONS:
            raise refuse(422, "Unprocessable Content", "organisationId: there is no such organisation")


def _page(items: list[Any], after: Any = None) -> httpx.Response:
    """A page. The next one begins after the place ``after``; None: there is no next."""
    return json_answer({"items": items, "nextCursor": None if after is None else to_cursor(after)})
