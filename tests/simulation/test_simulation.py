"""Seeds of the simulated town that hold: forty small ones; ``make simulate`` runs more, and whole months."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from tests.simulation.promises import Broken
from tests.simulation.town import Scale, Town

SUITE = Scale(cases=1, days=1, nights=False)
SEEDS, AT_ONCE, WITH_NIGHTS = 40, 5, 8
"""Every eighth town lives its nights too."""


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_ONCE))
def test_the_promises_hold_under_every_fault(first: int) -> None:
    faults = 0
    for seed in range(first, first + AT_ONCE):
        town = Town(seed, replace(SUITE, nights=seed % WITH_NIGHTS == 0))
        try:
            town.run()
        except Broken as broken:
            pytest.fail(f"seed {seed}: {broken}\nmake simulate SEEDS=1 FIRST_SEED={seed} CASES=1 DAYS=1 TRACE=1")
        faults += town.faults
    assert faults, "nothing went wrong, so nothing was tried"


def test_a_seed_is_the_same_life_each_time() -> None:
    lives = []
    for _ in range(2):
        town = Town(3, Scale(cases=1, days=1))
        town.run()
        lives.append(town.lines)
    assert lives[0] == lives[1]


def test_a_vendor_whose_clock_is_behind_is_not_asked_to_end_for_ever() -> None:
    """Seed 4: Phoniro's clock was 90 seconds behind. It took an end for one to come, so that the
    schedule still showed as active and was ended anew each second, a little later each time: it never ended."""
    town = Town(4, SUITE)
    town.run()
    (schedule,) = town.phoniro.schedules
    assert [version.act for version in schedule.versions].count("ended") == 1
