"""Persons are looked up by a keyed hash, and identity numbers may be encrypted.

Columns get other names for it: a version before this one would take an encrypted number for a number, and ask Lifecare
for somebody who isn't there.
"""

import sqlalchemy as sa
from alembic import op

from adapter.store.sealing import of
from adapter.store.types import Instant, Word

revision = "0010"
down_revision = "0009"

BATCH = 1000


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("name", Word(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("whole_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_keys")),
    )
    op.drop_index("ix_cases_person", table_name="cases")
    op.alter_column("cases", "person_id", new_column_name="identity_number")
    op.add_column("cases", sa.Column("person", Word(), nullable=False, server_default=""))
    op.alter_column("persons", "person_id", new_column_name="person")
    _hash("cases", "identity_number")
    _hash("persons", "person")
    op.create_index("ix_cases_person", "cases", ["tenant", "person"], unique=False)


def _hash(table: str, number: str) -> None:
    """``person`` of each row, from the identity number that stands in another column or there itself."""
    conn = op.get_bind()
    keys = of(conn)
    rows = conn.execute(sa.text(f"SELECT DISTINCT tenant, {number} FROM {table}")).all()  # noqa: S608  # names of ours
    changed = sa.text(f"UPDATE {table} SET person = :person WHERE tenant = :tenant AND {number} = :number")  # noqa: S608
    new = [{"tenant": row[0], "number": row[1], "person": keys.person(row[0], row[1])} for row in rows]
    for first in range(0, len(new), BATCH):
        conn.execute(changed, new[first : first + BATCH])
