"""Persons as the camera platform knows them: by an id that says nothing, and by what it was last told."""

from __future__ import annotations

import random

from sqlalchemy import Connection, select

from adapter.domain.ledger import PersonRecord
from adapter.store import codec
from adapter.store.sql import change, insert_missing, where
from adapter.store.tables import persons

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EXTERNAL_ID = select(persons.c.external_id).where(*where(persons, "tenant", "person_id"))
DETAILS = select(persons.c.details).where(*where(persons, "tenant", "person_id"))
EMPTIED = select(persons.c.emptied).where(*where(persons, "tenant", "person_id"))


def external_id_for(conn: Connection, tenant: str, person_id: str, rng: random.Random) -> str:
    """The person's id at the camera platform, ``P-`` and twelve random characters, made at first use and then kept: it
    is derived from nothing, so nobody can work out the person from it."""
    of = {"tenant": tenant, "person_id": person_id}
    while True:
        code = "P-" + codec.draw(rng, _LETTERS, 12)
        if insert_missing(conn, persons, of | {"external_id": code, "emptied": False}):
            return code
        # The person has one, or the code is another's: then another is drawn.
        if (found := conn.scalar(_EXTERNAL_ID, of)) is not None:
            return str(found)


def take_over(conn: Connection, tenant: str, person_id: str, external_id: str) -> None:
    """An adopted person keeps the id that the camera platform knows them by; one that has an id here keeps that."""
    insert_missing(
        conn, persons, {"tenant": tenant, "person_id": person_id, "external_id": external_id, "emptied": False}
    )


def as_record(details: str | None, emptied: bool | None) -> PersonRecord | None:
    """What the platform was last told; None if it was never told anything."""
    return None if details is None and not emptied else PersonRecord(details or "", bool(emptied))


def told(conn: Connection, tenant: str, person_id: str, details: str | None, *, emptied: bool = False) -> None:
    """Note what the platform holds now: a fingerprint of the details, or that they were emptied. The person has an
    external id by then (``LookupError`` otherwise)."""
    known = {"details": None if emptied else details or "", "emptied": emptied}
    if not change(conn, persons, {"tenant": tenant, "person_id": person_id}, known):
        raise LookupError(f"a person of {tenant} was told to the platform without having been given an id there")
