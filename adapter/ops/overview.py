"""The overview: first what needs a person, then how far the cases are, and what runs."""

from typing import Any

from sqlalchemy import Connection

from adapter.ops import cards
from adapter.ops.case_list import steps, tiles, unfulfilled_rows
from adapter.ops.context import OpsContext
from adapter.ops.health import fresh_for
from adapter.ops.night_load_view import UnitLoad, unit_loads
from adapter.ops.resync_rows import ResyncRow, resync_rows
from adapter.ops.troubles import troubles
from adapter.presentation.case_cards import Card, card, unsafe_card
from adapter.presentation.case_summary import urgency
from adapter.store.queries import Drift, last_drift, unattended
from adapter.store.queries import overview as stored

SHOWN = 6
"""How many cases of each kind, and how many municipalities, are shown at first."""


def overview(ops: OpsContext, c: Connection) -> dict[str, Any]:
    """The values for the template."""
    rt, words = ops.runtime, ops.words_of()
    now, fresh = rt.clock.now(), fresh_for(rt).total_seconds()
    summaries = sorted((s for tenant in rt.tenants for s in ops.open_cases.of(c, tenant)), key=urgency)
    numbers: list[cards.Numbers] = []
    resyncs: list[ResyncRow] = []
    loads: list[UnitLoad] = []
    unsafe: dict[tuple[str, str], Card] = {}
    drifts: dict[str, Drift | None] = {}
    for name, tenant in rt.tenants.items():
        theirs = ops.words_of(name)
        safe = ops.safety_checks.safety(c, name, tenant.policy, now)
        numbers.append(cards.numbers(theirs, name, stored(c, name, now), safe, now, fresh))
        resyncs += resync_rows(c, name)
        loads += unit_loads(rt.night_loads.of(c, name, tenant.policy, now), name, tenant.policy, theirs)
        drifts[name] = last_drift(c, name)
        unsafe |= {(name, ref): unsafe_card(name, ref, why, theirs) for ref, why in safe.unsafe.items()}
    vendors = cards.vendors(ops)
    wrong = troubles(ops, numbers, vendors, drifts, unattended(c, list(rt.tenants)))
    unwatched = [g for g in summaries if g.without]
    urgent = [g for g in summaries if g.parked or g.late or (g.unwatched and g.unwatched.urgent)]
    needs = [g for g in urgent if not g.without]
    unusable = [card for view in numbers for card in view.unusable]
    unfulfilled = unfulfilled_rows(ops, summaries)
    count = len({(g.case.tenant, g.case.ref) for g in urgent} | unsafe.keys())
    count += len(unusable) + sum(line.tone == "bad" for line in wrong)
    return {
        "unsafe": list(unsafe.values()),
        "unwatched": [card(g, ops.words_of(g.case.tenant), now) for g in unwatched[:SHOWN]],
        "unwatched_count": len(unwatched),
        "needs": [card(g, ops.words_of(g.case.tenant), now) for g in needs[:SHOWN]],
        "needs_count": len(needs),
        "unusable": unusable,
        "unfulfilled": unfulfilled[:SHOWN],
        "unfulfilled_count": len(unfulfilled),
        "tiles": tiles(summaries, words),
        "steps": steps(summaries, words),
        "numbers": sorted(numbers, key=lambda view: view.well),
        "shown": SHOWN,
        "feeds": cards.worst_first(row for view in numbers for row in view.feeds),
        "vendors": vendors,
        "troubles": wrong,
        "count": count,
        "resyncs": resyncs,
        "loads": loads,
        "read": all(view.read for view in numbers),
        "well": not count and all(view.well for view in numbers),
    }
