"""The work: claim what is due, reconcile and carry out, until nothing is left for now.

A municipality has slots of its own for its cases, and for the acts of each lane. So what hangs delays only work of the
same kind. An end doesn't wait for a case system that doesn't answer, a message doesn't wait for the camera platform,
and nobody waits for another municipality's flood or dead vendor (P6).
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from adapter.engine.act_runner import carry_out
from adapter.engine.circuit_breaker import LIFECARE, VENDOR_OF_LANE
from adapter.engine.reconcile import reconcile
from adapter.engine.runtime import Runtime
from adapter.store import claims, due
from adapter.store.cases import Case
from adapter.store.claims import ClaimedAct

VENDORS = frozenset(VENDOR_OF_LANE.values())
LOOK_AGAIN_SECONDS = 0.5
"""How long a new act or case waits, at most, while others are under way."""
EVENLY = timedelta(seconds=0.2)
"""The gap between the acts or cases that are released when a vendor is back."""

CASES = "cases"
"""The name of the slots for cases. The other slots have the names of lanes."""
Slot = tuple[str, str]
"""A municipality, and a lane or ``CASES``."""
Started = list[tuple[Slot, Coroutine[Any, Any, None]]]


async def work(rt: Runtime, stop: asyncio.Event | None = None) -> None:
    """Do everything that is due now, with at most ``concurrency`` cases of a municipality at once, and as many acts of
    each lane. When ``stop`` is set, nothing new begins, and what is under way is finished. Raises ``StoreError`` if the
    store can't be used; what was under way is then found again when its lease ends."""
    running: dict[asyncio.Task[None], Slot] = {}
    try:
        while True:
            if stop is None or not stop.is_set():
                for slot, job in await _claim(rt, Counter(running.values())):
                    running[asyncio.ensure_future(job)] = slot
            if not running:
                return
            await asyncio.wait(running, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                del running[task]
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(rt: Runtime, busy: Counter[Slot]) -> Started:
    now = rt.clock.now()
    until = now + rt.tuning.lease
    back = [(t, b) for t in rt.tenants for v in sorted(VENDORS) if (b := rt.breakers.of(t, v)).recovered]

    def claim(c: Connection) -> tuple[list[ClaimedAct], list[Case]]:
        for tenant, breaker in back:
            _let_go(c, rt, tenant, breaker.vendor, now)
        acts: list[ClaimedAct] = []
        due_cases: list[Case] = []
        for lane in () if rt.dry_run else VENDOR_OF_LANE:
            for tenant in rt.tenants:
                room = rt.tuning.concurrency - busy[tenant, lane]
                if room <= 0:
                    continue
                if not rt.breakers.of(tenant, VENDOR_OF_LANE[lane]).closed:
                    acts += _claim_probe(c, rt, (tenant, lane), now, until)
                else:
                    acts += claims.claim_acts(
                        c, tenant=tenant, lane=lane, limit=room, now=now, owner=rt.owner, lease_until=until
                    )
        for tenant in rt.tenants:
            room = rt.tuning.concurrency - busy[tenant, CASES]
            if room > 0:
                due_cases += due.claim_due(c, tenant=tenant, now=now, limit=room, owner=rt.owner, lease_until=until)
        return acts, due_cases

    acts, due_cases = await rt.db.run(claim)
    # After the transaction, which may have run more than once.
    for _, breaker in back:
        breaker.recovered = False
    for act in acts:
        rt.breakers.of(act.tenant, VENDOR_OF_LANE[act.lane]).allows(now)
    rt.beat()
    await rt.at("work claimed")
    started: Started = [((act.tenant, act.lane), carry_out(rt, act)) for act in acts]
    return started + [((case.tenant, CASES), reconcile(rt, case)) for case in due_cases]


def _claim_probe(c: Connection, rt: Runtime, slot: Slot, now: datetime, until: datetime) -> list[ClaimedAct]:
    """While a lane's vendor is down, one act at a time is claimed as a probe. Every second time it is a pause or an
    end, if one waits, even if its delay isn't over; otherwise it is the act that has waited longest."""
    tenant, lane = slot
    breaker = rt.breakers.of(tenant, VENDOR_OF_LANE[lane])
    if not breaker.probe_due(now):
        return []
    probe = claims.claim_probe(
        c, tenant=tenant, lane=lane, now=now, owner=rt.owner, lease_until=until, stops_first=breaker.stops_first
    )
    return [] if probe is None else [probe]


def _let_go(c: Connection, rt: Runtime, tenant: str, vendor: str, now: datetime) -> None:
    """A vendor is back. What failed because of it is tried again soon, spread evenly."""
    for lane in (lane for lane, of in VENDOR_OF_LANE.items() if of == vendor):
        claims.retry_soon(c, tenant, lane, now=now, settle=rt.tuning.settle, gap=EVENLY)
    if vendor == LIFECARE:
        due.read_stale_again(c, tenant, now=now, gap=EVENLY)
