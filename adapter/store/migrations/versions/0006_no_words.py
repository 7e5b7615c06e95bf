"""What vendors once said goes out of the audit and the errors that stayed: it could name somebody (P8)."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LEFT_OUT = "an earlier error; its text was left out"


def upgrade() -> None:
    conn = op.get_bind()
    told = sa.text("SELECT id, data FROM events WHERE name LIKE 'act.%' AND data LIKE '%\"error\"%'")
    changed = [{"i": row.id, "d": _without_words(row.data)} for row in conn.execute(told)]
    if changed:
        conn.execute(sa.text("UPDATE events SET data = :d WHERE id = :i"), changed)
    for name in ("acts", "facts", "feeds", "requests"):
        # That an error is there says more than its text: what waits has failed before.
        table = sa.table(name, sa.column("error"))
        op.execute(table.update().where(table.c.error.is_not(None)).values(error=_LEFT_OUT))
    op.execute(
        "UPDATE acts SET error = NULL WHERE EXISTS (SELECT 1 FROM cases WHERE cases.tenant = acts.tenant"
        " AND cases.ref = acts.ref AND cases.purged_at IS NOT NULL)"
    )


def _without_words(data: str) -> str:
    return json.dumps({name: value for name, value in json.loads(data).items() if name != "error"}, sort_keys=True)
