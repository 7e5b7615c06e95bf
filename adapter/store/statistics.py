"""What PostgreSQL believes of its tables' sizes.

While a database is young, or takes in a whole municipality at once, it believes them to be empty, and reads all cases
of a tenant where it could read one by its index. Its own autovacuum notices after a minute or more; we do sooner.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

GROWN_ROWS = 200

_GROWN = text(
    """
    SELECT s.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = current_schema() AND pg_has_role(c.relowner, 'USAGE')
      AND s.n_live_tup > :rows + 2 * greatest(c.reltuples, 0)
    ORDER BY s.relname
    """
)


def refresh(conn: Connection) -> list[str]:
    """Have PostgreSQL look again at those of our tables that hold more than twice as much as it believes, and
    ``GROWN_ROWS`` beside; returns their names. One that another session looks at just now is left to that one."""
    grown = list(conn.scalars(_GROWN, {"rows": GROWN_ROWS}))
    for name in grown:
        conn.execute(text(f'ANALYZE (SKIP_LOCKED) "{name}"'))
    return grown
