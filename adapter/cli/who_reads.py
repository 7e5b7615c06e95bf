"""Who runs a command that shows something of cases, and that it is written down."""

import os
import pwd
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import typer
from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.store import reads
from adapter.store.database import Database, usable
from adapter.store.errors import StoreError
from adapter.store.keys import known_keys
from adapter.store.reads import SHELL, Reader

_NOBODY_LOGGED_IN = 2**32 - 1


def shell_reader() -> Reader:
    """Who runs this command, by the system's user: who logged in, where that is known, and as whom they run it."""
    user = _name(os.getuid())
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        login = _NOBODY_LOGGED_IN
    who = _name(login) if login != _NOBODY_LOGGED_IN else os.environ.get("SUDO_USER", user)[:100]
    return Reader(who if who == user else f"{who} as {user}", SHELL)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def noted(
    c: Connection, service: Service, what: str, tenants: Iterable[str] | None = None, ref: str | None = None
) -> None:
    """Write down that a command shows this, of these municipalities or all; in the transaction that reads it."""
    of = service.tenants if tenants is None else tenants
    reads.note(c, of, shell_reader(), what, service.runtime.clock.now(), ref)


def noted_if_possible(database: Database, tenants: Iterable[str], what: str) -> None:
    """The same, for commands that must work although the database can't be written, or is of an older version. Standard
    error says so where nothing was written down."""
    now, why = datetime.now(UTC), "its tables are of another version"

    def note(c: Connection) -> None:
        known_keys(c)
        reads.note(c, tenants, shell_reader(), what, now)

    try:
        if usable(*database.schema()):
            database.run_sync(note)
            return
    except StoreError as error:
        why = str(error)
    typer.echo(f"Who reads here (adapter audit reads) is not written down: {why}.", err=True)
