"""A whole and consistent copy of a SQLite database, made while the adapter works.

When a copy is put back, it is older than the world: acts that wait in it may have been sent since. So in the copy all
of them become *unknown*, and are looked up before anything is sent (P4).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, select, update

from adapter.domain.ledger import ActState
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.outbox import advance
from adapter.store.sql import FREE
from adapter.store.tables import acts, cases, feeds


def back_up(source: Path, target: Path) -> int:
    """Copy the database file ``source`` to ``target``, which must not be there yet. Returns its size in bytes.

    Nothing is leased in the copy. Raises ``StoreError`` if ``source`` can't be read or ``target`` can't be written;
    then there is no ``target``.
    """
    if target.exists():
        raise StoreError(f"{target} is there already; a backup never replaces a file", "other")
    if not source.exists():
        raise StoreError(
            f"There is no database yet: {source}. `adapter run` or `adapter db upgrade` makes it", "missing"
        )
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(unfinished)) as copy:
            live.execute("PRAGMA busy_timeout = 5000")
            live.backup(copy)
        _make_careful(unfinished)
        with closing(sqlite3.connect(unfinished)) as copy:
            # One file, without a journal that somebody could forget to move with it.
            copy.execute("PRAGMA journal_mode = DELETE")
        unfinished.rename(target)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        reason = (
            f"the backup of {source} to {target} failed: {error}. There is no backup; look at space and permissions"
        )
        raise StoreError(reason, "full" if "full" in str(error) else "other") from None
    return target.stat().st_size


def make_careful(database: Database) -> None:
    """For another kind of copy (``pg_dump``), after it was put back and before anything runs on it: every act that
    waits becomes *unknown*, and leases are given back. It can be repeated. Raises ``StoreError``."""
    database.run_sync(_all_unknown)


def _make_careful(path: Path) -> None:
    copy = Database(f"sqlite:///{path}", inline=True)
    try:
        make_careful(copy)
    finally:
        copy.close()


def _all_unknown(conn: Connection) -> None:
    waiting = acts.c.state.in_((ActState.PENDING, ActState.SENDING))
    held = acts.c.lease_owner.is_not(None)
    touched = conn.execute(select(acts.c.tenant, acts.c.ref).where(waiting | held).distinct()).all()
    conn.execute(update(acts).where(waiting).values(state=ActState.UNKNOWN, looks=0, **FREE))
    conn.execute(update(acts).where(held).values(**FREE))
    for row in touched:
        advance(conn, row.tenant, row.ref)
    taken = update(cases).where(cases.c.lease_owner.is_not(None))
    conn.execute(taken.values(ready_at=cases.c.lease_until, version=cases.c.version + 1, **FREE))
    conn.execute(update(feeds).values(**FREE))
