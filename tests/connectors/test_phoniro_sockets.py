"""The Phoniro client over its real transport and real sockets, against the simulated Phoniro."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pytest

from connectors.errors import AmbiguousWrite, Conflict
from connectors.http import HttpSettings
from connectors.mock.faults import Kind
from connectors.mock.faults import Rule as Fault
from connectors.mock.phoniro import DEFAULT_CLIENT
from connectors.mock.serve import RunningSimulators, running_simulators
from connectors.phoniro.client import PhoniroClient
from connectors.phoniro.wire import Customer, ListedSchedule, NewSchedule, Rule, ScheduleChanges, Supervision

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SCHEDULES = "/api/v1/supervision-schedules"


@dataclass
class Clock:
    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sims(clock: Clock) -> AsyncIterator[RunningSimulators]:
    async with running_simulators(clock=clock) as sims:
        yield sims


@pytest.fixture
async def client(sims: RunningSimulators) -> AsyncIterator[PhoniroClient]:
    limits = HttpSettings(per_second=1e6, first_wait=0.001, longest_wait=0.002)
    async with PhoniroClient(sims.phoniro_url, *DEFAULT_CLIENT, settings=limits, page_size=2) as client:
        customer = Customer(external_id="å c?1", organisation_id="hemtjanst-norr", protected_identity=True)
        assert await client.put_customer(customer) == customer
        yield client


def _new(number: int = 1) -> NewSchedule:
    return NewSchedule(
        external_reference=f"TK-7F3K2M-{number}",
        customer_external_id="å c?1",
        organisation_id="hemtjanst-norr",
        time_zone="Europe/Stockholm",
        valid_from=date(2026, 3, 2),
        rules=(Rule(weekdays=("mon", "tue"), times=(time(2, 15), time(22, 30))),),
    )


async def test_a_schedule_from_its_creation_to_its_end(client: PhoniroClient, clock: Clock) -> None:
    created = await client.create_schedule(_new())
    schedule_id = created.schedule.id
    assert created.schedule.rules == _new().rules
    assert await client.get_schedule(schedule_id) == created == await client.find_schedule("TK-7F3K2M-1")

    changed = await client.patch_schedule(schedule_id, ScheduleChanges(valid_to=date(2026, 6, 30)), created.etag)
    assert (changed.schedule.valid_to, changed.schedule.rules) == (date(2026, 6, 30), created.schedule.rules)
    for stale in (created.etag, None):
        with pytest.raises(Conflict):
            await client.patch_schedule(schedule_id, ScheduleChanges(valid_to=None), stale)

    until = NOW + timedelta(days=2)
    paused = await client.pause_schedule(schedule_id, "absence", until)
    assert (paused.schedule.status, paused.schedule.paused_until) == ("paused", until)
    assert (await client.resume_schedule(schedule_id)).schedule.status == "active"

    clock.now += timedelta(days=1)
    rows = [row async for row in client.supervisions(NOW, clock.now)]
    assert [row.due_at.hour for row in rows if isinstance(row, Supervision)] == [21, 1]

    ended = await client.end_schedule(schedule_id, clock.now, "decision_ended")
    assert (ended.schedule.status, ended.schedule.ended_at) == ("ended", clock.now)
    with pytest.raises(Conflict):
        await client.resume_schedule(schedule_id)
    with pytest.raises(Conflict) as caught:
        await client.create_schedule(_new())
    assert caught.value.existing_id == schedule_id


@pytest.mark.parametrize("fault", [Kind.CUT_AFTER, Kind.GARBAGE, Kind.WRONG_SCHEMA, Kind.EMPTY])
async def test_a_creation_whose_answer_was_lost_is_unknown_sent_once_and_can_be_found(
    client: PhoniroClient, sims: RunningSimulators, fault: Kind
) -> None:
    sims.faults_phoniro.add(Fault(kind=fault, method="POST", path=SCHEDULES))
    with pytest.raises(AmbiguousWrite):
        await client.create_schedule(_new())
    assert len([one for one in sims.phoniro.received() if one.request.path == SCHEDULES]) == 1
    found = await client.find_schedule("TK-7F3K2M-1")
    assert found is not None


async def test_a_list_comes_whole_over_many_pages_although_one_page_is_lost(
    client: PhoniroClient, sims: RunningSimulators
) -> None:
    for number in range(1, 6):
        sims.phoniro.revoke_tokens()  # without anybody noticing
        await client.create_schedule(_new(number))
    sims.faults_phoniro.add(Fault(kind=Kind.CUT_BEFORE, method="GET", path=SCHEDULES, skip=1))
    rows = [row async for row in client.schedules()]
    assert [row.external_reference for row in rows if isinstance(row, ListedSchedule)] == [
        f"TK-7F3K2M-{number}" for number in range(1, 6)
    ]
