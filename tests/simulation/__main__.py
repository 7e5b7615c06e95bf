"""``python -m tests.simulation SEEDS FIRST_SEED CASES DAYS [--trace]``: run seeds, say how many held."""

from __future__ import annotations

import logging
import sys
import time

import structlog

from tests.simulation.promises import Broken
from tests.simulation.town import Scale, Town


def main(arguments: list[str]) -> int:
    trace = "--trace" in arguments
    seeds, first, cases, days = (int(a) for a in arguments if a != "--trace")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began, held = time.perf_counter(), 0
    starts = acts = 0
    for seed in range(first, first + seeds):
        town = Town(seed, Scale(cases, days), trace=trace)
        try:
            town.run()
            held += 1
        except Broken as broken:
            print(f"seed {seed}: {broken}")
            print(f"  replay: make simulate SEEDS=1 FIRST_SEED={seed} CASES={cases} DAYS={days} TRACE=1", flush=True)
        starts += town.births
        acts += town.faults
    seconds = time.perf_counter() - began
    print(
        f"{cases} cases over {days} days for each seed; {starts} starts of the adapter, {acts} calls befallen by faults"
    )
    print(f"{seeds / seconds:.2f} seeds per second")
    print(f"{held} of {seeds} seeds held")
    return 0 if held == seeds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
