"""``python -m tests.simulation SEEDS FIRST_SEED CASES DAYS [--trace]``: run seeds, say how many passed."""

import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import structlog

from tests.simulation.promises import Broken
from tests.simulation.town import Scale, Town


def run(seed: int, *, scale: Scale, trace: bool) -> tuple[str | None, int, int]:
    """The promise that broke in one seed, if any; how often the adapter started, and how many calls met faults."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    town, broken = Town(seed, scale, trace=trace), None
    try:
        town.run()
    except Broken as promise:
        broken = str(promise)
    return broken, town.births, town.faults


def main(arguments: list[str]) -> int:
    trace = "--trace" in arguments
    seeds, first, cases, days = (int(a) for a in arguments if a != "--trace")
    began, passed, starts, faults = time.perf_counter(), 0, 0, 0
    one = partial(run, scale=Scale(cases, days), trace=trace)
    # A town is one thread. Several towns run in a process each.
    with ProcessPoolExecutor(max(1, min(seeds, os.cpu_count() or 1))) as pool:
        for seed, (broken, started, met) in enumerate(pool.map(one, range(first, first + seeds)), first):
            passed, starts, faults = passed + (broken is None), starts + started, faults + met
            if broken is not None:
                print(f"seed {seed}: {broken}")
                replay = f"make simulate SEEDS=1 FIRST_SEED={seed} CASES={cases} DAYS={days} TRACE=1"
                print(f"  replay: {replay}", flush=True)
    seconds = time.perf_counter() - began
    print(f"{cases} cases over {days} days for each seed; {starts} starts of the adapter, {faults} calls met by faults")
    print(f"{seeds / seconds:.2f} seeds per second")
    print(f"{passed} of {seeds} seeds passed")
    return 0 if passed == seeds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
