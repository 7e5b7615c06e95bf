"""Looks written back to Lifecare, end to end: one visit for each look that was done, and no other visit (LA12)."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from adapter.cli.check_write_back import check_write_back
from adapter.cli.findings import Mark
from adapter.engine.retention import forget
from adapter.store import events, outbox, tables
from adapter.store.tables import acts
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare import catalogue
from tests.ops.conftest import site_of
from tests.reliability.mortal import Killed
from tests.reliability.test_unknown import LOST
from tests.watch.test_nights import CYCLE, DEADLINE, FIRST, IT, MORNING, SECOND, THIRD, mails, outcome, running
from tests.watch.written_back import PERSONNEL, SERVICE, changes, mapping_with, visits
from tests.world import ANNA, World

PATH = "/WE.EC.Integration.Host/api/v1/reported_visits"
ALL = ["02 21:30", "03 01:15", "03 04:00"]
HELD = "Gjorda tillsyner kan inte skrivas till Lifecare"


def remap(world: World, mapping: Path) -> None:
    """The process starts again with another mapping."""
    tenant = world.settings.tenants["exempel"].model_copy(update={"mapping_file": mapping})
    world.settings = world.settings.model_copy(update={"tenants": {"exempel": tenant}})
    world.restart()


async def morning(world: World) -> None:
    await world.watch(MORNING + timedelta(hours=2), every=timedelta(hours=1))


async def page(world: World) -> str:
    async with site_of(world).client() as client:
        return str((await client.get(f"/cases/{(await world.case()).ref}")).text)


async def test_each_look_that_was_done_is_one_visit_by_whoever_looked_and_who_that_was_is_stored_nowhere(
    tmp_path: Path,
) -> None:
    async with World(mapping=mapping_with(tmp_path)) as world:
        schedule_id = await running(world)
        outcome(world, schedule_id, SECOND, "missed")
        await world.watch(FIRST + CYCLE)
        assert visits(world.lifecare) == ALL[:1], "as soon as it is known"
        await morning(world)
        assert visits(world.lifecare) == [ALL[0], ALL[2]]
        assert changes(world.lifecare) == ["created", "created"]
        first = world.lifecare.visits()[0]
        staff = catalogue.PERSONNEL["night_staff"]
        assert first["ExternalId"] == f"{schedule_id}:{int(FIRST.timestamp())}"
        assert (first["ClientPersonId"], first["PersonnelPersonId"]) == (ANNA, staff.person_id)
        assert (first["EndTime"] - first["StartTime"], first["Status"]) == (timedelta(minutes=2), "Completed")
        assert first["Services"][0]["ServiceType"]["Code"] == catalogue.CAMERA.code
        assert first["ExecutionId"] == first["Services"][0]["ExecutionId"]
        assert (await page(world)).count("</dt><dd>skriven till Lifecare") == 2
        stored = await world.db.run(lambda c: [str(row) for t in (acts, tables.events) for row in c.execute(select(t))])
        for who in (staff.person_id, staff.signature, "operator-1"):
            assert not any(who in row for row in stored)


async def test_a_plan_shows_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    async with World(mapping=mapping_with(tmp_path, mode="plan")) as world:
        await running(world)
        await morning(world)
        assert changes(world.lifecare) == []
        assert await world.db.run(lambda c: c.scalar(select(func.count()).where(acts.c.lane == "visit"))) == 0
        assert (await page(world)).count("skulle skrivas till Lifecare") == 3


async def test_what_phoniro_corrects_is_corrected_or_taken_back(tmp_path: Path) -> None:
    """Missed and then done; done and then missed; a patrol was sent after all."""
    async with World(mapping=mapping_with(tmp_path)) as world:
        schedule_id = await running(world)
        later = timedelta(minutes=40)
        for due, first, then in ((FIRST, "missed", "ok"), (SECOND, "ok", "missed"), (THIRD, "ok", "visit_dispatched")):
            outcome(world, schedule_id, due, first)
            outcome(world, schedule_id, due, then, told_at=due + later)
        await world.watch(FIRST + CYCLE)
        assert visits(world.lifecare) == []
        await morning(world)
        assert visits(world.lifecare) == ALL[:1]
        assert changes(world.lifecare) == ["created", "created", "deleted", "created", "deleted"]


async def test_a_protected_persons_looks_are_written_only_where_the_table_says_so(tmp_path: Path) -> None:
    allowed = mapping_with(tmp_path / "a", ("protected = false", "protected = true"))
    async with World(mapping=mapping_with(tmp_path)) as world:
        await running(world)
        world.lifecare.protect(ANNA, "address")
        await world.settle()
        await world.watch(SECOND + DEADLINE)
        assert changes(world.lifecare) == []
        withheld = "inte skriven: personen hade skyddade uppgifter"
        assert (await page(world)).count(withheld) == 2
        remap(world, allowed)
        await morning(world)
        assert visits(world.lifecare) == ALL[2:], "what was withheld stays so"
        shown = await page(world)
        assert (shown.count(withheld), shown.count("</dt><dd>skriven till Lifecare")) == (2, 1), "and is shown so"


async def test_what_is_missing_holds_back_is_told_once_by_table_and_key_and_once_it_is_there_all_goes_out(
    tmp_path: Path,
) -> None:
    def without(*keys: str) -> Path:
        return mapping_with(tmp_path / str(len(keys)), *((key, "") for key in keys))

    async with World(mapping=without(SERVICE, PERSONNEL)) as world:
        await running(world)
        await morning(world)
        for then, told in (
            (without(PERSONNEL), "service_type saknas i mappningens tabell reported_visits"),
            (without(), "saknas i mappningens tabell reported_visits.personnel"),
        ):
            assert changes(world.lifecare) == []
            assert [told in body for _, _, subject, body in world.mail.sent if subject == HELD].count(True) == 1
            parts = world.service.tenants["exempel"]
            checked = check_write_back(parts.lifecare, parts.phoniro, parts.mapping, world.clock.now())
            assert [f.subject for f in [one async for one in checked] if f.mark is Mark.FAULT]
            remap(world, then)
            await world.db.run(lambda c: outbox.release_parked(c, "exempel", world.clock.now()))
            await world.pass_time(minutes=5)
        assert visits(world.lifecare) == ALL


async def test_who_looked_and_came_to_lifecare_only_now_is_found_the_next_morning(tmp_path: Path) -> None:
    async with World(mapping=mapping_with(tmp_path)) as world:
        await running(world)
        staff = catalogue.PERSONNEL["night_staff"].person_id
        world.lifecare.change("personnels", staff, Active=False)
        await morning(world)
        assert (visits(world.lifecare), mails(world, IT).count(HELD)) == ([], 1)
        world.lifecare.change("personnels", staff, Active=True)
        await world.watch(MORNING + timedelta(hours=26), every=timedelta(hours=2))
        assert visits(world.lifecare)[:3] == ALL


async def test_what_waits_when_it_is_switched_off_stays_and_goes_out_when_it_is_on_again(tmp_path: Path) -> None:
    on, off = mapping_with(tmp_path / "on"), mapping_with(tmp_path / "off", mode="off")
    async with World(mapping=on) as world:
        await running(world)
        world.lifecare_faults.add(Rule(kind=Kind.STATUS_BEFORE, status=503, path=PATH, times=None))
        await world.watch(FIRST + CYCLE)
        remap(world, off)
        await world.watch(SECOND)
        assert (changes(world.lifecare), mails(world, IT)) == ([], [])
        world.lifecare_faults.clear()
        remap(world, on)
        await world.db.run(lambda c: outbox.release_parked(c, "exempel", world.clock.now()))
        await world.pass_time(minutes=5)
        assert visits(world.lifecare) == ALL[:1]


async def test_a_visit_that_lifecare_will_not_take_is_told_however_it_says_so_and_holds_up_nothing_else(
    tmp_path: Path,
) -> None:
    """By a 404, by a 409, and in the end the key has no licence any more."""
    async with World(mapping=mapping_with(tmp_path)) as world:
        await running(world)
        for told, (status, until) in enumerate(((404, FIRST + CYCLE), (409, SECOND + DEADLINE)), 1):
            world.lifecare_faults.clear()
            world.lifecare_faults.add(
                Rule(kind=Kind.STATUS_BEFORE, status=status, method="POST", path=PATH, times=None)
            )
            await world.watch(until)
            assert mails(world, IT).count(HELD) == told
        world.lifecare_faults.clear()
        world.lifecare.settings.unlicensed.add("reported_visits")
        await morning(world)
        assert mails(world, IT).count(HELD) == 3
        assert world.rt.breakers.of("exempel", "lifecare").closed


async def test_however_an_answer_is_lost_each_look_is_one_visit(tmp_path: Path) -> None:
    """Three nights. In each, the second look is first listed as done and then as missed."""
    async with World(mapping=mapping_with(tmp_path)) as world:
        schedule_id = await running(world)
        for fault in LOST.values():
            for method in ("POST", "DELETE"):
                world.lifecare_faults.add(Rule.model_validate({**fault, "method": method, "path": PATH}))
        for night in range(3):
            second = SECOND + timedelta(days=night)
            outcome(world, schedule_id, second, "ok")
            outcome(world, schedule_id, second, "missed", told_at=second + timedelta(minutes=50))
        await world.watch(MORNING + timedelta(days=2, hours=2), every=timedelta(hours=1))
        assert len(visits(world.lifecare)) == 6
        assert not [at for at in visits(world.lifecare) if at.endswith("01:15")]
        assert (changes(world.lifecare).count("created"), changes(world.lifecare).count("deleted")) == (9, 3)
        assert len(world.lifecare_faults.hits) > len(LOST)


async def test_a_process_that_dies_around_a_visit_leaves_one_visit(tmp_path: Path) -> None:
    died: list[str] = []

    async def dies(point: str) -> None:
        if point.startswith(("act visit", "looks taken in")) and point not in died:
            died.append(point)
            raise Killed

    async with World(mapping=mapping_with(tmp_path), pause=dies) as world:
        await running(world)
        while world.clock.time < MORNING + timedelta(hours=3):
            try:
                await world.watch(world.clock.time + timedelta(minutes=10))
            except Killed:
                world.restart()
        assert len(died) >= 4
        assert (visits(world.lifecare), changes(world.lifecare)) == (ALL, ["created"] * 3)


async def test_what_was_written_back_is_kept_no_longer_than_personal_data_and_not_in_the_cases_ledger(
    tmp_path: Path,
) -> None:
    async with World(mapping=mapping_with(tmp_path)) as world:
        await running(world)
        await morning(world)
        ref = (await world.case()).ref
        assert all("visit" not in act.kind for act in await world.acts(ref))

        async def kept() -> int:
            written = select(func.count()).select_from(acts).where(acts.c.ref.like(f"{ref}-%"))
            return await world.db.run(lambda c: c.scalar(written) or 0)

        told = await world.db.run(lambda c: events.named(c, "exempel", "visits.night"))
        assert [event.data for event in told] == [{"visit.done": 3}], "a night is one line of the audit"
        audit = await world.db.run(lambda c: c.scalars(select(tables.events.c.ref)).all())
        assert not [name for name in audit if name and "@" in name]
        assert await kept() == 3
        world.clock.time += world.tenant.retention - timedelta(days=1)
        await forget(world.rt)
        assert await kept() == 3
        world.clock.time += timedelta(days=2)
        await forget(world.rt)
        assert await kept() == 0
