"""Re-sync requests, and what became of each case in them."""

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Instant, Json, Word

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "resyncs",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("id", Word(), nullable=False),
        sa.Column("request", Json(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("turn_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("position", Json(), nullable=False),
        sa.Column("report", Json(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("retry_at", Instant(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_resyncs")),
    )
    op.create_index("ix_resyncs_id", "resyncs", ["id"], unique=False)
    op.create_table(
        "resync_items",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("id", Word(), nullable=False),
        sa.Column("item", Word(), nullable=False),
        sa.Column("state", Word(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("told", Json(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "item", name=op.f("pk_resync_items")),
    )
