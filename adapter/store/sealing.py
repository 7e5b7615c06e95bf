"""Encryption at rest: personal values are encrypted (sealed) before they are written, and decrypted (opened) where they
are needed.

It uses AES-GCM from the library ``cryptography``. A sealed value names its key, and can be opened only in the column
and row for which it was sealed. Persons are found by a keyed hash, so no index holds an identity number. Without a key,
values are written in clear; they can still be read when there is a key.
"""

import base64
import hmac
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Table

from adapter.store import tables as t
from adapter.store.errors import StoreError
from adapter.store.types import Json, instant_text

MARK = "sealed:"
"""A sealed value begins with this, then the key's id, a colon, and the rest in base64."""
NONCE = 12
CODE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""The 32 characters of codes. None of them looks like another."""

SEALED: Mapping[Column[Any], tuple[str, ...]] = {
    t.cases.c.identity_number: ("tenant", "ref"),
    t.cases.c.decision: ("tenant", "ref"),
    t.cases.c.error: ("tenant", "ref"),
    t.facts.c.value: ("tenant", "ref", "resource"),
    t.facts.c.problems: ("tenant", "ref", "resource"),
    t.facts.c.error: ("tenant", "ref", "resource"),
    t.acts.c.error: ("tenant", "ref", "n"),
    t.events.c.data: ("tenant", "ref", "at", "name"),
    t.declarations.c.who: ("tenant", "ref", "signal"),
    t.declarations.c.why: ("tenant", "ref", "signal"),
    t.requests.c.content: ("tenant", "id"),
    t.requests.c.error: ("tenant", "id"),
    t.reads.c.who: ("tenant", "ref", "at", "what"),
    t.reads.c.place: ("tenant", "ref", "at", "what"),
    t.sessions.c.content: ("digest",),
}
"""The sealed columns, each with the columns that identify the row. A value that is moved to another row can't be
opened."""


def key_id(secret: bytes) -> str:
    """A name for a key: eight hexadecimal digits, from which nobody can find the key."""
    return hmac.digest(secret, b"key id", "sha256")[:4].hex()


class Sealing:
    """The keys of a database. ``lookup`` is the key of the hash by which persons are found. The first of ``secrets``
    seals, and all of them open; each is random and at least 32 characters long."""

    def __init__(self, lookup: bytes = b"", secrets: Sequence[str] = ()) -> None:
        self._lookup = lookup
        self.lookup_id = key_id(b"lookup:" + lookup)
        self._ciphers: dict[str, Any] = {}
        self._damaged: tuple[type[Exception], ...] = (ValueError,)
        for secret in secrets:
            # Imported only where there is a key: it costs 6 MB and a tenth of a second.
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._damaged = (ValueError, InvalidTag)
            raw = b"seal:" + secret.encode()
            self._ciphers[key_id(raw)] = AESGCM(hmac.digest(raw, b"key", "sha256"))
        self.ids = tuple(self._ciphers)
        self.current = self.ids[0] if self.ids else None

    def person(self, tenant: str, person_id: str) -> str:
        """The hash by which a person is found. Nobody can make it without the key. Empty if ``person_id`` is empty."""
        if not person_id:
            return ""
        return hmac.digest(self._lookup, f"person in the store:{tenant}:{person_id}".encode(), "sha256").hex()

    def code(self, of: str, length: int) -> str:
        """``length`` (at most 32) letters and digits that stand for ``of``. They are the same each time, also in a
        database that was put back from a backup. Nobody can make or reverse them without the key."""
        digest = hmac.digest(self._lookup, f"code:{of}".encode(), "sha256")
        return "".join(CODE[byte % len(CODE)] for byte in digest[:length])

    def pseudonym(self, person_id: str) -> str:
        """A person's name in the log, ``p-`` and ten hexadecimal digits; hyphenated or not, a number gives the same
        one. It never is digits alone, which would look like a number to redact (P8)."""
        plain = re.sub(r"[\s-]", "", person_id).upper()
        digest = hmac.digest(self._lookup, f"person:{plain}".encode(), "sha256").hex()
        return "p-" + next(part for n in range(len(digest)) if not (part := digest[n : n + 10]).isdigit())

    def seal(self, plain: str, where: str) -> str:
        """The text as it is stored. It stays as it is if it is empty or there is no key."""
        if self.current is None or not plain:
            return plain
        nonce = os.urandom(NONCE)
        hidden = self._ciphers[self.current].encrypt(nonce, plain.encode(), where.encode())
        return f"{MARK}{self.current}:{base64.b64encode(nonce + hidden).decode()}"

    def open(self, stored: str, where: str) -> str:
        """The plain text. Raises ``StoreError`` if the key isn't here, or if the value is damaged or was sealed in
        another row."""
        by = sealed_by(stored)
        if by is None:
            return stored
        cipher = self._ciphers.get(by)
        if cipher is None:
            why = f"{where.partition(' ')[0]} is encrypted by the key {by}, which isn't in store.encryption_key here"
            raise StoreError(f"{why}: add it, and restart", "content")
        try:
            raw = base64.b64decode(stored[len(MARK) + len(by) + 1 :], validate=True)
            plain: bytes = cipher.decrypt(raw[:NONCE], raw[NONCE:], where.encode())
        except self._damaged:
            why = f"an encrypted value of {where.partition(' ')[0]} is damaged, or was moved there from another row"
            raise StoreError(f"{why}; nothing is done with it", "content") from None
        return plain.decode()


PLAIN = Sealing()
"""Without a key."""


def sealed_by(stored: str) -> str | None:
    """The id of the key by which a stored value was sealed; None if it isn't sealed."""
    return stored[len(MARK) :].partition(":")[0] if stored.startswith(MARK) else None


