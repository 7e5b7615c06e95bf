"""When the adapter ran, and when a vendor was down."""

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Instant, Word

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "uptime",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("system", Word(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("owner", Word(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "system", "since", "owner", name=op.f("pk_uptime")),
    )
