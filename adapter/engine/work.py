"""The work: claim what is due, reconcile and carry out, until nothing is left for now.

Cases and acts share one pool of tasks. Acts on the camera platform go before messages, so that an end is never behind
a letter; a case or act that fails costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from adapter.engine.dispatch import carry_out
from adapter.engine.reconcile import reconcile
from adapter.engine.runtime import Runtime
from adapter.store import dispatch, due
from adapter.store.cases import Case
from adapter.store.dispatch import ClaimedAct


@dataclass(slots=True)
class Done:
    """How much was done."""

    cases: int = 0
    acts: int = 0


async def work(rt: Runtime) -> Done:
    """Work off everything that is due now, at most ``concurrency`` things at once. Raises ``StoreError`` when the
    store can't be used; what was under way then is found again by its lease."""
    done = Done()
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            room = rt.tuning.concurrency - len(running)
            started = [asyncio.ensure_future(job) for job in await _claim(rt, room, done)] if room else []
            running |= set(started)
            if not running:
                return done
            finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(rt: Runtime, room: int, done: Done) -> list[Coroutine[Any, Any, None]]:
    now = rt.clock.now()
    tenants, until = list(rt.tenants), now + rt.tuning.lease

    def claim(c: Connection) -> tuple[list[ClaimedAct], list[Case]]:
        acts: list[ClaimedAct] = []
        for lanes in () if rt.dry_run else (("platform",), ("message", "mail")):
            if left := room - len(acts):
                acts += dispatch.claim_acts(
                    c, tenants=tenants, now=now, limit=left, owner=rt.owner, lease_until=until, lanes=lanes
                )
        left = room - len(acts)
        due_cases = (
            due.claim_due(c, tenants=tenants, now=now, limit=left, owner=rt.owner, lease_until=until) if left else []
        )
        return acts, due_cases

    acts, due_cases = await rt.db.run(claim)
    done.acts += len(acts)
    done.cases += len(due_cases)
    return [carry_out(rt, act) for act in acts] + [reconcile(rt, case) for case in due_cases]
