"""How the work shares its places."""

from __future__ import annotations

from collections import Counter

import pytest

from adapter.engine.work import _room_for_cases
from adapter.store.due import CASES
from tests.world import World


@pytest.mark.parametrize(
    ("acts", "cases", "left"), [(0, 0, 8), (0, 3, 5), (5, 1, 2), (8, 0, 2), (24, 1, 1), (24, 2, 0)]
)
async def test_acts_under_way_take_places_of_cases_but_never_the_last_quarter(acts: int, cases: int, left: int) -> None:
    async with World() as world:
        assert world.rt.tuning.concurrency == 8
        busy = Counter({("exempel", "platform"): acts, ("exempel", CASES): cases, ("other", "platform"): 9})
        assert _room_for_cases(world.rt, "exempel", busy, []) == left
