"""Persons as the camera platform knows them: an id that says nothing about them, and what the platform was last told.

``person`` is the hash by which a person is found (``sealing.Sealing.person``). There is no identity number here.
"""

from sqlalchemy import Connection, bindparam, select, update

from adapter.domain.ledger import PersonRecord
from adapter.store import sealing
from adapter.store.sql import insert_missing
from adapter.store.tables import persons

_p = persons.c
_TOLD = update(persons).where(_p.tenant == bindparam("of_tenant"), _p.person == bindparam("of_person"))
_KNOWN = select(persons).where(_p.tenant == bindparam("tenant"), _p.person == bindparam("person"))


def external_id_for(conn: Connection, tenant: str, person: str) -> str:
    """The person's id at the camera platform, ``P-`` and a code of twelve characters. It is made at first use and kept.

    After a backup was put back the person gets the same id again, and so keeps their data at the platform.
    """
    of = {"tenant": tenant, "person": person}
    tried = 0
    while (known := conn.execute(_KNOWN, of).one_or_none()) is None:
        # Nothing is stored if another person has the code, or if another process has just given the person one.
        take_over(conn, tenant, person, "P-" + sealing.of(conn).code(f"person:{tenant}:{person}:{tried}", 12))
        tried += 1
    return str(known.external_id)


def take_over(conn: Connection, tenant: str, person: str, external_id: str) -> None:
    """Store the id that a person already has at the camera platform, unless they have one here."""
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
