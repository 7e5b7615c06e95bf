"""The night watch end to end: a night at the simulated Phoniro, and who is told what (P12)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, update

from adapter.domain.ledger import Look, LookOutcome
from adapter.engine import look_reader, reconcile
from adapter.engine.look_reader import follow_looks
from adapter.engine.worker import work
from adapter.store import look_log
from adapter.store.errors import StoreError
from adapter.store.schedules import by_remote_ids
from adapter.store.tables import schedules
from connectors.mock.faults import Kind, Rule
from connectors.mock.phoniro.schemas import HandChange, SetOutcome
from tests.conftest import Logs
from tests.domain.life import POLICY
from tests.ops.conftest import site_of
from tests.world import ANNA, MONDAY, World

EVENING = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
FIRST = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
SECOND = datetime(2026, 3, 3, 1, 15, tzinfo=UTC)
THIRD = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
DEADLINE = timedelta(minutes=35)
CYCLE = timedelta(minutes=2)
NIGHT = "natt@exempelkommun.example"
AUTHORITY = "myndighet@exempelkommun.example"
IT = "it-drift@exempelkommun.example"


async def running(world: World) -> str:
    """A case whose e-tillsyn runs from the first evening on; returns the schedule's id."""
    world.ready()
    await world.settle()
    world.clock.time = EVENING
    world.mail.sent.clear()
    (schedule,) = world.phoniro.schedules
    return schedule.id


def outcome(world: World, schedule_id: str, due: datetime, what: str, told_at: datetime | None = None) -> None:
    fields: dict[str, Any] = {"scheduleId": schedule_id, "dueAt": due, "outcome": what, "toldAt": told_at}
    fields |= {"operatorId": "operator-1"}
    world.phoniro.set_outcome(SetOutcome.model_validate(fields))


def mails(world: World, to: str) -> list[str]:
    return [subject for _, box, subject, _ in world.mail.sent if box == to]


async def looks(world: World) -> list[Look]:
    found = await world.db.run(lambda c: look_log.since(c, "exempel", MONDAY))
    return [look for some in found.values() for look in some]


async def test_a_night_in_which_all_is_done_is_told_nobody_and_shown_and_a_look_that_is_nobodys_is_told_once() -> None:
    async with World() as world:
        await running(world)
        mine = world.phoniro.schedules[0].new
        await world.watch(MORNING + timedelta(hours=3))
        night = {look.due_at: look.outcome for look in await looks(world)}
        assert night == dict.fromkeys((FIRST, SECOND, THIRD), LookOutcome.OK)
        assert world.mail.sent == []
        assert {s.evidence for s in (await world.decision()).steps if s.id == "I11"} == {"look"}
        async with site_of(world).client() as client:
            page = (await client.get(f"/cases/{(await world.case()).ref}")).text
        assert "första tillsynen är gjord" in page
        assert page.count('class="mark ok"') == 3
        assert "22:30 gjord, 02:15 gjord, 05:00 gjord" in page
        world.phoniro.add_schedule(mine.model_copy(update={"external_reference": "made by hand"}))
        await world.watch(MORNING + timedelta(days=1), every=timedelta(hours=1))
        assert len([s for s in mails(world, IT) if "inte hör till något ärende" in s]) == 1


async def test_a_look_that_is_not_done_is_told_by_mail_at_night_and_all_of_them_by_one_letter_in_the_morning() -> None:
    """Missed; not even listed; and pending for ever."""
    async with World() as world:
        schedule_id = await running(world)
        outcome(world, schedule_id, FIRST, "missed")
        outcome(world, schedule_id, THIRD, "pending")
        kept, notes = world.phoniro.supervisions, len(world.notes())
        world.phoniro.supervisions = lambda start, end: [  # type: ignore[method-assign]  # a list that leaves one out
            (at, s) for at, s in kept(start, end) if at != SECOND
        ]
        await world.watch(FIRST + CYCLE)
        assert [s.split(",")[0] for s in mails(world, NIGHT)] == ["Nattillsyn är inte gjord 22:30"]
        await world.watch(SECOND + DEADLINE - timedelta(seconds=1))
        assert len(mails(world, NIGHT)) == 1, "it may still be done"
        await world.watch(SECOND + DEADLINE + CYCLE)
        await world.watch(THIRD + DEADLINE + CYCLE)
        told = [s.split(",")[0].rpartition(" ")[2] for s in mails(world, NIGHT)]
        assert (told, len(world.notes())) == (["22:30", "02:15", "05:00"], notes), "the coordinator is told later"
        await world.watch(MORNING + timedelta(hours=3))
        (note,) = world.notes()[notes:]
        assert note.startswith("Nattillsyn som inte blev gjord")
        assert len(mails(world, NIGHT)) == 3


