"""The full comparison with the camera platform."""

import asyncio
import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from adapter.engine import comparison
from adapter.engine.comparison import Comparison, compare, compare_when_due
from adapter.engine.runtime import Runtime, Tenant
from adapter.ports import PlatformSchedule
from adapter.store import codec, feeds
from adapter.store.feeds import Feed
from adapter.store.tables import schedules
from connectors.mock.faults import Kind, Rule
from connectors.mock.phoniro.schedules import Version
from connectors.mock.phoniro.schemas import HandChange
from tests.conftest import Logs
from tests.world import MONDAY, World


async def active(world: World) -> str:
    """An active case an hour old; returns the schedule's id."""
    await world.active()
    return str(world.phoniro.schedules[0].id)


async def test_what_nobody_touched_is_the_same_also_where_another_version_wrote_it_down_in_another_form() -> None:
    async with World() as world:
        await active(world)
        found = await compare(world.rt, world.tenant)
        assert (found.listed, found.same, found.changed, found.unowned) == (1, 1, [], [])
        stored = world.rt.db.run_sync(lambda c: c.execute(select(schedules.c.record)).scalar_one())
        otherwise = json.dumps(json.loads(stored), indent=1, sort_keys=True)
        world.rt.db.run_sync(lambda c: c.execute(update(schedules).values(record=otherwise)))
        assert (await compare(world.rt, world.tenant)).same == 1


LATER = HandChange.model_validate({"validTo": date(2027, 4, 6)})
OTHER_TIMES = HandChange.model_validate_json('{"rules": [{"weekdays": ["mon"], "times": ["01:01"]}]}')
PAUSED = HandChange(paused=True)


def stands(world: World) -> Version:
    """How the schedule stands in Phoniro, whoever wrote it, and when."""
    return replace(world.phoniro.schedules[0].now, number=0, at=MONDAY, act="")


async def test_a_schedule_changed_by_hand_is_told_and_put_right_unless_the_policy_says_otherwise(logs: Logs) -> None:
    async with World() as world:
        schedule_id, right = await active(world), stands(world)
        ref = (await world.case()).ref
        for change in (LATER, OTHER_TIMES, PAUSED):
            world.clock.time += timedelta(hours=1)
            world.phoniro.change_by_hand(schedule_id, change)
            assert (await compare(world.rt, world.tenant)).changed == [f"{ref}-1"]
            await world.settle()
            assert stands(world) == right
        assert [line["case"] for line in logs.events("schedule_changed")] == [ref] * 3
        world.clock.time += timedelta(hours=1)
        world.tune(mend_drift=False)
        world.phoniro.change_by_hand(schedule_id, LATER)
        assert (await compare(world.rt, world.tenant)).changed == [f"{ref}-1"]
        await world.settle()
        assert world.valid_to(schedule_id) == LATER.valid_to


async def test_how_long_its_looks_may_take_is_learnt_of_a_schedule_from_before_it_was_kept_and_put_right() -> None:
    async with World() as world:
        await active(world)
        change = HandChange.model_validate({"toleranceMinutes": 45, "retryAfterMinutes": 15})
        world.phoniro.change_by_hand(world.phoniro.schedules[0].id, change)

        def old(c: Connection) -> None:
            (row,) = c.execute(select(schedules)).all()
            before = replace(codec.SCHEDULE.load(row.record), patience=None)
            c.execute(update(schedules).values(record=codec.SCHEDULE.dump(before)))

        await world.db.run(old)
        found = await compare(world.rt, world.tenant)
        assert (found.same, found.changed) == (1, [])
        await world.pass_time(hours=25)
        assert world.phoniro.schedules[0].now.tolerance_minutes == 30
        acts = [act.what for act in await world.acts() if "tolerance" in act.what]
        assert acts == [{"n": 1, "tolerance": 30, "retry_after": 15}]


async def test_what_changed_moments_ago_is_left_out_and_told() -> None:
    async with World() as world:
        schedule_id = await active(world)
        world.rt.db.run_sync(lambda c: c.execute(update(schedules).values(record=_seen_now(c, world))))
        world.phoniro.change_by_hand(schedule_id, LATER)
        found = await compare(world.rt, world.tenant)
        assert (found.changed, found.left_out) == ([], [f"{(await world.case()).ref}-1"])


def _seen_now(c: Connection, world: World) -> str:
    record = codec.SCHEDULE.load(c.execute(select(schedules.c.record)).scalar_one())
    return codec.SCHEDULE.dump(replace(record, seen_at=world.clock.time))


