"""Persons as the camera platform knows them: by an id that says nothing, and by what it was last told.

``person`` is by what the store looks a person up (``sealing.Sealing.person``): no identity number stands here.
"""

from __future__ import annotations

import random

from sqlalchemy import Connection, bindparam, select, update

from adapter.domain.ledger import PersonRecord
from adapter.store.sql import insert_missing
from adapter.store.tables import persons

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_p = persons.c
_KNOWN = select(persons).where(_p.tenant == bindparam("tenant"), _p.person == bindparam("person"))


def external_id_for(conn: Connection, tenant: str, person: str, rng: random.Random) -> str:
    """The person's id at the camera platform, ``P-`` and twelve random characters, made at first use and then kept: it
    is derived from nothing, so nobody can work out the person from it."""
    of = {"tenant": tenant, "person": person}
    while (known := conn.execute(_KNOWN, of).one_or_none()) is None:
        # Not stored if the code is another's, or another process gave the person one just now.
        take_over(conn, tenant, person, "P-" + "".join(rng.choice(_LETTERS) for _ in range(12)))
    return str(known.external_id)


def take_over(conn: Connection, tenant: str, person: str, external_id: str) -> None:
    """An adopted person keeps the id that the camera platform knows them by; one that has an id here keeps that."""
    row = {"tenant": tenant, "person": person, "external_id": external_id, "emptied": False}
    insert_missing(conn, persons, row)


def record(conn: Connection, tenant: str, person: str) -> PersonRecord | None:
    """What the platform was last told; None if it was never told anything."""
    row = conn.execute(_KNOWN, {"tenant": tenant, "person": person}).one_or_none()
    if row is None or (row.details is None and not row.emptied):
        return None
    return PersonRecord(row.details or "", row.emptied)


def told(conn: Connection, tenant: str, person: str, details: str | None, *, emptied: bool = False) -> None:
    """Note what the platform holds now: a fingerprint of the details, or that they were emptied. The person has an
    external id by then (``LookupError`` otherwise)."""
    known = {"details": None if emptied else details or "", "emptied": emptied}
    telling = update(persons).where(_p.tenant == tenant, _p.person == person).values(known)
    if not conn.execute(telling).rowcount:
        raise LookupError(f"a person of {tenant} was told to the platform without having been given an id there")
