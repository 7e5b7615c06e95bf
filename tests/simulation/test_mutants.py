"""Every protection is missed when it is gone: what can't fail proves nothing."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS, Mutant, broken, caught


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.what.partition(":")[0])
def test_a_protection_that_is_taken_out_is_missed(mutant: Mutant) -> None:
    assert broken(mutant.story) is None, "with all protections in place the story ends well"
    assert caught(mutant) is not None
