"""``python -m tests.attack [part of a name]``: each attack on the real daemon, what was seen, and whether it held."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.attack import bad_days, knocking, memory

ATTACKS = {**memory.ATTACKS, **knocking.ATTACKS, **bad_days.ATTACKS}


def main(wanted: str = "") -> int:
    """Returns 1 if anything didn't hold."""
    lost = 0
    for name, attack in ATTACKS.items():
        if wanted not in name:
            continue
        began = time.monotonic()
        seen = asyncio.run(attack())
        lost += not seen.held
        held = "held" if seen.held else "NOT HELD"
        print(f"{name:42} {held:9} {seen.told} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{lost or 'none'} not held")
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
