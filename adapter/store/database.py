"""The database: how transactions are run, and which schema it has.

SQLite is the embedded default: one process, one writer thread. PostgreSQL serves any number of replicas, and the event
loop itself waits for it. Waiting threads would cost a third more, because each must get Python's global lock back at
every answer. Both run the same statements.
"""

import asyncio
import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import greenlet_spawn

from adapter.log_events import log_if_done
from adapter.store.errors import StoreError, busy, translate
from adapter.store.sealing import PLAIN, Sealing

T = TypeVar("T")

HEAD = "0013"
"""The newest migration's revision, so that a start on a current schema doesn't need Alembic."""
_UPGRADE_LOCK = 0x7472796767
"""PostgreSQL's advisory lock that one replica holds while it migrates."""

OLDEST_SQLITE = (3, 35)
"""The first version whose updates return rows."""
IDLE_MS = 5_000
"""PostgreSQL ends a transaction that does nothing for so long: its process is frozen or gone, and others need the rows
that it has locked. Our own transactions never wait for anything."""
LOCK_MS = 10_000
"""How long a statement waits for a row that another process has locked."""
_REACHABLE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Settings of libpq, in seconds (the last in milliseconds). A server that is gone is noticed within half a minute."""
CONNECTIONS = 4
"""How many connections to PostgreSQL a process has at most."""
_IN_EACH_OTHERS_WAY = ("40P01", "40001")
"""Deadlock and serialisation failure: nothing of the transaction happened, and it may succeed if it is run again."""
_AUDIT_ORDER = "uq_events_previous"
"""The unique index that is violated if another process wrote the next event of this case. That is such a conflict
too."""
_TRIES = 5


class Database:
    """One database. ``url`` is an SQLAlchemy URL: ``sqlite:///var/adapter.db``, ``sqlite://`` (in memory) or
    ``postgresql+psycopg://...``. Nothing connects before the first transaction.

    ``inline`` runs every transaction in the caller's own thread, so that a simulation can be repeated exactly. A
    database in memory always does so. ``sealing``: the keys that encrypt what is personal. Raises ``StoreError`` for a
    URL that can't be used.
    """

    def __init__(self, url: str, *, inline: bool = False, sealing: Sealing = PLAIN) -> None:
        self.sealing = sealing
        try:
            self._url: URL = make_url(url)
            self._prepare_after = _prepare_after(self._url.query.get("prepare_threshold"))
            self._url = self._url.difference_update_query(["prepare_threshold"])
            self.name = self._url.render_as_string(hide_password=True)
            self._sqlite = self._url.get_backend_name() == "sqlite"
            if not self._sqlite and self._url.get_backend_name() != "postgresql":
                raise StoreError(f"database {self.name}: only sqlite and postgresql are supported", "driver")
            if self._sqlite and sqlite3.sqlite_version_info < OLDEST_SQLITE:
                oldest = ".".join(map(str, OLDEST_SQLITE))
                raise StoreError(
                    f"Python's SQLite here is {sqlite3.sqlite_version}; the adapter needs {oldest} or newer. "
                    "Use PostgreSQL, or a Python with a newer one",
                    "driver",
                )
            self.memory = self._sqlite and self._url.database in (None, "", ":memory:")
            self._engine = self._connectable(self._url)
            # Used by callers with an event loop; it connects at first use. ``sqlalchemy.ext.asyncio`` has the same
            # engine, but loads the whole ORM (6 MB).
            in_loop = self._url.set(drivername="postgresql+psycopg_async")
            self._in_loop = None if self._sqlite or inline else self._connectable(in_loop)
        except (ArgumentError, NoSuchModuleError):
            raise StoreError(
                "the database URL can't be read; it begins with sqlite:/// or postgresql+psycopg://", "driver"
            ) from None
        except ModuleNotFoundError as e:
            raise StoreError(f"database {self.name} needs the Python package {e.name}; install it", "driver") from e
        self._committed = 0
        self._file: tuple[int, int] | None = None
        self._alone: int | None = None
        self._thread = None
        if self._sqlite and not inline and not self.memory:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    @property
    def alone(self) -> bool:
        """Whether this process is known to be the only one that works on the database."""
        return self.memory or self._alone is not None

    def hold_alone(self) -> None:
        """Be the only process that works on an embedded database, until it is closed or the process ends. Commands that
        only read, or mark a case, are still allowed. On PostgreSQL this does nothing.

        Raises ``StoreError`` (``held``) if another process works on it.
        """
        if not self._sqlite or self.alone:
            return
        path = Path(f"{self._url.database}-alone")
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                raise
        except BlockingIOError:
            why = "is used by another adapter. SQLite allows only one. This one does nothing; stop the other first"
            raise StoreError(f"database {self.name} {why}", "held") from None
        except OSError as error:
            why = f"{path} can't be made or locked ({error.strerror}). Nothing is done; mend its folder"
            reason = "full" if error.errno == errno.ENOSPC else "other"
            raise StoreError(f"database {self.name}: {why}", reason) from None
        self._alone = file

    def _connectable(self, url: URL) -> Engine:
        more: dict[str, Any] = {}
        if self.memory:
            more = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        elif not self._sqlite:
            reachable = {name: value for name, value in _REACHABLE.items() if name not in url.query}
            more = {"connect_args": {**reachable, "prepare_threshold": self._prepare_after}}
            more |= {"pool_size": CONNECTIONS, "max_overflow": 0}
        # hide_parameters: a driver's error would otherwise quote the row (P8).
        options = {"sealing": self.sealing}
        engine = create_engine(url, hide_parameters=True, execution_options=options, **more)
        event.listen(engine, "connect", _prepare_sqlite if self._sqlite else _prepare_postgres)
        if not self._sqlite:
            # Many new rows in one statement, for the reason that stands in ``sql``.
            engine.dialect.use_insertmanyvalues_wo_returning = True
        return engine

    async def run(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in one short transaction: committed when it returns, rolled back when it raises.

        ``fn`` is a plain function, so nothing can be awaited in it and no transaction is ever open across HTTP. It may
        be run again, from the beginning, if another process was in its way or the connection had died. Even if the
        caller is cancelled meanwhile, the transaction happens as a whole or not at all. What ``fn`` logs is written
        once it is committed.
        Raises ``StoreError`` if the database can't be used, and whatever ``fn`` raises.
        """
        if self._in_loop is not None:
            # SQLAlchemy's way of waiting within a plain function: the loop goes on meanwhile.
            return await greenlet_spawn(self._run, self._in_loop, fn)
        if self._thread is None:
            return self.run_sync(fn)
        # With the caller's context, so that log lines from the thread name the case too.
        within = copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: within.run(self.run_sync, fn))

    async def run_aside(self, fn: Callable[[Connection], T]) -> T:
        """The same for work on very many rows (the status page, metrics): always in a thread, so that nothing else has
        to wait for it."""
        return await (self.run(fn) if self._in_loop is None else asyncio.to_thread(self.run_sync, fn))

    def run_sync(self, fn: Callable[[Connection], T]) -> T:
        """The same from a thread without an event loop (the command line)."""
        return self._run(self._engine, fn)

    def _run(self, engine: Engine, fn: Callable[[Connection], T]) -> T:
        for n in range(1, _TRIES + 1):
            committing = False
            try:
                self._check_file()
                with log_if_done(), engine.begin() as conn:
                    if self._sqlite:
                        # The write lock is taken at once: it could be refused half-way if a reader became a writer.
                        # (Not by an event of the engine: then every statement would look for listeners.)
                        conn.exec_driver_sql("BEGIN IMMEDIATE")
                    result = fn(conn)
                    committing = True
                self._committed += 1
                self._remember_file()
            except DBAPIError as e:
                # A connection may have died while it lay unused, as at a restart of the server: nothing happened. To
                # ask it before each transaction costs an eighth of all work. The next one is new; if that dies too,
                # the transaction may be the cause. What became of a commit isn't known.
                died = n == 1 and e.connection_invalidated and not committing
                if n == _TRIES or not (died or _in_each_others_way(e)):
                    raise self._counted(translate(e, self.name)) from None
            except NoneFree:
                raise self._counted(busy(self.name)) from None
            except StoreError as e:
                raise self._counted(e) from None
            else:
                return result
        raise AssertionError("the last try returns or raises")

    def _counted(self, error: StoreError) -> StoreError:
        error.after = self._committed
        return error

    def _check_file(self) -> None:
        """If a SQLite file was deleted or replaced, this process would still write to the deleted file. The next start
        would begin with an empty database and send every message again."""
        if self._file is not None and self._file != self._stat():
            raise StoreError(
                f"database {self.name} was deleted or replaced while the adapter ran. Nothing more is written or sent; "
                "put the file back, and the adapter goes on by itself; or stop it, restore the last backup, start it",
                "missing",
            )

    def _remember_file(self) -> None:
        if self._file is None and self._sqlite and not self.memory:
            self._file = self._stat()

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = Path(str(self._url.database)).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def upgrade(self) -> None:
        """Bring the schema up to this version's, one process at a time. If it is current, nothing changes."""
        self.run_sync(self._upgrade)

    def _upgrade(self, conn: Connection) -> None:
        from adapter.store import migrate

        if conn.dialect.name == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _UPGRADE_LOCK})
        if self.memory:
            migrate.create(conn)
        else:
            migrate.upgrade(conn)

    def schema(self) -> tuple[str | None, str]:
        """The schema's revision, and the one that this version expects."""
        return self.run_sync(_revision), HEAD

    def close(self) -> None:
        """Close the connections; in a thread, wait for the transaction under way first."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        if self._in_loop is not None:
            _at_once(greenlet_spawn(self._in_loop.dispose))
        self._engine.dispose()
        if self._alone is not None:
            os.close(self._alone)
            self._alone = None


def _at_once(step: Coroutine[Any, Any, None]) -> None:
    """Closing connections never waits, so it needs no event loop. The old one may be gone by now."""
    with suppress(StopIteration):
        step.send(None)
        raise AssertionError("closing a connection waited for something")


def _in_each_others_way(error: DBAPIError) -> bool:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return getattr(error.orig, "sqlstate", None) in _IN_EACH_OTHERS_WAY or constraint == _AUDIT_ORDER


def _prepare_after(given: object) -> int | None:
    """After how many runs of a statement psycopg lets the server prepare it; None (the default): never. Behind a pooler
    that shares sessions (PgBouncer in transaction mode), a statement that was prepared in one session is missing in
    another, or is there twice. Raises ``StoreError``."""
    text = str(given or "none").lower()
    if text == "none" or text.isdecimal():
        return None if text == "none" else int(text)
    raise StoreError("the database URL's prepare_threshold must be a whole number or None", "driver")


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()


def usable(current: str | None, head: str | None) -> bool:
    """Whether a version that expects revision ``head`` can work with a schema of revision ``current``. It can if that
    is the same or newer, because migrations only add. So a replica of the version before goes on, and can be started
    again."""
    return current is not None and head is not None and current >= head


def _prepare_postgres(connection: Any, _record: object) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
    connection.execute(f"SET lock_timeout = {LOCK_MS}")
    connection.commit()


# secure_delete: what was purged must not stay in the file's free pages.
_PRAGMAS = (
    "busy_timeout = 5000",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL: other processes (the command line) can read while this one writes. FULL and not NORMAL: in WAL mode NORMAL
    may lose the last commits at a power cut, and so forget that an act was about to be sent. It would be sent twice
    (P4)."""
    # The driver must not begin transactions by itself, so that BEGIN IMMEDIATE is the only beginning.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()
