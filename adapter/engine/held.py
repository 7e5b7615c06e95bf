"""Tells a person of orders that can't be used and belong to no case: once per order, by mail, with its id alone."""

from __future__ import annotations

from datetime import timedelta

from adapter.domain.calendar import after_quiet_hours
from adapter.domain.ledger import Act, ActKind, ActState, What
from adapter.engine.runtime import Runtime, Tenant
from adapter.log_events import log, log_context
from adapter.ports import CaseContext, PortError
from adapter.store import held
from adapter.store.errors import StoreError
from adapter.store.held import Held

TELL_EVERY = timedelta(seconds=60)


async def tell_held(rt: Runtime, tenant: Tenant) -> None:
    """Mail what is still to be told. A mail whose sending failed is sent again as the same mail (P4). Raises
    ``StoreError``; whatever else goes wrong is told and holds up nothing (P6)."""
    with log_context(tenant=tenant.name):
        try:
            while await _tell_one(rt, tenant):
                pass
        except StoreError:
            raise
        except Exception as e:  # noqa: BLE001  # P6: what our own code raises over these mails stops at them
            log("job_failed", job="orders that can't be used", error=e)


async def _tell_one(rt: Runtime, tenant: Tenant) -> bool:
    now = rt.clock.now()
    if rt.dry_run or after_quiet_hours(now, tenant.policy) is not None:
        return False
    again = now + rt.tuning.retry_cap
    one = await rt.db.run(lambda c: held.take_to_tell(c, tenant.name, now, again))
    if one is None:
        return False
    act = _mail(one)
    try:
        await tenant.executor.perform(act, _context(tenant, one))
    except PortError as e:
        what = {"act": act.key, "kind": act.kind.value, "vendor": e.vendor, "failure": e.failure.value}
        log("act_retry", error=e, attempts=1, retry_at=again, **what)
        return False
    await rt.db.run(lambda c: held.told(c, tenant.name, one))
    seconds = (rt.clock.now() - now).total_seconds()
    log("act_done", act=act.key, kind=act.kind.value, vendor="mail", attempts=1, seconds=seconds)
    return True


def _mail(one: Held) -> Act:
    """Its number, and so its Message-ID, is the order's own for as long as the order can't be used."""
    content: What = {"mail": "order", "to": "coordinator", "code": one.problem.code, "resource": one.problem.resource}
    what = {"id": one.order_id, **content, **dict(one.problem.params)}
    n, key = int(one.since.timestamp()), f"order:{one.order_id}"
    return Act(n, key, ActKind.MAIL, ActState.SENDING, what, one.since, attempts=1)


def _context(tenant: Tenant, one: Held) -> CaseContext:
    return CaseContext(tenant.name, one.order_id, "", client_id=None, protected=True, schedule_ids={})
