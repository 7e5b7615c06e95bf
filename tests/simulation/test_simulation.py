"""Seeds of the simulated town that pass: twenty small ones. ``make simulate`` runs more, and whole months."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.promises import Broken
from tests.simulation.town import Town, small
from tests.simulation.weather import Fault

SEEDS, AT_ONCE = range(21, 41), 5


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("first", SEEDS[::AT_ONCE])
def test_the_promises_hold_under_every_fault(first: int) -> None:
    """In some towns a vendor's clock is behind. It takes an end for a future one, but is asked to end only once."""
    killed, met = 0, set[Fault]()
    for seed in range(first, first + AT_ONCE):
        town = Town(seed, small(seed))
        try:
            town.run()
        except Broken as broken:
            pytest.fail(f"seed {seed}: {broken}\nmake simulate SEEDS=1 FIRST_SEED={seed} CASES=1 DAYS=1 TRACE=1")
        for schedule in town.phoniro.schedules:
            assert [version.act for version in schedule.versions].count("ended") <= 1, f"seed {seed}"
        killed += town.killed
        met |= {*town.lifecare_net.met, *town.phoniro_net.met}
    assert killed, "no process died, so nothing was taken up again"
    assert len(met) > len(Fault) * 3 / 4, "too little went wrong"


def test_a_seed_is_the_same_life_each_time() -> None:
    lives = []
    for _ in range(2):
        town = Town(10, small(10))
        town.run()
        lives.append((town.killed, town.lines))
    assert lives[0] == lives[1]
    assert lives[0][0], "no process died"
