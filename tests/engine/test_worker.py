"""How the worker shares its slots."""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import update

from adapter.engine.feed_reader import read_feeds
from adapter.engine.worker import CASES, _claim, work
from adapter.store import due
from adapter.store.tables import cases as cases_table
from tests.world import World


async def three_orders(world: World) -> None:
    for n in range(3):
        person = f"1934010{n + 1}TF0{n + 1}"
        world.ready(person)
    await read_feeds(world.rt, world.tenant)


@pytest.mark.parametrize("slot", [("exempel", CASES), ("exempel", "message")])
async def test_no_more_cases_or_acts_of_a_lane_are_under_way_than_there_are_places(slot: tuple[str, str]) -> None:
    async with World() as world:
        await three_orders(world)
        if slot[1] != CASES:
            await work(replace(world.rt, dry_run=True))
        elsewhere = {("exempel", "platform"): 8, ("other", slot[1]): 8}
        for busy, begun in ((9, 0), (8, 0), (6, 2), (0, 1)):
            started = await _claim(world.rt, Counter({slot: busy, **elsewhere}))
            for _, job in started:
                job.close()
            assert [its for its, _ in started].count(slot) == begun, "of the three that wait, what there is room for"


async def test_a_case_whose_last_decision_is_of_another_version_is_decided_anew() -> None:
    async with World() as world:
        await world.taken_in()
        ref = (await world.case()).ref
        unlike = update(cases_table).values(decision='{"phase": "lent"}')
        await world.db.run(lambda c: (c.execute(unlike), due.mark_due(c, "exempel", [ref], world.clock.now(), "order")))
        await work(world.rt)
        after = await world.case()
        assert (after.failures, after.last_decision is not None) == (0, True)
