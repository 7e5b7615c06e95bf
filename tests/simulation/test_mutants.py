"""Something breaks when a protection is removed. A test that can't fail proves nothing."""

import pytest

from tests.simulation import scenarios
from tests.simulation.mutants import STORIES, broken, caught
from tests.simulation.scenarios import MUTANTS, Mutant, Story


@pytest.mark.parametrize("story", [s for s in STORIES if s.__module__ == scenarios.__name__])
def test_a_story_ends_well_with_all_protections_in_place(story: Story) -> None:
    """So do the two towns, which are among the seeds of ``test_simulation``."""
    assert broken(story) is None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.what.partition(":")[0])
def test_a_protection_that_is_taken_out_is_missed(mutant: Mutant) -> None:
    assert caught(mutant) is not None