def of(conn: Connection) -> Sealing:
    """The keys of the connection's database."""
    found: Sealing = conn.get_execution_options().get("sealing", PLAIN)
    return found


def where(column: Column[Any], row: Mapping[Any, Any]) -> str:
    """Identifies a value by column and row. It is sealed together with the value."""
    parts = (row[name] for name in SEALED[column])
    texts = (instant_text(part) if isinstance(part, datetime) else "" if part is None else str(part) for part in parts)
    return " ".join((f"{column.table.name}.{column.name}", json.dumps([*texts])))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value as it is stored. It is decrypted only by ``open``."""

    stored: str = field(repr=False)
    where: str = ""
    sealing: Sealing = field(default=PLAIN, repr=False, compare=False)

    def open(self) -> str:
        """Raises ``StoreError``."""
        return self.sealing.open(self.stored, self.where)


NOBODY = Sealed("")
"""The identity number if there is no person."""


def sealed(conn: Connection, table: Table, values: Mapping[str, Any], **of_row: Any) -> dict[str, Any]:
    """``values`` for a row of ``table`` as they are stored. ``of_row`` has the columns that identify the row and aren't
    in ``values``."""
    sealing, stored = of(conn), dict(values)
    if sealing.current is None:
        return stored
    for column in _OF_TABLE[table.name]:
        if stored.get(column.name) is not None:
            value = values[column.name]
            text = json.dumps(value, sort_keys=True, ensure_ascii=False) if is_json(column) else value
            stored[column.name] = sealing.seal(text, where(column, {**of_row, **values}))
    return stored


def sealed_value(conn: Connection, row: Row[*tuple[Any, ...]], column: Column[Any]) -> Sealed:
    """A text of a row, which isn't None. The row must hold the columns that identify it."""
    return Sealed(getattr(row, column.name), where(column, row._mapping), of(conn))


def opened(conn: Connection, row: Row[*tuple[Any, ...]], column: Column[Any]) -> Any:
    """A value of such a row, opened; None if there is none. Raises ``StoreError``."""
    value = getattr(row, column.name)
    if not isinstance(value, str):
        return value  # JSON that isn't sealed, or None
    text = of(conn).open(value, where(column, row._mapping)) if value.startswith(MARK) else value
    return json.loads(text) if is_json(column) and text is not value else text


def readable(conn: Connection, row: Row[*tuple[Any, ...]], column: Column[Any]) -> str | None:
    """The same for a text that is only shown. If it can't be opened, the reason is shown instead."""
    try:
        found: str | None = opened(conn, row, column)
    except StoreError as error:
        return str(error)
    return found


def is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, Json)


_OF_TABLE = {table.name: tuple(c for c in SEALED if c.table is table) for table in t.metadata.sorted_tables}
