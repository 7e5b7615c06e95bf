"""``python -m tests.simulation SEEDS FIRST_SEED CASES DAYS [--trace]``: run seeds, say how many passed."""

import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog

from tests.simulation.promises import Broken
from tests.simulation.town import Scale, Town


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one seed; ``broken`` is None if it passed."""

    seed: int
    broken: str | None
    starts: int
    faults: int


def run(seed: int, *, scale: Scale, trace: bool) -> Run:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    town, broken = Town(seed, scale, trace=trace), None
    try:
        town.run()
    except Broken as promise:
        broken = str(promise)
    return Run(seed, broken, town.births, town.faults)


def main(arguments: list[str]) -> int:
    trace = "--trace" in arguments
    seeds, first, cases, days = (int(a) for a in arguments if a != "--trace")
    began, runs = time.perf_counter(), []
    one = partial(run, scale=Scale(cases, days), trace=trace)
    # A town is one thread. Several towns run in a process each.
    with ProcessPoolExecutor(max(1, min(seeds, os.cpu_count() or 1))) as pool:
        for done in pool.map(one, range(first, first + seeds)):
            runs.append(done)
            if done.broken is not None:
                print(f"seed {done.seed}: {done.broken}")
                replay = f"make simulate SEEDS=1 FIRST_SEED={done.seed} CASES={cases} DAYS={days} TRACE=1"
                print(f"  replay: {replay}", flush=True)
    seconds = time.perf_counter() - began
    starts, faults = sum(done.starts for done in runs), sum(done.faults for done in runs)
    print(f"{cases} cases over {days} days for each seed; {starts} starts of the adapter, {faults} calls met by faults")
    print(f"{seeds / seconds:.2f} seeds per second")
    passed = sum(done.broken is None for done in runs)
    print(f"{passed} of {seeds} seeds passed")
    return 0 if passed == seeds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
