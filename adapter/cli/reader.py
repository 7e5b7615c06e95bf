"""Who runs a command that shows something of cases, and that it is written down."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.store import reads
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


def noted(c: Connection, service: Service, what: str, tenants: Iterable[str], ref: str | None = None) -> None:
    """Write down that a command shows this; in the transaction that reads it."""
    reads.note(c, tenants, shell_reader(), what, service.runtime.clock.now(), ref)
