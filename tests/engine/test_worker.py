"""How the work shares its places."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from adapter.engine.feed_reader import read_feeds
from adapter.engine.worker import CASES, Done, _claim, work
from tests.world import World


async def three_orders(world: World) -> None:
    for n in range(3):
        person = f"1934010{n + 1}TF0{n + 1}"
        world.person(person)
        world.prepare(world.execute(world.order(person)))
    await read_feeds(world.rt, world.tenant)


@pytest.mark.parametrize("slot", [("exempel", CASES), ("exempel", "message")])
@pytest.mark.parametrize(("busy", "begun"), [(0, 3), (6, 2), (8, 0), (9, 0)])
async def test_no_more_cases_or_acts_of_a_lane_are_under_way_than_there_are_places(
    slot: tuple[str, str], busy: int, begun: int
) -> None:
    async with World() as world:
        await three_orders(world)
        if slot[1] != CASES:
            await work(replace(world.rt, dry_run=True))
        elsewhere = {("exempel", "platform"): 8, ("other", slot[1]): 8}
        started = await _claim(world.rt, Counter({slot: busy, **elsewhere}), Done())
        for _, job in started:
            job.close()
        assert [its for its, _ in started].count(slot) == begun
