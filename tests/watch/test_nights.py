"""The night watch end to end: a night at the simulated Phoniro, and who is told what of it (P12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapter.domain.ledger import Look, LookOutcome
from adapter.engine.look_reader import follow_looks
from adapter.engine.worker import work
from adapter.store import look_log
from connectors.mock.faults import Kind, Rule
from connectors.mock.phoniro.schemas import HandChange, SetOutcome
from tests.world import ANNA, MONDAY, World

EVENING = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
FIRST = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
SECOND = datetime(2026, 3, 3, 1, 15, tzinfo=UTC)
THIRD = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
DEADLINE = timedelta(minutes=35)
NIGHT = "natt@exempelkommun.example"
AUTHORITY = "myndighet@exempelkommun.example"
IT = "it-drift@exempelkommun.example"


async def running(world: World) -> str:
    """A case whose e-tillsyn runs from the first evening on; returns the schedule's id."""
    world.person()
    order = world.order()
    world.prepare(world.execute(order))
    await world.settle()
    world.clock.time = EVENING
    world.mail.sent.clear()
    (schedule,) = world.phoniro.schedules
    return schedule.id


def outcome(world: World, schedule_id: str, due: datetime, what: str, told_at: datetime | None = None) -> None:
    fields: dict[str, Any] = {"scheduleId": schedule_id, "dueAt": due, "outcome": what, "toldAt": told_at}
    world.phoniro.set_outcome(SetOutcome.model_validate(fields))


def mails(world: World, to: str) -> list[str]:
    return [subject for _, box, subject, _ in world.mail.sent if box == to]


async def looks(world: World) -> list[Look]:
    found = await world.db.run(lambda c: look_log.since(c, "exempel", MONDAY))
    return [look for some in found.values() for look in some]


async def test_a_night_in_which_all_is_done_is_told_nobody() -> None:
    async with World() as world:
        await running(world)
        await world.watch(MORNING + timedelta(hours=3))
        assert [(look.due_at, look.outcome) for look in await looks(world)] == [
            (FIRST, LookOutcome.OK),
            (SECOND, LookOutcome.OK),
            (THIRD, LookOutcome.OK),
        ]
        assert world.mail.sent == []
        (case,) = await world.cases()
        assert case.last_decision is not None
        assert {s.evidence for s in case.last_decision.steps if s.id == "I11"} == {"look"}


@pytest.mark.parametrize("what", ["missed", "camera_offline", "pending"])
async def test_a_look_that_is_not_done_is_told_by_mail_at_night_and_by_letter_in_the_morning(what: str) -> None:
    async with World() as world:
        schedule_id = await running(world)
        outcome(world, schedule_id, FIRST, what)
        notes = len(world.notes())
        await world.watch(FIRST + DEADLINE + world.rt.tuning.watch + timedelta(seconds=1))
        assert [s.split(",")[0] for s in mails(world, NIGHT)] == ["Nattillsyn är inte gjord 22:30"]
        assert len(world.notes()) == notes, "the coordinator is told in the morning"
        await world.watch(MORNING + timedelta(hours=3))
        assert len(mails(world, NIGHT)) == 1
        (note,) = world.notes()[notes:]
        assert note.startswith("Nattillsyn som inte blev gjord")


async def test_a_look_that_the_platform_does_not_even_list_is_told() -> None:
    async with World() as world:
        schedule_id = await running(world)
        kept = world.phoniro.supervisions
        world.phoniro.supervisions = lambda start, end: [  # type: ignore[method-assign]  # a list that leaves one out
            (at, s) for at, s in kept(start, end) if at != SECOND
        ]
        await world.watch(SECOND + DEADLINE + timedelta(minutes=3))
        (subject,) = mails(world, NIGHT)
        assert "02:15" in subject
        assert schedule_id


async def test_a_correction_is_told_as_one_and_the_coordinator_hears_nothing_of_it() -> None:
    async with World() as world:
        schedule_id = await running(world)
        notes = len(world.notes())
        outcome(world, schedule_id, FIRST, "missed")
        outcome(world, schedule_id, FIRST, "ok", told_at=FIRST + timedelta(minutes=50))
        await world.watch(MORNING + timedelta(hours=3))
        assert [s.split(":")[0] for s in mails(world, NIGHT)] == ["Nattillsyn är inte gjord 22", "Rättelse"]
        assert len(world.notes()) == notes


