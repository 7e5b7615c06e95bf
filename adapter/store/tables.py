"""The tables. Everything is keyed by tenant, except the sessions of people who signed in to the status page.

``ready_at`` of a case or an act is the instant from which it may be claimed, whatever the reason: it is due, it must be
read again, or its lease ran out. The functions that change one of these keep it up to date, so that a claim walks along
one index, however many rows wait for something else. Only the first unfinished act of a lane has it. A case that goes
on after an act of its own is ready since it was opened: it comes before cases that came after it.

``person`` is a keyed hash by which a person is found. Which columns are encrypted stands in ``sealing``.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, MetaData, Table, Text, UniqueConstraint, text

from adapter.store.types import EventData, Instant, Json, Word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _keys(*names: str) -> list[Column[str]]:
    """Codes that together identify the row."""
    return [Column(name, Word, primary_key=True) for name in names]


def _instants(*names: str) -> list[Column[datetime]]:
    """Instants that may be missing."""
    return [Column(name, Instant) for name in names]


def _lease() -> list[Column[Any]]:
    """Which process works on the row, and until when nobody else may."""
    return [Column("lease_owner", Text), Column("lease_until", Instant)]


cases = Table(
    "cases",
    metadata,
    *_keys("tenant", "ref"),
    Column("person", Word, nullable=False, server_default=""),
    Column("identity_number", Text, nullable=False),
    Column("evidence_after", Date, nullable=False),
    Column("phase", Word, nullable=False),
    Column("opened_at", Instant, nullable=False),
    *_instants("closed_at", "due_at", "read_again_at", "ready_at", "decided_at", "facts_read_at"),
    *_instants("collected_at", "purged_at"),
    Column("due_reason", Text),
    Column("due_seq", Integer, nullable=False),
    *_lease(),
    Column("version", Integer, nullable=False),
    Column("decision", Text),
    Column("failures", Integer, nullable=False),
    Column("error", Text),
    Column("adopted", Boolean, nullable=False),
    Column("adopted_orders", Json, nullable=False),
    Column("unit", Integer),
    Column("execution", Integer),
    Index("ix_cases_ready", "tenant", "ready_at", "ref"),
    Index("ix_cases_person", "tenant", "person"),
    Index("ix_cases_closed", "tenant", "closed_at", "phase"),
)

case_links = Table(
    "case_links",
    metadata,
    *_keys("tenant", "kind", "external_id", "ref"),
    Index("ix_case_links_case", "tenant", "ref", "kind"),
    Index(
        "uq_case_links_order",
        "tenant",
        "external_id",
        unique=True,
        sqlite_where=text("kind = 'order'"),
        postgresql_where=text("kind = 'order'"),
    ),
)

facts = Table(
    "facts",
    metadata,
    *_keys("tenant", "ref", "resource"),
    Column("value", Text),
    Column("read_at", Instant),
    Column("tried_at", Instant, nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("error", Text),
    Column("problems", Text),
)

acts = Table(
    "acts",
    metadata,
    *_keys("tenant", "ref"),
    Column("n", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Word, nullable=False),
    Column("lane", Word, nullable=False),
    Column("what", Json, nullable=False),
    Column("why", Text, nullable=False),
    Column("opens", Boolean, nullable=False),
    *_instants("not_before", "retry_at", "ready_at", "done_at", "facts_at"),
    Column("state", Word, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("looks", Integer, nullable=False),
    *_lease(),
    Column("created_at", Instant, nullable=False),
    Column("result", Json),
    Column("error", Text),
    Column("correlation", Text),
    Column("code", Text),
    UniqueConstraint("tenant", "ref", "key", name="uq_acts_key"),
    Index("ix_acts_ready", "tenant", "lane", "ready_at", "ref"),
    Index("ix_acts_state", "tenant", "state", "lane", "created_at"),
)

schedules = Table(
    "schedules",
    metadata,
    *_keys("tenant", "ref"),
    Column("n", Integer, primary_key=True),
    Column("remote_id", Text),
    Column("etag", Text),
    Column("record", Text, nullable=False),
    Column("ended", Boolean, nullable=False),
    Index("ix_schedules_remote", "tenant", "remote_id"),
)

persons = Table(
    "persons",
    metadata,
    *_keys("tenant", "person"),
    Column("external_id", Word, nullable=False),
    Column("details", Text),
    Column("emptied", Boolean, nullable=False),
    UniqueConstraint("tenant", "external_id", name="uq_persons_external"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant", Word, nullable=False),
    Column("ref", Word),
    Column("at", Instant, nullable=False),
    Column("name", Word, nullable=False),
    Column("data", EventData, nullable=False),
    Column("correlation", Text),
    Column("previous", Text),
    Column("hash", Text),
    Index("ix_events_case", "tenant", "ref", "id"),
    Index("uq_events_previous", "previous", unique=True),
)

feeds = Table(
    "feeds",
    metadata,
    *_keys("tenant", "name"),
    *_instants("cursor", "read_at", "tried_at"),
    Column("error", Text),
    *_lease(),
)

feed_items = Table(
    "feed_items",
    metadata,
    *_keys("tenant", "feed", "item"),
    Column("fingerprint", Text, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Index("ix_feed_items_seen", "tenant", "feed", "seen_at"),
)

declarations = Table(
    "declarations",
    metadata,
    *_keys("tenant", "ref", "signal"),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)

order_inbox = Table(
    "order_inbox",
    metadata,
    *_keys("tenant", "order_id"),
    Column("state", Word, nullable=False),
    Column("day", Date, nullable=False),
    Column("since", Instant, nullable=False),
    Column("problem", Json, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    *_keys("tenant", "id"),
    Column("kind", Word, nullable=False),
    Column("content", Json, nullable=False),
    Column("origin", Text, nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("turn_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("position", Json, nullable=False),
    Column("report", Json),
    Column("error", Text),
    Column("retry_at", Instant),
    *_lease(),
    Index("ix_requests_id", "id"),
)

request_items = Table(
    "request_items",
    metadata,
    *_keys("tenant", "id", "item"),
    Column("state", Word, nullable=False),
    Column("at", Instant, nullable=False),
    Column("told", Json, nullable=False),
)

looks = Table(
    "looks",
    metadata,
    *_keys("tenant", "ref"),
    Column("n", Integer, primary_key=True),
    Column("due_at", Instant, primary_key=True),
    Column("outcome", Word, nullable=False),
    Column("entitled", Boolean, nullable=False),
    *_instants("judged_at", "begun_at", "ended_at"),
    Column("remote_id", Text),
    Index("ix_looks_due", "tenant", "due_at"),
)

reads = Table(
    "reads",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant", Word, nullable=False),
    Column("ref", Word),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Word, nullable=False),
    Column("place", Text, nullable=False),
    Index("ix_reads_case", "tenant", "ref", "at"),
    Index("ix_reads_at", "tenant", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Word, primary_key=True),
    Column("content", Json, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Index("ix_sessions_ends", "ends_at"),
)

counts = Table(
    "counts",
    metadata,
    Column("tenant", Word, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("unit", Integer, primary_key=True, autoincrement=False),
    Column("what", Word, primary_key=True),
    Column("value", Integer, primary_key=True, autoincrement=False),
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    # The counts of a large town's year are read in the order of the key.
    sqlite_with_rowid=False,
)

uptime = Table(
    "uptime",
    metadata,
    *_keys("tenant", "system"),
    Column("since", Instant, primary_key=True),
    Column("owner", Word, primary_key=True),
    Column("until", Instant, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("name", Word, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("whole_at", Instant),
)

RETIRED = ("resyncs", "resync_items")
"""Tables that this version doesn't use any more. A replica of the version before may still use them."""
