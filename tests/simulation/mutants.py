"""``python -m tests.simulation.mutants``: removes one protection at a time and shows that something breaks.

Each protection has a short story that breaks without it. With a number (``python -m tests.simulation.mutants 12``) so
many simulated towns are tried as well.
"""

import asyncio
import io
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from adapter.domain import letters, night_watch, pauses
from adapter.domain.ledger import Wanted
from adapter.domain.reported_visits import visit_wanted
from adapter.engine import act_runner, circuit_breaker, jobs, look_reader, write_back
from adapter.engine.tuning import Tuning
from adapter.gateways.notes import NoteExecutor
from adapter.gateways.visits import VisitExecutor
from adapter.observability import configure_logging
from adapter.store import cases, due, outbox
from tests.simulation import scenarios
from tests.simulation.promises import Broken
from tests.simulation.town import Scale, Town, small

Story = Callable[[], Awaitable[None] | None]
SCALE = Scale(cases=4, days=4)
TRUE_WORD, SILENCE = 35, 21
"""Seeds that find the last two mutants. The suite shows that these seeds pass without them."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """``instead`` replaces ``owner.name``, and then ``story`` breaks."""

    what: str
    owner: object
    name: str
    instead: object
    story: Story


_settle_wanted = outbox.settle_wanted


def _keys_not_unique(conn: Any, case: cases.Case, wanted: Sequence[Wanted], **more: Any) -> outbox.Settled:
    return _settle_wanted(conn, case, [replace(w, key=f"{w.key}:{case.version}") for w in wanted], **more)


async def _nothing(*_: object) -> None:
    return None


def _town(seed: int) -> Story:
    """A small simulated town as a story."""
    return lambda: Town(seed, small(seed)).run()


MUTANTS = (
    Mutant(
        "lookup before resend: unknown is taken for failed",
        act_runner._Turn,
        "_look",
        lambda self, _context: self._had_no_effect(self.rt.clock.now()),
        scenarios.a_lost_creation_that_is_no_longer_wanted,
    ),
    Mutant(
        "a note's mark: it is sent again without being sought",
        NoteExecutor,
        "_marked",
        lambda *_: None,
        scenarios.lost_answers,
    ),
    Mutant(
        "settle: a lost answer is looked for at once",
        Tuning,
        "settle",
        property(lambda _: timedelta(0), lambda *_: None),
        scenarios.late_effects,
    ),
    Mutant(
        "lease of an act: a write after it",
        act_runner._Turn,
        "_in_time",
        lambda _self: True,
        scenarios.a_sleeper,
    ),
    Mutant(
        "lease of a case, guarded update: given back without its version",
        due,
        "hold",
        lambda c, case, _owner: cases.the_case(c, case.tenant, case.ref),
        scenarios.an_old_reading,
    ),
    Mutant(
        "fresh facts: openings on facts however old",
        act_runner._Turn,
        "_outdated",
        lambda *_: False,
        scenarios.old_facts,
    ),
    Mutant(
        "end before message: all acts of a case in one queue",
        outbox,
        "_leading",
        lambda rows: list(rows[:1]),
        scenarios.a_dead_lifecare,
    ),
    Mutant(
        "unique key of an act: each decision's acts are new ones",
        outbox,
        "settle_wanted",
        _keys_not_unique,
        scenarios.decided_again,
    ),
    Mutant(
        "overlap of the looks' window: read from where the last reading ended",
        look_reader,
        "span",
        lambda _policy, cursor, now: look_reader.Span(cursor or now, now),
        scenarios.a_night,
    ),
    Mutant(
        "looks that are due: only those that the platform lists",
        night_watch,
        "due_looks",
        lambda *_: (),
        scenarios.a_night,
    ),
    Mutant(
        "a look's correction: what was told as not done stays so",
        look_reader,
        "is_news",
        lambda look, _before, _earlier: look.not_done,
        scenarios.a_night,
    ),
    Mutant(
        "a visit's lookup: it is sent again without being sought",
        VisitExecutor,
        "_known",
        _nothing,
        scenarios.a_night_written_back,
    ),
    Mutant(
        "a visit taken back: what was written of a look stays",
        write_back,
        "visit_wanted",
        lambda ref, look, acts, *more, **of: None if acts else visit_wanted(ref, look, acts, *more, **of),
        scenarios.a_night_written_back,
    ),
    Mutant(
        "a clock set back: delays last until the clock is there again",
        jobs,
        "_shorten_leases",
        _nothing,
        scenarios.a_clock_set_by_an_hour,
    ),
    Mutant(
        "a clock set back: a vendor that is down is tried when the clock is there again",
        circuit_breaker.Breaker,
        "probe_due",
        lambda self, now: self.probe_at is not None and self.probe_at <= now,
        scenarios.a_clock_set_by_a_day,
    ),
    Mutant(
        "facts read in the future: they are younger than any",
        act_runner._Turn,
        "_outdated",
        lambda self: self.claimed.opens and self.began - self.claimed.facts_at > self.rt.tuning.fresh,
        scenarios.facts_to_come,
    ),
    Mutant(
        "a true word: a pause that is called for is told as one that was seen",
        pauses,
        "_is_paused",
        lambda _: True,
        _town(TRUE_WORD),
    ),
    Mutant(
        "no silence: a pause is carried out and told to nobody",
        letters,
        "pauses",
        lambda _: None,
        _town(SILENCE),
    ),
)
"""The last two are found by the simulation itself."""
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
    with patch.object(mutant.owner, mutant.name, mutant.instead):
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