async def test_what_is_corrected_late_in_the_morning_is_found_by_the_reading_of_the_whole_night() -> None:
    async with World() as world:
        schedule_id = await running(world)
        notes = len(world.notes())
        outcome(world, schedule_id, FIRST, "missed")
        outcome(world, schedule_id, FIRST, "ok", told_at=MORNING + timedelta(minutes=90))
        await world.watch(MORNING + timedelta(hours=4))
        first, second = world.notes()[notes:]
        assert (first.split()[0], second.split()[0]) == ("Nattillsyn", "Rättelse")
        assert len(mails(world, NIGHT)) == 2


async def test_a_camera_that_is_offline_twice_goes_to_the_alarm_team_and_the_coordinator_until_it_answers() -> None:
    async with World() as world:
        schedule_id = await running(world)
        for due in (FIRST, SECOND):
            outcome(world, schedule_id, due, "camera_offline")
        notes = len(world.notes())
        await world.watch(MORNING + timedelta(hours=3))
        told = sorted(note.split(",")[0] for note in world.notes()[notes:])
        assert sum(note.startswith("Trygghetskameran svarar inte") for note in told) == 1, "the alarm team's was held"
        assert sum(note.startswith("Trygghetskameran svarar igen") for note in told) == 1


async def test_nobody_is_told_of_looks_while_the_schedule_is_paused_and_a_pause_after_a_look_is_no_offence() -> None:
    async with World() as world:
        schedule_id = await running(world)
        await world.watch(FIRST + timedelta(seconds=30))
        world.phoniro.change_by_hand(schedule_id, HandChange.model_validate({"paused": True}))
        await world.watch(MORNING)
        assert [s for s in mails(world, IT) if "utan rätt" in s] == []


async def test_who_looked_though_nobody_may_is_told_of_at_once_to_the_authority_and_it() -> None:
    async with World() as world:
        schedule_id = await running(world)
        world.lifecare.absence(ANNA, world.today, world.today + timedelta(days=3))
        await world.settle()
        await world.watch(FIRST - timedelta(minutes=30))
        assert world.phoniro.status(schedule_id) == "paused"
        world.phoniro.change_by_hand(schedule_id, HandChange.model_validate({"paused": False}))
        await world.watch(FIRST + timedelta(minutes=4))
        for box in (AUTHORITY, IT):
            assert [s.split(",")[0] for s in mails(world, box)] == ["Någon har tittat i en trygghetskamera utan rätt"]
        await world.watch(FIRST + timedelta(hours=1))
        assert len(mails(world, IT)) == 1
        assert [look.entitled for look in await looks(world)] == [False]


async def test_an_outage_is_told_once_for_the_municipality_and_its_looks_when_it_is_over() -> None:
    async with World() as world:
        schedule_id = await running(world)
        outcome(world, schedule_id, FIRST, "missed")
        await world.watch(FIRST - timedelta(minutes=10))
        world.phoniro_faults.add(Rule(kind=Kind.STATUS_BEFORE, path="/api/v1/supervisions", status=503, times=None))
        await world.watch(FIRST + timedelta(minutes=90))
        unfollowed = "Ingen följer nattens tillsyner via trygghetskamera just nu"
        assert mails(world, NIGHT) == [unfollowed]
        assert mails(world, IT).count(unfollowed) == 1
        world.phoniro_faults.clear()
        await world.watch(FIRST + timedelta(minutes=100))
        assert len(mails(world, NIGHT)) == 2
        assert "22:30" in mails(world, NIGHT)[1]
        await world.watch(MORNING + timedelta(hours=2))
        assert len(mails(world, NIGHT)) == 2


async def test_looks_at_a_schedule_that_no_case_owns_are_told_once() -> None:
    async with World() as world:
        await running(world)
        mine = world.phoniro.schedules[0].new
        world.phoniro.add_schedule(mine.model_copy(update={"external_reference": "made by hand"}))
        await world.watch(MORNING + timedelta(days=1))
        assert len([s for s in mails(world, IT) if "inte hör till något ärende" in s]) == 1


async def test_the_number_of_calls_depends_on_pages_not_on_cases() -> None:
    async with World() as world:
        for n in range(3):
            person = f"1935010{n + 1}TF0{n + 1}"
            world.person(person)
            world.prepare(world.execute(world.order(person)))
        await world.settle()
        world.clock.time = FIRST + timedelta(minutes=5)
        await follow_looks(world.rt, world.tenant)
        await work(world.rt)
        world.clock.time += timedelta(minutes=2)
        world.phoniro.forget_received()
        lifecare = len(world.lifecare.received())
        await follow_looks(world.rt, world.tenant)
        await work(world.rt)
        assert [r.request.path for r in world.phoniro.received()] == ["/api/v1/supervisions"]
        assert len(world.lifecare.received()) == lifecare