async def test_who_looked_during_a_pause_is_told_of_at_once_to_the_authority_and_it_and_not_who_looked_before() -> None:
    async with World() as world:
        schedule_id = await running(world)
        await world.watch(FIRST - CYCLE)
        world.clock.time = FIRST + timedelta(minutes=3)
        world.lifecare.absence(ANNA, world.today, world.today + timedelta(days=3))
        await world.settle()
        assert world.phoniro.status(schedule_id) == "paused"
        await follow_looks(world.rt, world.tenant)
        assert ([look.entitled for look in await looks(world)], mails(world, IT)) == ([True], []), "paused after it"
        await world.watch(SECOND - timedelta(minutes=30))
        world.phoniro.change_by_hand(schedule_id, HandChange.model_validate({"paused": False}))
        await world.watch(SECOND + timedelta(minutes=4))
        for box in (AUTHORITY, IT):
            assert [s.split(",")[0] for s in mails(world, box)] == ["Någon har tittat i en trygghetskamera utan rätt"]
        await world.watch(SECOND + timedelta(hours=1))
        assert len(mails(world, IT)) == 1
        assert [look.entitled for look in await looks(world)] == [True, False]


async def test_an_outage_is_told_once_for_the_municipality_and_its_looks_when_it_is_over(logs: Logs) -> None:
    async with World() as world:
        schedule_id = await running(world)
        outcome(world, schedule_id, FIRST, "missed")
        await world.watch(FIRST - timedelta(minutes=10))
        world.phoniro_faults.add(Rule(kind=Kind.STATUS_BEFORE, path="/api/v1/supervisions", status=503, times=None))
        await world.watch(FIRST + timedelta(minutes=90), every=timedelta(minutes=10))
        unfollowed = "Ingen följer nattens tillsyner via trygghetskamera just nu"
        assert mails(world, NIGHT) == [unfollowed]
        assert mails(world, IT).count(unfollowed) == 1
        assert len(logs.events("looks_not_followed")) == 1
        world.phoniro_faults.clear()
        await world.watch(FIRST + timedelta(minutes=100))
        late = "Nattillsyn som inte blev gjord medan ingen kunde följa den: 1 st"
        assert mails(world, NIGHT) == [unfollowed, late], "one mail for all of them, with a list"
        body = next(body for _, box, subject, body in world.mail.sent if (box, subject) == (NIGHT, late))
        assert f"{(await world.case()).ref}: måndag den 2 mars 2026 klockan 22:30" in body
        notes = len(world.notes())
        await world.watch(MORNING + timedelta(hours=2))
        assert len(mails(world, NIGHT)) == 2
        assert len(world.notes()) == notes + 1, "the coordinator is told in the morning as ever"


async def test_a_schedule_that_this_version_cannot_read_is_told_and_keeps_nobody_elses_looks_unfollowed(
    logs: Logs,
) -> None:
    """Nor is the status page kept from anybody, nor another case from being decided by the night load."""
    async with World() as world:
        mine = await running(world)
        world.ready("19340102TF01")
        await world.settle()
        (other,) = (s.id for s in world.phoniro.schedules if s.id != mine)
        outcome(world, mine, FIRST, "ok")  # nobody can say whether somebody may look there
        outcome(world, other, FIRST, "missed")
        owned = await world.db.run(lambda c: by_remote_ids(c, "exempel", [mine, other]))
        spoilt, sound = owned[mine].ref, owned[other].ref
        of_spoilt = update(schedules).where(schedules.c.remote_id == mine)
        await world.db.run(lambda c: c.execute(of_spoilt.values(record="{}")))
        await world.watch(FIRST + timedelta(minutes=4))
        assert len([s for s in mails(world, NIGHT) if s.startswith("Nattillsyn är inte gjord 22:30")]) == 1
        unread = f"Alla tillsyner kan inte följas i natt: {spoilt}"
        assert (mails(world, NIGHT).count(unread), mails(world, IT).count(unread)) == (1, 1)
        assert [line["case"] for line in logs.events("looks_not_followed")] == [spoilt]
        assert {line["case"] for line in logs.events("case_poisoned")} == {spoilt}
        assert set(await world.db.run(lambda c: look_log.since(c, "exempel", MONDAY))) == {sound}
        async with site_of(world).client() as client:
            assert 'adapter_supervision_active{tenant="exempel"} 1.0' in (await client.get("/metrics")).text
            assert "Något som är sparat om ärendet går inte att läsa" in (await client.get(f"/cases/{spoilt}")).text
        load = await world.db.run(lambda c: world.rt.night_loads.of(c, "exempel", world.tenant.policy, EVENING))
        assert sum(sum(of_unit.values()) for of_unit in load.values()) == 3, "the looks of the one that can be read"
        await world.watch(SECOND + timedelta(days=1), every=timedelta(hours=1))
        assert mails(world, NIGHT).count(unread) == 2, "once a night, until it can be read"


