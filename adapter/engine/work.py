"""The work: claim what is due, reconcile and carry out, until nothing is left for now.

Cases and the acts of each lane have slots of their own, so that whatever hangs holds up only its like: an end doesn't
wait for a case system that doesn't answer, nor a message for the camera platform (P6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from adapter.engine.breaker import LIFECARE, VENDOR_OF_LANE
from adapter.engine.dispatch import carry_out
from adapter.engine.reconcile import reconcile
from adapter.engine.runtime import Runtime
from adapter.store import dispatch, due
from adapter.store.cases import Case
from adapter.store.dispatch import ClaimedAct

CASES = "cases"
VENDORS = frozenset(VENDOR_OF_LANE.values())
LOOK_AGAIN_SECONDS = 0.5
"""How long a new act or case waits at most while others are under way."""
EVENLY = timedelta(seconds=0.2)
"""The gap between what is let go when a vendor is back."""

Started = list[tuple[str, Coroutine[Any, Any, None]]]


@dataclass(slots=True)
class Done:
    """How much was done."""

    cases: int = 0
    acts: int = 0


async def work(rt: Runtime) -> Done:
    """Work off everything that is due now; of cases, and of each lane's acts, at most ``concurrency`` at once. Raises
    ``StoreError`` when the store can't be used; what was under way then is found again by its lease."""
    done = Done()
    running: dict[asyncio.Task[None], str] = {}
    try:
        while True:
            for group, job in await _claim(rt, list(running.values()), done):
                running[asyncio.ensure_future(job)] = group
            if not running:
                return done
            await asyncio.wait(running, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                del running[task]
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(rt: Runtime, busy: list[str], done: Done) -> Started:
    now = rt.clock.now()
    until = now + rt.tuning.lease
    back = [(t, b) for t in rt.tenants for v in sorted(VENDORS) if (b := rt.breakers.of(t, v)).recovered]

    def claim(c: Connection) -> tuple[list[ClaimedAct], list[Case]]:
        for tenant, breaker in back:
            _let_go(c, rt, tenant, breaker.vendor, now)
        acts: list[ClaimedAct] = []
        for lane in () if rt.dry_run else VENDOR_OF_LANE:
            acts += _claim_lane(c, rt, lane, rt.tuning.concurrency - busy.count(lane), now, until)
        room = rt.tuning.concurrency - busy.count(CASES)
        tenants = list(rt.tenants)
        if room <= 0:
            return acts, []
        return acts, due.claim_due(c, tenants=tenants, now=now, limit=room, owner=rt.owner, lease_until=until)

    acts, due_cases = await rt.db.run(claim)
    for _, breaker in back:
        breaker.recovered = False
    rt.beat()
    await rt.at("work claimed")
    done.acts += len(acts)
    done.cases += len(due_cases)
    started: Started = [(act.lane, carry_out(rt, act)) for act in acts]
    return started + [(CASES, reconcile(rt, case)) for case in due_cases]


def _claim_lane(c: Connection, rt: Runtime, lane: str, room: int, now: datetime, until: datetime) -> list[ClaimedAct]:
    """Acts of a lane, for every municipality whose vendor works. Of one that is down a single act is taken as a probe:
    a pause or an end if one waits, however long it would still have waited by itself."""
    if room <= 0:
        return []
    breakers = {tenant: rt.breakers.of(tenant, VENDOR_OF_LANE[lane]) for tenant in rt.tenants}
    up = [tenant for tenant, breaker in breakers.items() if breaker.closed]
    claimed = dispatch.claim_acts(c, tenants=up, now=now, limit=room, owner=rt.owner, lease_until=until, lanes=(lane,))
    for tenant, breaker in breakers.items():
        if not breaker.closed and breaker.probe_due(now) and len(claimed) < room:
            probe = dispatch.claim_probe(c, tenant=tenant, lane=lane, now=now, owner=rt.owner, lease_until=until)
            if probe is not None and breaker.allows(now):
                claimed.append(probe)
    return claimed


def _let_go(c: Connection, rt: Runtime, tenant: str, vendor: str, now: datetime) -> None:
    """A vendor is back: what failed because of it waits no longer than it must, and goes out evenly."""
    for lane in (lane for lane, of in VENDOR_OF_LANE.items() if of == vendor):
        dispatch.let_go(c, tenant, lane, now=now, settle=rt.tuning.settle, gap=EVENLY)
    if vendor == LIFECARE:
        due.let_go_stale(c, tenant, now=now, gap=EVENLY)
