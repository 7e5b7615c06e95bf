"""Looks that were due, and what came of each."""

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Instant, Word

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("outcome", Word(), nullable=False),
        sa.Column("entitled", sa.Boolean(), nullable=False),
        sa.Column("judged_at", Instant(), nullable=True),
        sa.Column("begun_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ref", "n", "due_at", name=op.f("pk_looks")),
    )
    op.create_index("ix_looks_due", "looks", ["tenant", "due_at"], unique=False)
