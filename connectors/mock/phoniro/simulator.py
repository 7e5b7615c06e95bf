"""The simulated Phoniro: its state, what the API does to it, and what tests ask of it."""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.mock.phoniro import rest
from connectors.mock.phoniro.admin import admin_routes
from connectors.mock.phoniro.api import api_routes
from connectors.mock.phoniro.book import Book
from connectors.mock.phoniro.schedule import Schedule, Status, Version
from connectors.mock.phoniro.schemas import Customer, HandChange, NewSchedule, SetOutcome
from connectors.mock.phoniro.supervisions import Supervisions
from connectors.mock.phoniro.tokens import Tokens
from connectors.mock.wire import Answer, Clock, Request

ORGANISATIONS: Mapping[str, str] = {"hemtjanst-norr": "Hemtjänst Norr", "hemtjanst-soder": "Hemtjänst Söder"}
DEFAULT_CLIENT = ("adapter", "simulated")
"""Id and secret of the simulation's own client."""
LOG_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class Received:
    """A request that reached the vendor, when (UTC), and the status that it answered."""

    at: datetime
    request: Request
    status: int


class SimulatedPhoniro:
    """Phoniro Care's e-tillsyn in memory.

    ``organisations`` are ids and names. Lists of schedules show what stood ``list_lag_seconds`` ago by ``clock``; reads
    by id never lag. ``seed`` makes ids and tokens the same in every run.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        client_id: str = DEFAULT_CLIENT[0],
        client_secret: str = DEFAULT_CLIENT[1],
        organisations: Mapping[str, str] = ORGANISATIONS,
        list_lag_seconds: float = 0,
        token_seconds: int = 3600,
        seed: int = 0,
    ) -> None:
        self._clock = clock
        self._client = (client_id, client_secret)
        self._token_seconds = token_seconds
        self._seed = seed
        self.organisations = dict(organisations)
        self.list_lag_seconds = list_lag_seconds
        self._api = api_routes(self)
        self._admin = admin_routes(self)
        self.reset()

    def reset(self) -> None:
        """Forget everything, tokens included."""
        self._rng = random.Random(self._seed)  # noqa: S311 - nothing secret: the same ids in every run
        client_id, client_secret = self._client
        self.tokens = Tokens(client_id, client_secret, seconds=self._token_seconds, rng=self._rng)
        self.book = Book()
        self.customers: dict[str, Customer] = {}
        self.customer_order: list[str] = []
        self.supervisions = Supervisions(self.book)
        self._received: deque[Received] = deque(maxlen=LOG_LENGTH)

    # What tests ask. Schedules are named by their id; an unknown one raises KeyError.

    @property
    def now(self) -> datetime:
        """The present instant by the simulation's clock (UTC)."""
        return self._clock()

    def received(self) -> list[Received]:
        """The last ``LOG_LENGTH`` requests that reached the vendor's API, oldest first, refused ones included."""
        return list(self._received)

    def forget_received(self) -> None:
        """Empty the log of requests."""
        self._received.clear()

    def schedule(self, schedule_id: str) -> Schedule:
        """The schedule with that id."""
        return self.book.by_id[schedule_id]

    def schedule_by_reference(self, reference: str) -> Schedule | None:
        """The schedule that has that externalReference."""
        return self.book.by_reference.get(reference)

    def history(self, schedule_id: str) -> list[Version]:
        """What was written to the schedule, oldest first, each with its instant and its act."""
        return list(self.schedule(schedule_id).versions)

    def status(self, schedule_id: str) -> Status:
        """The schedule's status now."""
        return self.schedule(schedule_id).now.status(self.now)

    def can_look(self, schedule_id: str, instant: datetime) -> bool:
        """Whether anyone can look at that instant as the schedule stands now, whatever the status says."""
        return self.schedule(schedule_id).now.can_look(instant)

    def could_look(self, schedule_id: str, instant: datetime) -> bool:
        """Whether anyone could look at that instant, as the schedule stood then."""
        return self.schedule(schedule_id).could_look(instant)

    def looks(self, schedule_id: str, start: datetime, end: datetime) -> list[datetime]:
        """The looks due and possible in [start, end), in UTC, each as the schedule stood (or stands) for it."""
        return list(self.schedule(schedule_id).looks(start, end))

    def revoke_tokens(self) -> int:
        """Every token answers 401 from now on; gives how many there were."""
        return self.tokens.revoke_all()

    def set_outcome(self, outcome: SetOutcome) -> None:
        """Set what came of one supervision."""
        self.schedule(outcome.schedule_id)
        self.supervisions.set_outcome(outcome)

    def add_schedule(self, new: NewSchedule, act: str = "created by somebody else") -> Schedule:
        """Somebody else's schedule, past the API's checks. Raises KeyError where the reference is taken."""
        return self.book.create(str(uuid.UUID(int=self._rng.getrandbits(128), version=4)), new, self.now, act)

    def change_by_hand(self, schedule_id: str, change: HandChange) -> Schedule:
        """What somebody changes in the vendor's own pages. Raises ValueError where the schedule has ended for good."""
        schedule = self.schedule(schedule_id)
        if schedule.now.ended(self.now):
            raise ValueError(f"schedule {schedule_id} has ended for good")
        return self.write(schedule, "changed by hand", **change.set_fields())

    # The vendor's side.

    def handle(self, request: Request) -> Answer:
        """Answer a request to the API or, below ``/admin/``, to the tests' side door."""
        if request.path.startswith("/admin/"):
            return rest.dispatch(self._admin, request)
        now = self.now
        if request.path == "/connect/token":
            answer = self.tokens.grant(request, now)
        else:
            answer = self.tokens.refusal(request, now) or rest.dispatch(self._api, request)
        self._received.append(Received(now, request, answer.status))
        return answer

    def put_customer(self, customer: Customer) -> bool:
        """Create or replace a customer; whether it was created."""
        created = customer.external_id not in self.customers
        if created:
            self.customer_order.append(customer.external_id)
        self.customers[customer.external_id] = customer
        return created

    def write(self, schedule: Schedule, act: str, **fields: Any) -> Schedule:
        """Write a new version of a schedule, as the last but for ``fields``."""
        self.book.write(schedule, replace(schedule.now, number=schedule.now.number + 1, at=self.now, act=act, **fields))
        return schedule
