"""Forgetting: personal data is removed when a case has been closed for as long as the municipality says."""

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from adapter.engine.runtime import Runtime
from adapter.log_events import log, log_context
from adapter.store import purge, reads, sessions, visit_acts

BATCH = 50
"""Cases per transaction."""


VISITS = 500
"""Looks per transaction, whose acts are forgotten."""


async def forget(rt: Runtime, *, dry_run: bool = False, ref: str | None = None) -> dict[str, list[str]]:
    """Purge every municipality's cases that are due for it, or the one closed case ``ref`` before its time. With
    ``dry_run`` nothing is purged. Returns the references by tenant. Raises ``StoreError``."""
    purged: dict[str, list[str]] = {}
    if not dry_run:
        await rt.db.run(partial(sessions.forget, now=rt.clock.now()))
    for tenant in rt.tenants.values():
        now = rt.clock.now()
        before = now - tenant.retention if ref is None else now
        refs = purged[tenant.name] = []
        if dry_run:
            refs += await rt.db.run(partial(purge.purgeable, tenant=tenant.name, closed_before=before, ref=ref))
        else:
            if ref is None:
                await _forget_visits(rt, tenant.name, before)
            some = partial(purge.purge, tenant=tenant.name, closed_before=before, now=now, limit=BATCH, ref=ref)
            while done := await rt.db.run(some):
                refs += done
            await rt.db.run(partial(reads.forget, tenant=tenant.name, before=now - tenant.reads_kept))
        if refs:
            with log_context(tenant=tenant.name):
                log("purge_done", cases=len(refs), dry_run=dry_run)
    return purged


async def _forget_visits(rt: Runtime, tenant: str, before: datetime) -> None:
    """In an open case, what was written back is kept as long as personal data in a closed one."""

    def some(c: Connection) -> bool:
        old = visit_acts.forgettable(c, tenant, before, VISITS)
        visit_acts.forget(c, tenant, old)
        return bool(old)

    while await rt.db.run(some):
        continue
