"""Counts again from the source: acts from the ledger, looks from their log, schedules as they are now.

Steps, lengths and nights without supervision can't be counted again: their only source was the decision that counted
them.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from adapter.domain.ledger import ActState
from adapter.domain.wall_clock import day_end, day_start, local_date
from adapter.engine.runtime import Tenant
from adapter.followup import tallies
from adapter.followup.report import months_between
from adapter.followup.tallies import Tally
from adapter.store import counts, look_log, schedules
from adapter.store.outbox import ADOPTED, act_from_row
from adapter.store.tables import acts, cases
from adapter.store.tables import counts as counted

FROM_ACTS = ("message.", "mail.", "reminded.", "started", "paused.", "resumed", "ended.")


class Difference(NamedTuple):
    """``counted`` is the stored count for that day or month, ``found`` the count from the source."""

    when: str
    what: str
    counted: int
    found: int


def recount(c: Connection, tenant: Tenant, first: date, last: date) -> list[Difference]:
    """Where counts and sources differ, from the first to the last day. Acts from before the counting began have no
    counts, and looks of nights before a purge have no source; they are left out."""
    began = c.scalar(select(func.min(counted.c.day)).where(counted.c.tenant == tenant.name))
    if began is None:
        return []
    found = []
    for start, end in months_between(max(first, began), last):
        of_acts = _of_acts(c, tenant, start, end)
        found += _differences(f"{start:%Y-%m}", _counted(c, tenant, start, end, FROM_ACTS), of_acts)
        nights = _of_looks(c, tenant, since := max(start, _purged_until(c, tenant)), end)
        found += _differences(f"{start:%Y-%m}", _counted(c, tenant, since, end, ("look.",)), nights)
    active = {"active": schedules.count_running(c, tenant.name)}
    return found + _differences("now", _counted(c, tenant, date.min, date.max, ("active",)), active)


def _counted(c: Connection, tenant: Tenant, first: date, last: date, whats: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for what in whats:
        for tally in counts.between(c, tenant.name, first, last, what):
            found[tally.what] += tally.number
    return found


def _of_acts(c: Connection, tenant: Tenant, first: date, last: date) -> Counter[str]:
    zone = tenant.policy.zone
    done = (acts.c.tenant == tenant.name, acts.c.state == ActState.DONE)
    when = (acts.c.done_at >= day_start(first, zone), acts.c.done_at < day_end(last, zone))
    found: Counter[str] = Counter()
    for row in c.execute(select(acts).where(*done, *when)):
        if row.result != ADOPTED:
            _add(found, tallies.of_act(act_from_row(c, row), row.done_at, None, zone))
    return found


def _of_looks(c: Connection, tenant: Tenant, first: date, last: date) -> Counter[str]:
    policy = tenant.policy
    found: Counter[str] = Counter()
    known = look_log.since(c, tenant.name, day_start(first, policy.zone))
    every = [tallies.of_look(look, policy.window, policy.zone, None) for some in known.values() for look in some]
    _add(found, (tally for tally in every if first <= tally.day <= last))
    return found


def _purged_until(c: Connection, tenant: Tenant) -> date:
    """The first day after which no purged case was closed."""
    purged = (cases.c.tenant == tenant.name, cases.c.purged_at.is_not(None))
    closed = c.scalar(select(func.max(cases.c.closed_at)).where(*purged))
    return local_date(closed, tenant.policy.zone) if closed else date.min


def _add(found: Counter[str], more: Iterable[Tally]) -> None:
    for tally in more:
        found[tally.what] += tally.number


def _differences(when: str, one: Counter[str], other: Counter[str] | dict[str, int]) -> list[Difference]:
    whats = sorted({*one, *other})
    return [Difference(when, w, one.get(w, 0), other.get(w, 0)) for w in whats if one.get(w, 0) != other.get(w, 0)]