async def test_a_look_that_is_not_done_is_told_even_if_its_case_cannot_be_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def chokes(*_: object) -> None:
        raise ZeroDivisionError("these facts")

    async with World() as world:
        mine = await running(world)
        (case,) = await world.cases()
        unfollowed = f"Alla tillsyner kan inte följas i natt: {case.ref}"
        await world.watch(FIRST - timedelta(minutes=10))
        monkeypatch.setattr(reconcile, "decide", chokes)
        outcome(world, mine, FIRST, "ok")
        await world.watch(FIRST + timedelta(minutes=20))
        assert unfollowed not in mails(world, NIGHT), "there is nothing that had to be told"
        outcome(world, mine, SECOND, "missed")
        await world.watch(SECOND + timedelta(hours=2))
        assert (mails(world, NIGHT).count(unfollowed), mails(world, IT).count(unfollowed)) == (1, 1)
        monkeypatch.undo()
        await world.watch(SECOND + timedelta(hours=4))
        assert [s for s in mails(world, NIGHT) if s.startswith("Nattillsyn är inte gjord 02:15")], "told once it can"


@pytest.mark.parametrize("minute", range(3))
def test_the_looks_are_read_once_more_when_the_last_one_cannot_be_open_any_more(minute: int) -> None:
    """Otherwise one that was due in the night's last minute would be told an hour late."""
    _, over = look_reader.bounds(POLICY, EVENING.date())
    cursor = now = over - timedelta(hours=1, minutes=minute)
    reads = []
    while now < over + timedelta(minutes=50):
        if look_reader.span(POLICY, cursor, now) is not None:
            cursor = now
            reads.append(now)
        now += CYCLE
    assert over <= reads[-1] < over + CYCLE


async def test_that_nobody_follows_the_looks_is_logged_once_it_is_stored(logs: Logs) -> None:
    def disk_full(_: object) -> None:
        raise StoreError("the disk is full", "full")

    async with World() as world:
        await running(world)
        await world.watch(FIRST - timedelta(minutes=10))
        world.phoniro_faults.add(Rule(kind=Kind.STATUS_BEFORE, path="/api/v1/supervisions", status=503, times=None))
        world.clock.time = FIRST + timedelta(minutes=30)
        rt, real = world.service.runtime, look_reader._want_unfollowed
        (tenant,) = rt.tenants.values()
        with pytest.MonkeyPatch.context() as patched:

            def wanted(c: Connection, *args: Any) -> datetime | None:
                event.listen(world.db._engine, "commit", disk_full)
                return real(c, *args)

            patched.setattr(look_reader, "_want_unfollowed", wanted)
            with pytest.raises(StoreError):
                await follow_looks(rt, tenant)
            event.remove(world.db._engine, "commit", disk_full)
        assert logs.events("looks_not_followed") == []
        world.clock.time += timedelta(minutes=2)
        await follow_looks(rt, tenant)
        assert len(logs.events("looks_not_followed")) == 1


async def test_a_reading_costs_calls_by_pages_not_by_cases_and_asks_the_database_nothing_of_what_is_not() -> None:
    async with World() as world:
        asked: list[str] = []
        event.listen(world.db._engine, "before_cursor_execute", lambda _c, _cur, sql, *_: asked.append(sql))
        world.clock.time = EVENING
        await follow_looks(world.rt, world.tenant)
        asked.clear()
        world.clock.time += CYCLE
        await follow_looks(world.rt, world.tenant)
        tables = [sql.split("FROM ")[-1].split()[0] for sql in asked if sql.startswith("SELECT")]
        assert tables == ["feeds", "looks", "acts", "schedules"], "which schedules there are, and nothing of any"
        world.clock.time = MONDAY
        for n in range(3):
            person = f"1935010{n + 1}TF0{n + 1}"
            world.ready(person)
        await world.settle()
        world.clock.time = FIRST + timedelta(minutes=5)
        await follow_looks(world.rt, world.tenant)
        await work(world.rt)
        world.clock.time += CYCLE
        lifecare, phoniro = len(world.lifecare.received()), len(world.phoniro.received())
        await follow_looks(world.rt, world.tenant)
        await work(world.rt)
        assert [r.path for r in world.phoniro.received()[phoniro:]] == ["/api/v1/supervisions"]
        assert len(world.lifecare.received()) == lifecare


async def test_a_look_that_the_clock_skips_is_one_look_wherever_a_reading_of_the_night_begins() -> None:
    """Our look is due right after the gap, Phoniro's half an hour later. Some readings begin between the two."""
    saturday = datetime(2026, 3, 28, 8, 0, tzinfo=UTC)
    async with World(start=saturday) as world:
        world.ready(times="22.30, 02.30 och 05.00")
        await world.settle()
        await world.watch(saturday + timedelta(hours=26), every=timedelta(minutes=20))
        night = [(look.due_at, look.outcome) for look in await looks(world)]
        assert [due.hour for due, _ in night] == [21, 1, 3]
        assert {outcome for _, outcome in night} == {LookOutcome.OK}