@pytest.mark.parametrize("end_unowned", [False, True])
async def test_one_of_ours_that_no_case_owns_is_told_and_ended_only_by_policy(end_unowned: bool, logs: Logs) -> None:
    async with World() as world:
        schedule_id = await active(world)
        template = world.phoniro.schedule(schedule_id).new
        world.tune(end_unowned=end_unowned)
        orphan = world.phoniro.add_schedule(template.model_copy(update={"external_reference": "TK-ZZZZZZ-1"}))
        world.phoniro.add_schedule(template.model_copy(update={"external_reference": "somebody-elses"}))
        found = await compare(world.rt, world.tenant)
        assert found.unowned == ["TK-ZZZZZZ-1"]
        assert found.others == 1
        assert world.phoniro.status(orphan.id) == ("ended" if end_unowned else "active")
        assert logs.events("schedule_unowned")[0]["level"] == "error"


async def test_it_is_made_once_a_day_by_whoever_is_first_as_soon_as_the_platform_answers(logs: Logs) -> None:
    async with World() as world:
        await active(world)
        world.phoniro_faults.add(Rule(kind=Kind.STATUS_BEFORE, status=503, times=None))
        await compare_when_due(world.rt, world.tenant)
        assert logs.events("comparison_done") == []
        world.phoniro_faults.clear()
        for hours, made in ((0, 1), (0, 1), (25, 2)):
            world.clock.time += timedelta(hours=hours)
            await compare_when_due(world.rt, world.tenant)
            assert len(logs.events("comparison_done")) == made


async def test_one_that_lasts_longer_than_its_lease_is_not_begun_by_another_process_meanwhile(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed, renew = asyncio.Event(), feeds.renew

    def and_told(c: Connection, feed: Feed, *, lease_until: datetime) -> Feed:
        renewed.set()
        return renew(c, feed, lease_until=lease_until)

    async def slow(rt: Runtime, tenant: Tenant) -> Comparison:
        world.clock.time += rt.tuning.lease
        async with asyncio.timeout(30):
            await renewed.wait()
        await compare_when_due(replace(rt, owner="another"), tenant)
        return await compare(rt, tenant)

    async with World() as world:
        world.tune(lease=timedelta(seconds=0.03))
        monkeypatch.setattr(feeds, "renew", and_told)
        monkeypatch.setattr(comparison, "compare", slow)
        await compare_when_due(world.rt, world.tenant)
        assert len(logs.events("comparison_done")) == 1
        assert logs.events("lease_lost") == []


async def test_what_an_act_stored_while_the_comparison_read_its_schedule_stays(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World() as world:
        schedule_id = await active(world)
        platform, ref = world.tenant.platform, (await world.case()).ref
        read_one = platform.schedule

        async def and_an_act_ends(id: str) -> PlatformSchedule | None:
            found = await read_one(id)
            world.clock.time += timedelta(seconds=1)
            await world.db.run(lambda c: c.execute(update(schedules).values(record=_seen_now(c, world))))
            return found

        monkeypatch.setattr(platform, "schedule", and_an_act_ends)
        world.phoniro.change_by_hand(schedule_id, PAUSED)
        found = await compare(world.rt, world.tenant)
        assert (found.changed, found.left_out) == ([], [f"{ref}-1"])
        assert logs.events("schedule_changed") == []


async def test_a_schedule_that_can_not_be_read_is_set_aside_and_the_rest_is_compared(logs: Logs) -> None:
    """P6: a schedule of ours that can't be read in the list is read by its id."""
    async with World() as world:
        schedule_id = await active(world)
        ours = world.phoniro.schedules[0]
        other = world.phoniro.add_schedule(ours.new.model_copy(update={"external_reference": "TK-ZZZZZZ-1"}))
        world.phoniro.change_by_hand(schedule_id, PAUSED)
        listed = other.as_json(other.now, world.clock.time)
        rows = [{"id": schedule_id, "rules": "odd"}, {"id": "x"}, {"externalReference": 7}, listed]
        page = json.dumps({"items": rows, "nextCursor": None})
        rule = Rule(kind=Kind.STATUS_BEFORE, status=200, body=page, pattern=r"/supervision-schedules\?", times=None)
        world.phoniro_faults.add(rule)
        await compare_when_due(world.rt, world.tenant)
        (done,) = logs.events("comparison_done")
        assert (done["changed"], done["unowned"], done["unread"]) == (1, 1, 2)
        assert logs.events("schedules_broken")[0]["rows"] == 2

        world.phoniro_faults.add(Rule(kind=Kind.WRONG_SCHEMA, pattern=schedule_id, times=None))
        found = await compare(world.rt, world.tenant)
        assert found.unread == [f"{(await world.case()).ref}-1", "x", "?"], "nor by itself"
        assert found.unowned == ["TK-ZZZZZZ-1"]


async def test_a_schedule_that_is_stored_in_a_form_of_another_version_holds_up_no_other() -> None:
    async with World() as world:
        await active(world)
        await world.active("19900101TF03")
        first = (await world.cases())[0].ref
        await world.rt.db.run(
            lambda c: c.execute(update(schedules).where(schedules.c.ref == first).values(record="{}"))
        )
        found = await compare(world.rt, world.tenant)
        assert (found.same, found.unread) == (1, [f"{first}-1"])
