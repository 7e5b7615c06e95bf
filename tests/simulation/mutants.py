"""``python -m tests.simulation.mutants``: takes out one protection at a time and shows that a seed finds it missing."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from unittest.mock import patch

import structlog

from adapter.engine import dispatch as engine_dispatch
from adapter.engine.runtime import Tuning
from adapter.gateways.notes import NoteExecutor
from adapter.store import cases, due
from tests.simulation.promises import Broken
from tests.simulation.town import Scale, Town

MUTANTS: dict[str, tuple[object, str, object]] = {
    "unknown is taken for failed: sent again without a look": (
        engine_dispatch._Turn,
        "_look",
        lambda self, _context: self._had_no_effect(self.rt.clock.now()),
    ),
    "a note is sent again without seeking its mark": (NoteExecutor, "_marked", lambda *_: None),
    "no wait before a lost answer is looked for": (
        Tuning,
        "settle",
        property(lambda _: timedelta(0), lambda *_: None),
    ),
    "openings on facts however old": (engine_dispatch._Turn, "_outdated", lambda *_: False),
    "a write after its lease": (engine_dispatch._Turn, "_in_time", lambda _self: True),
    "a case is given back without its version": (
        due,
        "hold",
        lambda c, case, _owner: cases.lock(c, case.tenant, case.ref),
    ),
}
SEEDS = range(1, 13)
SCALE = Scale(cases=4, days=4)


def caught(owner: object, name: str, instead: object) -> str | None:
    """The first seed that finds it, and by what promise; None if none does."""
    with patch.object(owner, name, instead):
        for seed in SEEDS:
            try:
                Town(seed, SCALE).run()
            except Broken as broken:
                return f"seed {seed}: {str(broken).splitlines()[0]}"
    return None


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    missed = 0
    for what, (owner, name, instead) in MUTANTS.items():
        found = caught(owner, name, instead)
        missed += found is None
        print(f"{'caught' if found else 'NOT CAUGHT':10} {what}: {found or f'held in {len(SEEDS)} seeds'}", flush=True)
    print(f"{len(MUTANTS) - missed} of {len(MUTANTS)} protections are watched")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
