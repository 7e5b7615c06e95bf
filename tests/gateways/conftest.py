"""A world whose ports a test calls by hand, with acts and cases made for the purpose."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapter.domain.ledger import Act, ActKind, ActState, ScheduleRecord, What
from adapter.ports import CaseContext, CaseSource, Effect, Executor, Failure, PortError
from connectors.mock.phoniro.schemas import Customer
from tests.world import World

PERSON, OTHER_PERSON = "19900101TF03", "19900101TF04"
REFERENCE = "TK-7F3K2M"
NINE = datetime(2026, 3, 9, 9, tzinfo=UTC)
TIMES = json.dumps({day: ["22:30", "02:15"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})


class Ports(World):
    """``PERSON`` is in Lifecare from the beginning."""

    def __init__(self) -> None:
        super().__init__(NINE)
        self.numbered = 0
        self.lifecare.seed_person(PERSON)

    @property
    def source(self) -> CaseSource:
        return self.tenant.source

    @property
    def executor(self) -> Executor:
        return self.tenant.executor

    def act(self, kind: ActKind, **what: str | int | bool | None) -> Act:
        self.numbered += 1
        key = f"key:{self.numbered}"
        return Act(self.numbered, key, kind, ActState.SENDING, what, self.clock.time, attempts=1)

    def context(self, **fields: object) -> CaseContext:
        client = self.lifecare.row("clients", PERSON)["Id"]
        base = CaseContext("exempel", REFERENCE, PERSON, client, False, {})
        return replace(base, **fields)  # type: ignore[arg-type]  # a test's short hand

    def create(self, n: int = 1) -> Act:
        days: What = {"valid_from": "2026-03-09", "valid_to": None}
        return self.act(ActKind.CREATE, n=n, times=TIMES, unit=7101, orders='["SB-100001"]', **days)

    async def fails(self, act: Act, case: CaseContext | None = None, match: str | None = None) -> Failure:
        """How performing the act fails."""
        with pytest.raises(PortError, match=match) as error:
            await self.executor.perform(act, case or self.context())
        return error.value.failure

    def customer(self) -> Customer:
        """The only person in Phoniro."""
        (customer,) = self.phoniro.customers.values()
        return customer


def shown(effect: Effect | None) -> ScheduleRecord:
    """The schedule that an effect shows."""
    assert effect is not None
    assert effect.schedule is not None
    return effect.schedule


@pytest.fixture
async def world() -> AsyncIterator[Ports]:
    async with Ports() as made:
        yield made
