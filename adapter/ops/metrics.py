"""``/metrics``: the state of the database as gauges, and the counted calls to the vendors.

Everything is read in one short transaction, at most once in a few seconds, however many ask. Nothing names a person.
Only the metric of unsafe supervision names cases, by reference.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from adapter.domain.decision import Phase
from adapter.domain.ledger import LOOK_DONE, ActState, LookOutcome
from adapter.domain.pauses import PAUSES
from adapter.domain.routine import STEPS
from adapter.domain.unwatched import NOT_RUNNING
from adapter.engine.circuit_breaker import VENDOR_OF_LANE
from adapter.engine.feed_reader import FEEDS
from adapter.ops import health
from adapter.ops.context import OpsContext
from adapter.ops.snapshot import Snapshot
from adapter.store.errors import StoreError
from adapter.store.keys import new_keys
from adapter.store.outbox import LANES
from adapter.store.queries import WAITING, unattended

LATE = {1: "reminded", 2: "reminded_again", 3: "escalated"}


class Gauges(Collector):
    """Families of gauges, filled municipality by municipality. Each has all its labels from the start, so that a
    missing series never looks like a zero."""

    def __init__(self) -> None:
        self._families: dict[str, GaugeMetricFamily] = {}

    def add(self, name: str, text: str, value: float, **labels: str) -> None:
        self.family(name, text, *labels).add_metric(tuple(labels.values()), value)

    def family(self, name: str, text: str, *labels: str) -> GaugeMetricFamily:
        """The family of this name. It is written even if it has no series."""
        full = f"adapter_{name}"
        if full not in self._families:
            self._families[full] = GaugeMetricFamily(full, text, labels=labels)
        return self._families[full]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families.values()


def gauges(ops: OpsContext, snapshots: Iterable[Snapshot], others: Mapping[str, int], *, store_up: bool) -> Gauges:
    """All metrics that aren't counters. ``others``: open cases of municipalities that aren't served."""
    g = Gauges()
    text = "1 while changed settings or mappings can't be used, or not without a restart."
    g.add("configuration_refused", text, "configuration_refused" in ops.errors.last)
    text = "Entries of the re-sync and adopt files that can't be used."
    g.add("requests_refused", text, len(ops.runtime.requests_refused))
    for tenant, count in (dict.fromkeys(ops.runtime.tenants, 0) | dict(others)).items():
        g.add("cases_unattended", "Open cases of a municipality that nobody serves.", count, tenant=tenant)
    g.add("build_info", "The version that runs.", 1, version=ops.version)
    g.add("dry_run", "1 if nothing is carried out.", ops.runtime.dry_run)
    g.add("store_up", "1 if the database could be read for these metrics.", store_up)
    g.add("work_age_seconds", "Since the work last gave a sign of life.", ops.watchdog.work_seconds)
    for name in (*ops.runtime.tenants, *ops.runtime.refused):
        text = "1 if a municipality isn't served because its settings or mapping can't be used."
        g.add("tenant_refused", text, name in ops.runtime.refused, tenant=name)
    held = ops.runtime.breakers.down()
    for tenant in ops.runtime.tenants:
        for vendor in sorted(set(VENDOR_OF_LANE.values())):
            text = "1 while calls to a vendor are held back."
            g.add("breaker_open", text, (tenant, vendor) in held, tenant=tenant, vendor=vendor)
    for s in snapshots:
        _feeds(g, s)
        _cases(g, s)
        _acts(g, s)
        _safety(g, s)
        _looks(g, s)
        states = Counter(r.state for r in s.resyncs)
        for state in ("working", "waiting"):
            g.add("resync_requests", "Re-sync requests under way.", states[state], tenant=s.tenant, state=state)
    return g


def _feeds(g: Gauges, s: Snapshot) -> None:
    known = {feed.name: feed for feed in s.overview.feeds}
    for name in FEEDS:
        feed = known.get(name)
        since = health.age(feed.read_at if feed else None, s.now)
        text = "Since a change feed was last read whole; +Inf: never yet, or the clock was set back."
        g.add("feed_age_seconds", text, since, tenant=s.tenant, feed=name)
        text = "1 if the last attempt to read a change feed failed."
        g.add("feed_failing", text, bool(feed and feed.error), tenant=s.tenant, feed=name)


def _cases(g: Gauges, s: Snapshot) -> None:
    for phase in Phase:
        count = s.overview.phases.get(phase.value, 0)
        g.add("cases", "Cases by phase, until they are purged.", count, tenant=s.tenant, phase=phase.value)
    text = "Open cases whose last reconciling failed unexpectedly."
    g.add("cases_failing", text, s.overview.failing, tenant=s.tenant)
    text = "Open cases that can't go on without a person."
    g.add("cases_parked", text, sum(summary.parked for summary in s.summaries), tenant=s.tenant)
    text = "Orders that can't be used and have no case."
    g.add("orders_unusable", text, len(s.overview.unusable), tenant=s.tenant)
    text = "Open cases with something in their facts that is contradictory or can't be read."
    g.add("cases_with_bad_facts", text, sum(summary.bad_facts for summary in s.summaries), tenant=s.tenant)
    g.add("cases_ready", "Cases that are due now.", s.overview.ready, tenant=s.tenant)
    since = s.overview.ready_since
    waited = (s.now - since).total_seconds() if since else 0.0
    g.add("cases_ready_age_seconds", "How long the case that is due longest has waited.", waited, tenant=s.tenant)
    causes = Counter(summary.unwatched.cause for summary in s.summaries if summary.unwatched and summary.without)
    for cause in (*PAUSES, *NOT_RUNNING):
        text = "Persons who are granted supervision and without it now, by cause."
        g.add("unwatched", text, causes[cause], tenant=s.tenant, cause=cause)
    late = Counter((v.id, min(v.late, 3)) for summary in s.summaries for v in summary.awaited if v.late)
    for step in STEPS:
        for level, word in LATE.items():
            text = "Steps of open cases that are late, by how far that was taken."
            g.add("steps_late", text, late[step, level], tenant=s.tenant, step=step, level=word)


def _acts(g: Gauges, s: Snapshot) -> None:
    found = {(a.lane, a.state): a for a in s.overview.acts}
    for lane in LANES:
        for state in WAITING:
            acts = found.get((lane, ActState(state)))
            labels = {"tenant": s.tenant, "lane": lane, "state": state.value}
            g.add("acts", "Acts that aren't done, by state.", acts.count if acts else 0, **labels)
            age = (s.now - acts.oldest).total_seconds() if acts else 0.0
            g.add("acts_oldest_age_seconds", "Since the oldest act in this state was decided.", age, **labels)


def _looks(g: Gauges, s: Snapshot) -> None:
    def count(*outcomes: LookOutcome, judged: bool | None = None, entitled: bool = True) -> int:
        shown = {key: n for key, n in s.looks.items() if key[0] in outcomes and key[2] is entitled}
        return sum(n for (_, known, _), n in shown.items() if judged is None or known is judged)

    for outcome in LookOutcome:
        text = "Looks that were due in the last 16 hours, by what came of them."
        g.add("looks", text, count(outcome), tenant=s.tenant, outcome=outcome.value)
    missed = count(*(set(LookOutcome) - LOOK_DONE), judged=True)
    g.add("looks_not_done", "Looks of the last 16 hours that are known as not done.", missed, tenant=s.tenant)
    text = "Looks of the last 16 hours that nobody had a right to; must be 0."
    g.add("looks_without_right", text, count(*LookOutcome, entitled=False), tenant=s.tenant)
    text = "For how long nobody has followed the looks of the night; 0 by day."
    g.add("looks_unfollowed_seconds", text, s.unfollowed.total_seconds(), tenant=s.tenant)


def _safety(g: Gauges, s: Snapshot) -> None:
    text = "Active e-tillsyn with a gate that doesn't hold; must be 0."
    g.add("supervision_active_without_gates", text, s.safety.count("without_gates"), tenant=s.tenant)
    text = "Active e-tillsyn after the authority's end; must be 0."
    g.add("supervision_active_after_end", text, s.safety.count("after_end"), tenant=s.tenant)
    text = "Active e-tillsyn although a pause or a nearer last day was called for a while ago; must be 0."
    g.add("supervision_not_stopped", text, s.safety.count("not_stopped"), tenant=s.tenant)
    # Only this family names cases, by reference: the person who is called at night must know which.
    text = "1 for each case by which somebody can look who must not, and why; gone once that is mended."
    unsafe = g.family("supervision_unsafe", text, "tenant", "case", "why")
    for ref, why in s.safety.unsafe.items():
        unsafe.add_metric((s.tenant, ref, why), 1)
    g.add("supervision_active", "Active e-tillsyn, as last seen.", s.safety.active, tenant=s.tenant)
    text = "Schedules at the camera platform that aren't as the cases know them, as the last comparison found."
    for how in ("unowned", "missing", "changed"):
        labels = getattr(s.drift, how) if s.drift else ()
        g.add("schedules_adrift", text, len(labels), tenant=s.tenant, how=how)


class MetricsCache:
    """The last answer. It is sent again for ``metrics_seconds``, and a request that comes while it is computed waits
    for it. So many readers cost the feeds no more than one."""

    def __init__(self, ops: OpsContext) -> None:
        self._ops = ops
        self._alone = asyncio.Lock()
        self._answer, self._at = b"", -math.inf

    async def text(self) -> bytes:
        async with self._alone:
            if time.monotonic() - self._at >= self._ops.metrics_seconds:
                self._answer = await self._compute()
                self._at = time.monotonic()
            return self._answer

    async def _compute(self) -> bytes:
        ops = self._ops
        snapshots: list[Snapshot] = []
        others: dict[str, int] = {}
        try:
            snapshots, others = await ops.runtime.db.run_aside(self._read)
            store_up = True
        except StoreError:
            store_up = False
        state = gauges(ops, snapshots, others, store_up=store_up)
        return b"".join(generate_latest(part) for part in (state, ops.calls.registry, ops.errors.registry, REGISTRY))

    def _read(self, c: Connection) -> tuple[list[Snapshot], dict[str, int]]:
        new_keys(c)  # without all of them the figures would lack what can't be read
        tenants, now = list(self._ops.runtime.tenants), self._ops.runtime.clock.now()
        return [Snapshot(c, self._ops, tenant, now) for tenant in tenants], unattended(c, tenants)


routes = APIRouter(tags=["metrics"])


@routes.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Metrics, for Prometheus",
)
async def metrics(request: Request) -> Response:
    """Prometheus' text format, at most a few seconds old. Without the database only the metrics that don't need it."""
    return Response(await request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
