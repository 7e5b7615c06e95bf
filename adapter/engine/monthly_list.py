"""The month's list of decisions that are not executed or are interrupted, by mail to the person who follows them up."""

import json
from datetime import date, timedelta

from sqlalchemy import Connection

from adapter.domain.calendar import after_quiet_hours
from adapter.domain.ledger import ActKind, Wanted
from adapter.domain.unfulfilled import report_month
from adapter.domain.wall_clock import local_date
from adapter.engine.runtime import Runtime, Tenant
from adapter.store import feeds, outbox
from adapter.store.queries import undecided, unfulfilled_cases

SUBJECT = "unfulfilled"
ANEW = timedelta(days=2)
"""At the first start and after an upgrade the list waits until all cases are decided, which takes a day at most. It
waits no longer than this."""


async def want_monthly_list(rt: Runtime, tenant: Tenant) -> None:
    """Call for the mail of the month, from its first working day on, once the orders were read. Its key is the month,
    so it is sent once. An empty list is sent too, so that its reader knows that the cases were checked. Raises
    ``StoreError``."""
    now = rt.clock.now()
    today = local_date(now, tenant.policy.zone)
    month = report_month(today, tenant.policy) if tenant.policy.followup_mails else None
    if month is None:
        return

    def read(c: Connection) -> str | None:
        wanted = any(act.key == month for act in outbox.acts(c, tenant.name, SUBJECT))
        orders = feeds.feed(c, tenant.name, "orders")
        read_once = orders is not None and orders.read_at is not None
        if wanted or not read_once or undecided(c, tenant.name, now - ANEW):
            return None
        return _rows(c, tenant.name, today)

    rows = await rt.db.run_aside(read)
    if rows is not None:
        what = {"mail": "unfulfilled", "to": "followup", "as_of": today.isoformat(), "cases": rows}
        held = after_quiet_hours(now, tenant.policy)
        mail = Wanted(month, ActKind.MAIL, what, why="unfulfilled", not_before=held)
        await rt.db.run(lambda c: outbox.want(c, tenant.name, SUBJECT, mail, now=now))


def _rows(c: Connection, tenant: str, today: date) -> str:
    """JSON for the mail's template."""
    return json.dumps(
        [
            {
                "case": row.case,
                "order": row.item.order,
                "unit": row.unit,
                "kind": row.item.kind,
                "level": row.level,
                "since": row.item.since.isoformat(),
            }
            for row in unfulfilled_cases(c, tenant, today)
        ]
    )
