"""The overview: first what needs a person, then how far the cases are, and what runs."""

from typing import Any

from sqlalchemy import Connection

from adapter.ops import figures
from adapter.ops.case_list import steps, tiles, unfulfilled_rows
from adapter.ops.context import OpsContext
from adapter.ops.health import fresh_for
from adapter.ops.night_load_view import UnitLoad, unit_loads
from adapter.ops.snapshot import Snapshot
from adapter.ops.troubles import troubles
from adapter.presentation.case_cards import Card, Line, card
from adapter.presentation.case_summary import urgency
from adapter.store.queries import unattended

SHOWN = 6
"""How many cases of each kind, and how many municipalities, are shown at first."""


def overview(ops: OpsContext, c: Connection) -> dict[str, Any]:
    """The values for the template."""
    rt, words = ops.runtime, ops.words_of()
    now, fresh = rt.clock.now(), fresh_for(rt).total_seconds()
    snapshots = [Snapshot(c, ops, name, now) for name in rt.tenants]
    summaries = sorted((summary for s in snapshots for summary in s.summaries), key=urgency)
    numbers: list[figures.Numbers] = []
    loads: list[UnitLoad] = []
    unsafe: dict[tuple[str, str], Card] = {}
    for s in snapshots:
        theirs, policy = ops.words_of(s.tenant), rt.tenants[s.tenant].policy
        numbers.append(figures.numbers(theirs, s.tenant, s.overview, s.safety, now, fresh))
        loads += unit_loads(rt.night_loads.of(c, s.tenant, policy, now), s.tenant, policy, theirs)
        for ref, why in s.safety.unsafe.items():
            unsafe[s.tenant, ref] = Card(ref, s.tenant, (Line(theirs.say("unsafe", why), "bad"),))
    vendors = figures.vendors(ops)
    wrong = troubles(ops, numbers, vendors, {s.tenant: s.drift for s in snapshots}, unattended(c, list(rt.tenants)))
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
        "feeds": figures.worst_first(row for view in numbers for row in view.feeds),
        "vendors": vendors,
        "troubles": wrong,
        "count": count,
        "resyncs": [row for s in snapshots for row in s.resyncs],
        "loads": loads,
        "read": all(view.read for view in numbers),
        "well": not count and all(view.well for view in numbers),
    }
