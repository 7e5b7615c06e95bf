"""``python -m tests.simulation.mutants``: removes one protection at a time and shows that something breaks.

Each protection has a short story that breaks without it. With a number (``python -m tests.simulation.mutants 12``) so
many simulated towns are tried as well.
"""

import asyncio
import io
import sys
import time
from collections.abc import Awaitable
from unittest.mock import patch

from adapter.observability import configure_logging
from tests.simulation.promises import Broken
from tests.simulation.scenarios import MUTANTS, Mutant, Story, needs
from tests.simulation.town import Scale, Town, small

SCALE = Scale(cases=4, days=4)
TRUE_WORD, SILENCE = 35, 21
"""Seeds that find the last two mutants. The suite shows that these seeds pass without them."""


@needs(
    "a true word: a pause that is called for is told as one that was seen",
    "adapter.domain.pauses._is_paused",
    lambda _: True,
)
def a_town_of_true_words() -> None:
    Town(TRUE_WORD, small(TRUE_WORD)).run()


@needs("no silence: a pause is carried out and told to nobody", "adapter.domain.letters.pauses", lambda _: None)
def a_town_without_silence() -> None:
    Town(SILENCE, small(SILENCE)).run()


STORIES = tuple(dict.fromkeys(m.story for m in MUTANTS))


def broken(story: Story) -> str | None:
    """What broke in a story."""
    try:
        if (telling := story()) is not None:
            asyncio.run(_told(telling))
    except Broken as promise:
        return str(promise).splitlines()[0]
    return None


async def _told(telling: Awaitable[None]) -> None:
    await telling


def caught(mutant: Mutant, seeds: int = 0) -> str | None:
    """What breaks without the protection, in its story or, if there are any, in the first of so many seeds."""
    with patch(mutant.name, mutant.instead):
        found = broken(mutant.story)
        for seed in range(1, seeds + 1) if found is None else ():
            try:
                Town(seed, SCALE).run()
            except Broken as promise:
                return f"seed {seed}: {str(promise).splitlines()[0]}"
    return found


def main(seeds: int) -> int:
    configure_logging("CRITICAL", json=True, stream=io.StringIO())
    began = time.monotonic()
    wrong = [f"{story.__name__}: {why}" for story in STORIES if (why := broken(story))]
    for line in wrong:
        print(f"{'BROKEN':10} with all protections in place: {line}")
    missed = 0
    for mutant in MUTANTS:
        found = caught(mutant, seeds)
        missed += found is None
        print(f"{'caught' if found else 'NOT CAUGHT':10} {mutant.what}: {found or 'nothing broke'}", flush=True)
    seconds = time.monotonic() - began
    print(f"{len(MUTANTS) - missed} of {len(MUTANTS)} protections are watched ({seconds:.0f} s)")
    return 1 if missed or wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 0))
