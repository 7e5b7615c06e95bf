"""Orders that have no case yet and can't be used now, each with its problem. They are asked for again at each poll."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from adapter.domain.facts import FactProblem
from adapter.store.sql import insert_missing
from adapter.store.tables import order_inbox as table

# Runs at every poll, so it is built once.
_WAITING = select(table).where(table.c.tenant == bindparam("of_tenant")).order_by(table.c.since, table.c.order_id)

UNREAD = FactProblem("order_unread", "orders")
"""The problem of an order that can't be read now, as when the case system is down."""


class InboxState(StrEnum):
    UNREAD = "unread"
    """Can't be read now; a person is told if that lasts."""
    UNUSABLE = "unusable"
    """A person must mend it, and is told."""
    OF_CASE = "of_case"
    """Can't be used either, but an open case of the person shows it."""
    DAY_IN_DOUBT = "day_in_doubt"
    """Not an order but a day: its list answered 404, and may have failed (L10)."""


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """``order_id`` holds the day if it is a day in doubt. ``day`` is the local calendar date of the order's last
    change, under which the case system lists it. ``since`` (UTC) is when the adapter first saw it in this state;
    ``problem`` is what is wrong now."""

    order_id: str
    state: InboxState
    day: date
    since: datetime
    problem: FactProblem = UNREAD

    @property
    def subject(self) -> str:
        """The subject of its mail in the outbox."""
        return f"order:{self.order_id}"


def all_waiting(conn: Connection, tenant: str) -> dict[str, WaitingOrder]:
    """Everything that will be asked for again, by id, the oldest first."""
    return {row.order_id: _loaded(row) for row in conn.execute(_WAITING, {"of_tenant": tenant})}


def unusable_orders(conn: Connection, tenant: str) -> tuple[WaitingOrder, ...]:
    """The orders that can't be used and that no case shows, the oldest first. People see these."""
    shown = (InboxState.UNREAD, InboxState.UNUSABLE)
    return tuple(order for order in all_waiting(conn, tenant).values() if order.state in shown)


def replace_all(conn: Connection, tenant: str, waiting: Iterable[WaitingOrder]) -> None:
    """Store these orders instead of all that waited before."""
    conn.execute(delete(table).where(table.c.tenant == tenant))
    rows = [
        asdict(order) | {"tenant": tenant, "problem": asdict(order.problem) | {"params": dict(order.problem.params)}}
        for order in waiting
    ]
    insert_missing(conn, table, *rows)


def _loaded(row: Row[Any]) -> WaitingOrder:
    stored = row.problem
    problem = FactProblem(stored["code"], stored["resource"], tuple(stored["params"].items()))
    return WaitingOrder(row.order_id, InboxState(row.state), row.day, row.since, problem)
