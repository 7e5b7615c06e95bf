"""Encryption at rest: what is personal in a row is sealed before it is written, and opened where it is needed.

AES-GCM of the library ``cryptography``. A sealed value says by which key it was sealed, and opens only in the column
and the row for which it was sealed. Persons are looked up by a keyed hash, so that no index holds an identity number.
Without a key, values are written as they are; such values can be read with a key as well.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Table

from adapter.store import tables as t
from adapter.store.errors import StoreError
from adapter.store.types import Json, instant_text

MARK = "sealed:"
"""What a sealed value begins with; the key's id follows, a colon, and the rest in base64."""
NONCE = 12

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
    t.reads.c.who: ("tenant", "ref", "at", "what"),
    t.reads.c.place: ("tenant", "ref", "at", "what"),
    t.sessions.c.content: ("digest",),
}
"""The columns that are sealed, each with what says in which row: a value that is moved to another can't be opened."""


def key_id(secret: bytes) -> str:
    """What a key is called: eight hexadecimal digits, from which the key can't be found."""
    return hmac.digest(secret, b"key id", "sha256")[:4].hex()


class Sealing:
    """The keys of a database. ``lookup`` keys the hash by which persons are looked up; of ``secrets``, each of pure
    chance and at least 32 characters, the first seals and all open."""

    def __init__(self, lookup: bytes = b"", secrets: Sequence[str] = ()) -> None:
        self._lookup = lookup
        self.lookup_id = key_id(b"lookup:" + lookup)
        self._ciphers: dict[str, Any] = {}
        self._damaged: tuple[type[Exception], ...] = (ValueError,)
        for secret in secrets:
            # Only where there is a key: it costs 6 MB and a tenth of a second.
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._damaged = (ValueError, InvalidTag)
            raw = b"seal:" + secret.encode()
            self._ciphers[key_id(raw)] = AESGCM(hmac.digest(raw, b"key", "sha256"))
        self.ids = tuple(self._ciphers)
        self.current = self.ids[0] if self.ids else None

    def person(self, tenant: str, person_id: str) -> str:
        """By what a person is looked up; nobody without the key can make it of an identity number. Of nobody: empty."""
        if not person_id:
            return ""
        return hmac.digest(self._lookup, f"person in the store:{tenant}:{person_id}".encode(), "sha256").hex()

    def seal(self, plain: str, where: str) -> str:
        """As it is stored; what is empty, or without a key, as it is."""
        if self.current is None or not plain:
            return plain
        nonce = os.urandom(NONCE)
        hidden = self._ciphers[self.current].encrypt(nonce, plain.encode(), where.encode())
        return f"{MARK}{self.current}:{base64.b64encode(nonce + hidden).decode()}"

    def open(self, stored: str, where: str) -> str:
        """The plain text. Raises ``StoreError`` if it was sealed by a key that isn't here, is damaged, or is another
        row's."""
        by = sealed_by(stored)
        if by is None:
            return stored
        cipher = self._ciphers.get(by)
        if cipher is None:
            told = (
                f"{where.partition(' ')[0]} is encrypted by the key {by}, which isn't among store.encryption_key here"
            )
            raise StoreError(f"{told}: add it, and restart", "content")
        try:
            raw = base64.b64decode(stored[len(MARK) + len(by) + 1 :], validate=True)
            plain: bytes = cipher.decrypt(raw[:NONCE], raw[NONCE:], where.encode())
        except self._damaged:
            told = f"an encrypted value of {where.partition(' ')[0]} is damaged, or was moved there from another row"
            raise StoreError(f"{told}; nothing is done with it", "content") from None
        return plain.decode()


PLAIN = Sealing()
"""Without any key."""


def sealed_by(stored: str) -> str | None:
    """The id of the key by which a stored value was sealed; None for one that is as it is."""
    return stored[len(MARK) :].partition(":")[0] if stored.startswith(MARK) else None


def of(conn: Connection) -> Sealing:
    """The keys of the database that a connection leads to."""
    found: Sealing = conn.get_execution_options().get("sealing", PLAIN)
    return found


def where(column: Column[Any], row: Mapping[Any, Any]) -> str:
    """Which value of which row, as it is sealed along."""
    parts = (row[name] for name in SEALED[column])
    told = (instant_text(part) if isinstance(part, datetime) else "" if part is None else str(part) for part in parts)
    return " ".join((f"{column.table.name}.{column.name}", json.dumps([*told])))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value as it is stored, opened when it is asked for."""

    stored: str = field(repr=False)
    where: str = ""
    sealing: Sealing = field(default=PLAIN, repr=False, compare=False)

    def open(self) -> str:
        """Raises ``StoreError``."""
        return self.sealing.open(self.stored, self.where)


NOBODY = Sealed("")
"""The identity number where there is no person."""


def sealed(conn: Connection, table: Table, values: Mapping[str, Any], **of_row: Any) -> dict[str, Any]:
    """``values`` for a row of ``table`` as they are stored. ``of_row``: what says which row, where they don't."""
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
    """A text of a row that was read with all that says which row it is; it isn't None."""
    return Sealed(getattr(row, column.name), where(column, row._mapping), of(conn))


def opened(conn: Connection, row: Row[*tuple[Any, ...]], column: Column[Any]) -> Any:
    """A value of such a row, opened; None if there is none. Raises ``StoreError``."""
    value = getattr(row, column.name)
    if not isinstance(value, str):
        return value  # JSON that isn't sealed, or nothing
    text = of(conn).open(value, where(column, row._mapping)) if value.startswith(MARK) else value
    return json.loads(text) if is_json(column) and text is not value else text


def readable(conn: Connection, row: Row[*tuple[Any, ...]], column: Column[Any]) -> str | None:
    """The same of a text that is only shown: one that can't be opened says so."""
    try:
        found: str | None = opened(conn, row, column)
    except StoreError as error:
        return str(error)
    return found


def is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, Json)


_OF_TABLE = {table.name: tuple(c for c in SEALED if c.table is table) for table in t.metadata.sorted_tables}
