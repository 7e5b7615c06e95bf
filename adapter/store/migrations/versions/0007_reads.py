"""Who read what, and who has signed in."""

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Instant, Json, Word

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "reads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", Word(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reads")),
    )
    op.create_index("ix_reads_case", "reads", ["tenant", "ref", "at"], unique=False)
    op.create_index("ix_reads_at", "reads", ["tenant", "at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("digest", Word(), nullable=False),
        sa.Column("content", Json(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_ends", "sessions", ["ends_at"], unique=False)
