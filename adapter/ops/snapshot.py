"""The reading that the status page and the metrics share."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from adapter.engine import look_reader
from adapter.ops.context import OpsContext
from adapter.ops.unsafe_supervision import Safety
from adapter.presentation.case_summary import CaseSummary
from adapter.store import look_log, requests
from adapter.store.queries import Overview, last_drift, overview
from adapter.store.requests import ItemState, Request

NIGHT = timedelta(hours=16)
"""How far back looks are counted: this night or the last one, never both."""
SHOWN = 50
"""How many of the newest requests are shown. The command line lists them all."""

_FINISHED = (ItemState.DONE, ItemState.PLANNED, ItemState.FAILED)


class Snapshot:
    """What one transaction read about a municipality."""

    def __init__(self, c: Connection, ops: OpsContext, tenant: str, now: datetime) -> None:
        self.tenant, self.now = tenant, now
        self.overview: Overview = overview(c, tenant, now)
        self.summaries: tuple[CaseSummary, ...] = ops.open_cases.of(c, tenant)
        policy = ops.runtime.tenants[tenant].policy
        self.safety: Safety = ops.safety_checks.safety(c, tenant, policy, now)
        self.looks = look_log.counts(c, tenant, now - NIGHT)
        followed = next((feed.read_at for feed in self.overview.feeds if feed.name == look_reader.FEED), None)
        runs = self.safety.active > 0
        self.unfollowed = look_reader.unfollowed(policy, followed, now) if runs else timedelta(0)
        self.resyncs: tuple[ResyncRow, ...] = _resync_rows(c, tenant)
        self.drift = last_drift(c, tenant)


class ResyncRow(NamedTuple):
    """One municipality's part of a request. ``state`` is ``waiting`` (something can't be read now), ``working`` or
    ``finished``. ``done`` of the ``total`` cases and orders found so far are finished."""

    request: Request
    state: str
    done: int
    total: int


def _resync_rows(c: Connection, tenant: str) -> tuple[ResyncRow, ...]:
    """The newest requests of a municipality, newest first."""
    mine = requests.all_requests(c, kind="resync", tenant=tenant)
    return tuple(_row(c, request) for request in reversed(mine[-SHOWN:]))


def _row(c: Connection, request: Request) -> ResyncRow:
    counts = requests.counts(c, request.tenant, request.id)
    state = "finished" if request.finished_at else "waiting" if request.error else "working"
    return ResyncRow(request, state, sum(counts.get(done, 0) for done in _FINISHED), sum(counts.values()))
