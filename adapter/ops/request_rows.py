"""Re-sync requests as the status page and the metrics show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from adapter.store import requests
from adapter.store.requests import ItemState

SHOWN = 50
"""How many of the newest requests are shown. The command line lists them all."""

_FINISHED = (ItemState.DONE, ItemState.PLANNED, ItemState.FAILED)


@dataclass(frozen=True, slots=True)
class ResyncRow:
    """One municipality's part of a request. ``state`` is ``waiting`` (something can't be read now), ``working`` or
    ``finished``. ``done`` of the ``total`` cases and orders found so far are finished."""

    id: str
    tenant: str
    state: str
    scope: str
    mode: str
    who: str
    why: str
    taken_at: datetime
    finished_at: datetime | None
    done: int
    total: int
    error: str | None


def resync_rows(c: Connection, tenant: str) -> tuple[ResyncRow, ...]:
    """The newest requests of a municipality, newest first."""
    mine = requests.all_requests(c, kind="resync", tenant=tenant)
    return tuple(_row(c, r) for r in reversed(mine[-SHOWN:]))


def _row(c: Connection, r: requests.Request) -> ResyncRow:
    counts = requests.counts(c, r.tenant, r.id)
    texts = {key: str(r.content.get(key, "")) for key in ("scope", "mode", "who", "why")}
    state = "finished" if r.finished_at else "waiting" if r.error else "working"
    done = sum(counts.get(state, 0) for state in _FINISHED)
    return ResyncRow(
        id=r.id,
        tenant=r.tenant,
        state=state,
        **texts,
        taken_at=r.taken_at,
        finished_at=r.finished_at,
        done=done,
        total=sum(counts.values()),
        error=r.error,
    )
