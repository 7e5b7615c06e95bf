"""A message or mail is known by a code of its own. Those that are there go on being known by their number."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("acts", sa.Column("code", sa.Text(), nullable=True))
