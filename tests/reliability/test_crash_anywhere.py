"""Crash anywhere: a process dies at every point of a whole life, and the life ends the same (P4, P5, P7)."""

from typing import Any

import pytest

from adapter.domain.decision import Phase
from tests.reliability.mortal import MortalWorld, Point

APART = 5
"""Points between two deaths in one life, so that the life goes on a while before the next one."""


async def _life(world: MortalWorld) -> dict[str, Any]:
    async with world:
        await world.a_whole_life()
        return await world.end_state()


pytestmark = pytest.mark.usefixtures("many_starts")


async def test_a_life_with_a_death_at_any_commit_or_call_ends_as_one_without() -> None:
    """Slow, as a whole life is lived again until a process has died at each of some 400 points."""
    undisturbed = MortalWorld()
    expected = await _life(undisturbed)
    assert expected["phase"] is Phase.CLOSED
    assert expected["balanced"]
    assert [s[1:] for s in expected["schedules"]] == [("created", "paused", "resumed", "changed", "changed", "ended")]
    left = dict.fromkeys(undisturbed.passed)
    points, lives, deaths = len(left), 0, 0
    assert points > 350
    while left:
        quiet = APART

        def dies(here: Point) -> bool:
            nonlocal quiet
            quiet += 1
            if here not in left or quiet < APART:
                return False
            del left[here]
            quiet = 0
            return True

        before = len(left)
        world = MortalWorld(dies)
        found = await _life(world)
        lives, deaths = lives + 1, deaths + world.deaths
        assert found == expected, f"life {lives}, {world.deaths} deaths"
        assert len(left) < before, "every life gets as far as the first point that is left"
    assert deaths >= points
