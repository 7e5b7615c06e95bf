"""The sessions of people who signed in to the status page. They are stored here and not in a cookie, so that ending a
session ends it for all replicas at once. Only a digest of the browser's secret is stored."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from adapter.store.errors import StoreError
from adapter.store.sealing import opened, sealed
from adapter.store.tables import sessions

_c = sessions.c

Content = Mapping[str, Any]


def begin(conn: Connection, content: Content, *, now: datetime, ends_at: datetime) -> str:
    """Store ``content`` until ``ends_at`` (UTC). Returns the secret for the browser. Old sessions are deleted."""
    forget(conn, now)
    secret = secrets.token_urlsafe(32)
    row = {"digest": digest_of(secret), "content": dict(content), "ends_at": ends_at}
    conn.execute(insert(sessions).values(sealed(conn, sessions, row)))
    return secret


def find(conn: Connection, secret: str, now: datetime) -> Content | None:
    """The content of the session with this secret; None if there is none, or if it is over."""
    query = select(sessions).where(_c.digest == digest_of(secret), _c.ends_at > now)
    row = conn.execute(query).one_or_none()
    found: Content | None = opened(conn, row, _c.content) if row is not None else None
    return found


def find_all(conn: Connection, now: datetime) -> dict[str, Content]:
    """The content of every session that isn't over, by its digest. One that can't be opened is left out."""
    found: dict[str, Content] = {}
    for row in conn.execute(select(sessions).where(_c.ends_at > now)):
        with suppress(StoreError):
            found[row.digest] = opened(conn, row, _c.content)
    return found


def end(conn: Connection, digests: Iterable[str]) -> bool:
    """End the sessions with these digests. Returns whether there was one."""
    return conn.execute(delete(sessions).where(_c.digest.in_(list(digests)))).rowcount > 0


def forget(conn: Connection, now: datetime) -> None:
    """Delete the sessions that are over."""
    conn.execute(delete(sessions).where(_c.ends_at <= now))


def digest_of(secret: str) -> str:
    """The stored digest of a session's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
