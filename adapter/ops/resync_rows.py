"""Re-sync requests as the status page and the metrics show them."""

from typing import NamedTuple

from sqlalchemy import Connection

from adapter.store import requests
from adapter.store.requests import ItemState, Request

SHOWN = 50
"""How many of the newest requests are shown. The command line lists them all."""

_FINISHED = (ItemState.DONE, ItemState.PLANNED, ItemState.FAILED)


class ResyncRow(NamedTuple):
    """One municipality's part of a request. ``state`` is ``waiting`` (something can't be read now), ``working`` or
    ``finished``. ``done`` of the ``total`` cases and orders found so far are finished."""

    request: Request
    state: str
    done: int
    total: int


def resync_rows(c: Connection, tenant: str) -> tuple[ResyncRow, ...]:
    """The newest requests of a municipality, newest first."""
    mine = requests.all_requests(c, kind="resync", tenant=tenant)
    return tuple(_row(c, request) for request in reversed(mine[-SHOWN:]))


def _row(c: Connection, request: Request) -> ResyncRow:
    counts = requests.counts(c, request.tenant, request.id)
    state = "finished" if request.finished_at else "waiting" if request.error else "working"
    return ResyncRow(request, state, sum(counts.get(done, 0) for done in _FINISHED), sum(counts.values()))
