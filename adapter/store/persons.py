"""Persons as the camera platform knows them: by an id that says nothing of them, and by what it was last told.

``person`` is the hash by which a person is found (``sealing.Sealing.person``): no identity number stands here.
"""

from __future__ import annotations

import random

from sqlalchemy import Connection, bindparam, select, update

from adapter.domain.ledger import PersonRecord
from adapter.store.sql import insert_missing
from adapter.store.tables import persons

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_p = persons.c
_TOLD = update(persons).where(_p.tenant == bindparam("of_tenant"), _p.person == bindparam("of_person"))
_KNOWN = select(persons).where(_p.tenant == bindparam("tenant"), _p.person == bindparam("person"))


def external_id_for(conn: Connection, tenant: str, person: str, rng: random.Random) -> str:
    """The person's id at the camera platform: ``P-`` and twelve random characters. It is made at first use and then
    kept. It is derived from nothing, so nobody can find the person by it."""
    of = {"tenant": tenant, "person": person}
    while (known := conn.execute(_KNOWN, of).one_or_none()) is None:
        # Nothing is stored if another person has this id, or if another process gave the person one just now.
        take_over(conn, tenant, person, "P-" + "".join(rng.choice(_LETTERS) for _ in range(12)))
    return str(known.external_id)


def take_over(conn: Connection, tenant: str, person: str, external_id: str) -> None:
    """Let a person keep the id by which the camera platform knows them already, unless they have one here."""
    row = {"tenant": tenant, "person": person, "external_id": external_id, "emptied": False}
    insert_missing(conn, persons, row)


def record(conn: Connection, tenant: str, person: str) -> PersonRecord | None:
    """What the platform was last told of a person; None if it was never told anything."""
    row = conn.execute(_KNOWN, {"tenant": tenant, "person": person}).one_or_none()
    if row is None or (row.details is None and not row.emptied):
        return None
    return PersonRecord(row.details or "", row.emptied)


def note_told(conn: Connection, tenant: str, person: str, details: str | None, *, emptied: bool = False) -> None:
    """Store what the platform holds now: a fingerprint of the details, or that they were emptied. Raises
    ``LookupError`` if the person has no external id."""
    known = {"details": None if emptied else details or "", "emptied": emptied}
    if not conn.execute(_TOLD, {"of_tenant": tenant, "of_person": person, **known}).rowcount:
        raise LookupError(f"a person of {tenant} was told to the platform without having been given an id there")
