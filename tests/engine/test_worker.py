"""How the work shares its places."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from adapter.engine.feed_reader import read_feeds
from adapter.engine.worker import CASES, Done, _claim, _room_for_cases, work
from tests.world import World


@pytest.mark.parametrize(
    ("acts", "cases", "left"), [(0, 0, 8), (0, 3, 5), (5, 1, 2), (8, 0, 2), (24, 1, 1), (24, 2, 0)]
)
async def test_acts_under_way_take_places_of_cases_but_never_the_last_quarter(acts: int, cases: int, left: int) -> None:
    async with World() as world:
        assert world.rt.tuning.concurrency == 8
        busy = Counter({("exempel", "platform"): acts, ("exempel", CASES): cases, ("other", "platform"): 9})
        assert _room_for_cases(world.rt, "exempel", busy, []) == left


@pytest.mark.parametrize(("busy", "begun"), [(0, 3), (6, 2), (8, 0), (9, 0)])
async def test_of_a_lane_no_more_acts_are_under_way_than_there_are_places(busy: int, begun: int) -> None:
    async with World() as world:
        for n in range(3):
            person = f"1934010{n + 1}TF0{n + 1}"
            world.person(person)
            world.prepare(world.execute(world.order(person)))
        await read_feeds(world.rt, world.tenant)
        await work(replace(world.rt, dry_run=True))
        slot = ("exempel", "message")
        started = await _claim(world.rt, Counter({slot: busy}), Done())
        for _, job in started:
            job.close()
        assert [its for its, _ in started].count(slot) == begun
