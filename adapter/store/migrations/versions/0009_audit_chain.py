"""The audit becomes a chain, from here on: of what stands in it already nobody could say whether it was changed."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from adapter.store.audit_chain import BEGAN, hash_of, start_of
from adapter.store.types import Instant, Json, Word

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("events", sa.Column("previous", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("hash", sa.Text(), nullable=True))
    op.create_index("uq_events_previous", "events", ["previous"], unique=True)
    words = [sa.column(name, Word()) for name in ("tenant", "name", "previous", "hash")]
    events = sa.table("events", sa.column("id"), sa.column("at", Instant()), sa.column("data", Json()), *words)
    newest = sa.select(events.c.tenant, sa.func.max(events.c.id).label("up_to")).group_by(events.c.tenant)
    now = datetime.now(UTC)
    for row in op.get_bind().execute(newest).all():
        data, start = {"up_to": row.up_to}, start_of(row.tenant, None)
        began = {"tenant": row.tenant, "at": now, "name": BEGAN, "data": data, "previous": start}
        began["hash"] = hash_of(start, row.tenant, None, now, BEGAN, data, None)
        op.bulk_insert(events, [began])
