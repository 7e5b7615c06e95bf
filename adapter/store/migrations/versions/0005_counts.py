"""Counts by day and unit, and the unit of a case."""

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Word

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("cases", sa.Column("unit", sa.Integer(), nullable=True))
    op.create_table(
        "counts",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("unit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", Word(), nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("writer", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "day", "unit", "what", "value", "writer", name=op.f("pk_counts")),
        sqlite_with_rowid=False,
    )
    # Who is looked after already is counted from the start, under no unit: a case's next decision moves them to theirs.
    op.execute(
        "INSERT INTO counts (tenant, day, unit, what, value, writer, number) "
        "SELECT tenant, CURRENT_DATE, 0, 'active', 0, 0, COUNT(*) FROM schedules "
        "WHERE NOT ended AND n = (SELECT MAX(n) FROM schedules newer WHERE newer.tenant = schedules.tenant "
        "AND newer.ref = schedules.ref) GROUP BY tenant"
    )
