"""``python -m tests.fuzz [count] [seed]``: so many of each kind, how they ended, and what was lost."""

import asyncio
import io
import sys
import time
from collections import Counter

from adapter.observability import configure_logging
from tests.fuzz.kinds import KINDS


def main(count: int = 10_000, seed: int = 1) -> int:
    """Returns 1 if anything was lost."""
    log = io.StringIO()
    configure_logging("INFO", json=True, stream=log)
    lost = []
    for name, kind in KINDS.items():
        began, ends = time.monotonic(), Counter[str]()
        gone = asyncio.run(kind(count, seed, ends))
        lost += gone
        told = ", ".join(f"{n} {end}" for end, n in sorted(ends.items()))
        print(f"{count} {name}: {len(gone)} lost; {told} ({time.monotonic() - began:.0f} s)", flush=True)
        for line in gone[:20]:
            print(f"  {line}")
    errors = log.getvalue().count('"level": "error"')
    print(f"{errors} ERROR lines")
    return 1 if lost or errors else 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
