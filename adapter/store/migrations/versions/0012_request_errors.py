"""Why a request waits is encrypted too: what stands there already is found by looking through everything once more."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(sa.text("UPDATE keys SET whole_at = NULL"))
