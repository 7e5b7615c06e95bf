"""Orders without a case, and what people ask by file, each in a table of its own. What waited is carried over."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Instant, Json, Word

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "order_inbox",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("order_id", Word(), nullable=False),
        sa.Column("state", Word(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("problem", Json(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order_id", name=op.f("pk_order_inbox")),
    )
    op.create_table(
        "requests",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("id", Word(), nullable=False),
        sa.Column("kind", Word(), nullable=False),
        sa.Column("content", Json(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("turn_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("position", Json(), nullable=False),
        sa.Column("report", Json(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("retry_at", Instant(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_id", "requests", ["id"], unique=False)
    op.create_table(
        "request_items",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("id", Word(), nullable=False),
        sa.Column("item", Word(), nullable=False),
        sa.Column("state", Word(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("told", Json(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "item", name=op.f("pk_request_items")),
    )
    _carry_requests()
    _carry_orders()
    _carry_closed_cases()


def _carry_requests() -> None:
    op.execute(
        "INSERT INTO requests (tenant, id, kind, content, origin, taken_at, turn_at, finished_at, position, report,"
        " error, retry_at) SELECT tenant, id, 'resync', request, '', taken_at, turn_at, finished_at, position, report,"
        " error, retry_at FROM resyncs"
    )
    op.execute("INSERT INTO request_items SELECT tenant, id, item, state, at, told FROM resync_items")


def _carry_orders() -> None:
    """Two lists were kept as feeds: the days to be asked for again, and what is wrong with orders and was told."""
    told = {(row.tenant, row.item): json.loads(row.fingerprint) for row in _feed("orders:held")}
    rows = []
    for row in _feed("orders:pending"):
        known = told.get((row.tenant, row.item))
        of = {"tenant": row.tenant, "order_id": row.item, "day": date.fromisoformat(row.fingerprint)}
        of |= {"since": row.seen_at, "problem": {"code": "order_unread", "resource": "orders", "params": {}}}
        if row.item.startswith("day:"):
            rows.append(of | {"order_id": row.fingerprint, "state": "day_in_doubt"})
        elif known is None:
            rows.append(of | {"state": "of_case"})
        else:
            problem = {key: known[key] for key in ("code", "resource", "params")}
            state = "unread" if problem["code"] == "order_unread" else "unusable"
            since = datetime.fromisoformat(known["since"])
            rows.append(of | {"state": state, "since": since, "problem": problem})
            if known["tell_at"] is None:
                _as_told(row.tenant, row.item, problem, since)
    if rows:
        op.bulk_insert(_table("order_inbox", "tenant order_id state", "since", day=sa.Date(), problem=Json()), rows)


def _feed(name: str) -> Sequence[sa.Row[Any]]:
    items = _table("feed_items", "tenant feed item fingerprint", "seen_at")
    return op.get_bind().execute(sa.select(items).where(items.c.feed == name)).all()


def _as_told(tenant: str, order_id: str, problem: dict[str, Any], since: datetime) -> None:
    """The mail about it was sent: it isn't sent again."""
    others = {"n": sa.Integer(), "what": Json(), "attempts": sa.Integer(), "looks": sa.Integer(), "opens": sa.Boolean()}
    acts = _table("acts", "tenant ref key kind lane why state", "created_at done_at", **others)
    what = {"id": order_id, "mail": "order", "to": "coordinator", "code": problem["code"]}
    what |= {"resource": problem["resource"], **problem["params"]}
    row = {"tenant": tenant, "ref": f"order:{order_id}", "n": 1, "key": f"unusable:{int(since.timestamp())}"}
    row |= {"kind": "mail", "lane": "mail", "why": "notice", "state": "done", "what": what, "opens": False}
    op.bulk_insert(acts, [row | {"attempts": 1, "looks": 0, "created_at": since, "done_at": since}])


def _carry_closed_cases() -> None:
    """The closed cases to be looked at were a list of their own: they are due like any other."""
    cases = _table("cases", "tenant ref", "closed_at due_at ready_at")
    for row in _feed("cases:touched"):
        at = datetime.fromisoformat(row.fingerprint)
        this = sa.update(cases).where(cases.c.tenant == row.tenant, cases.c.ref == row.item)
        op.get_bind().execute(this.where(cases.c.closed_at.is_not(None)).values(due_at=at, ready_at=at))


def _table(name: str, words: str, instants: str, **others: sa.types.TypeEngine[Any]) -> sa.TableClause:
    columns: list[sa.ColumnClause[Any]] = [sa.column(word, Word()) for word in words.split()]
    columns += [sa.column(instant, Instant()) for instant in instants.split()]
    return sa.table(name, *columns, *(sa.column(column, kind) for column, kind in others.items()))
