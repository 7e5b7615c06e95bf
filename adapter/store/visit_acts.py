"""The acts by which looks are written back as visits: their state, and deleting them in time."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from adapter.domain.ledger import Act, ActState
from adapter.store import outbox
from adapter.store.sql import chunks
from adapter.store.tables import acts

_c = acts.c
_OVER = (ActState.DONE, ActState.PARKED, ActState.DROPPED)


def of_looks(conn: Connection, tenant: str, subjects: Iterable[str]) -> dict[str, tuple[Act, bool]]:
    """The last act of each of these looks, if there is one, and whether its visit was withheld."""
    found: dict[str, tuple[Act, bool]] = {}
    query = select(acts).where(_c.tenant == tenant).order_by(_c.ref, _c.n)
    for some in chunks(subjects):
        for row in conn.execute(query.where(_c.ref.in_(some))):
            found[row.ref] = (outbox.act_from_row(conn, row), "withheld" in (row.result or {}))
    return found


def forget(conn: Connection, tenant: str, subjects: Iterable[str]) -> None:
    """Delete the acts of these looks."""
    for some in chunks(subjects):
        conn.execute(delete(acts).where(_c.tenant == tenant, _c.ref.in_(some)))


def forgettable(conn: Connection, tenant: str, before: datetime, limit: int) -> list[str]:
    """Looks whose acts were all called for before an instant (UTC) and are over. Lifecare keeps its visits."""
    other = acts.alias().c
    stays = (other.tenant == tenant, other.ref == _c.ref, other.state.not_in(_OVER) | (other.created_at >= before))
    over = (_c.state.in_(_OVER), _c.lane == "visit", _c.created_at < before)
    query = select(_c.ref).distinct().where(_c.tenant == tenant, *over, ~select(other.ref).where(*stays).exists())
    return list(conn.scalars(query.limit(limit)))
