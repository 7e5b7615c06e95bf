"""``python -m tests.attack [part of a name]``: each attack on the real daemon, what happened, and whether it passed."""

import asyncio
import sys
import time

from tests.attack import bad_days, memory, strangers

ATTACKS = {**memory.ATTACKS, **strangers.ATTACKS, **bad_days.ATTACKS}


def main(wanted: str = "") -> int:
    """Returns 1 if an attack didn't pass."""
    failed = 0
    for name, attack in ATTACKS.items():
        if wanted not in name:
            continue
        began = time.monotonic()
        seen = asyncio.run(attack())
        failed += not seen.held
        result = "passed" if seen.held else "FAILED"
        print(f"{name:42} {result:9} {seen.told} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{failed or 'none'} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
