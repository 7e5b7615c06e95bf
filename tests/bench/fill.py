"""A database like after a month with many active cases, written directly into its tables."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, text

from adapter.domain.decision import Phase
from adapter.domain.ledger import ScheduleRecord
from adapter.engine.comparison import FEED
from adapter.store import codec, sealing
from adapter.store.database import Database
from adapter.store.sql import upsert
from adapter.store.tables import case_links, cases, feeds, persons, schedules
from tests.outside import person, reference, schedule_id

TENANT = "exempel"
QUIET = timedelta(days=2)
"""No case is due before this, because their presence is measured and not their work."""


def fill(db: Database, count: int, record: ScheduleRecord, now: datetime) -> None:
    """``count`` active cases, each with ``record`` as its schedule; persons and references are numbered. All were
    compared a moment ago."""
    db.upgrade()
    db.run_sync(lambda c: upsert(c, feeds, {"tenant": TENANT, "name": FEED, "read_at": now}))
    for first in range(0, count, 5000):
        numbers = range(first, min(first + 5000, count))
        db.run_sync(lambda c, some=numbers: _rows(c, some, record, now))  # type: ignore[misc]  # bound early
    # As autovacuum does in service.
    db.run_sync(lambda c: c.execute(text("ANALYZE")))


def _rows(c: Connection, numbers: range, record: ScheduleRecord, now: datetime) -> None:
    opened, stored = now - timedelta(days=30), codec.SCHEDULE.dump(record)
    of = [{"tenant": TENANT, "ref": reference(i)} for i in numbers]
    case = {
        "evidence_after": opened.date(),
        "phase": Phase.ACTIVE,
        "opened_at": opened,
        "due_seq": 1,
        "read_again_at": now + QUIET,
        "ready_at": now + QUIET,
        "version": 9,
        "decided_at": opened,
        "failures": 0,
        "adopted": False,
        "adopted_orders": [],
    }
    who = {i: sealing.of(c).person(TENANT, person(i)) for i in numbers}
    rows = [one | {"person": who[i], "identity_number": person(i)} | case for i, one in zip(numbers, of, strict=True)]
    c.execute(insert(cases), [sealing.sealed(c, cases, row) for row in rows])
    links = [("order", "SB-{}"), ("execution", "{}"), ("decision", "{}"), ("client", "{}")]
    c.execute(
        insert(case_links),
        [
            one | {"kind": kind, "external_id": form.format(10_000_000 + i)}
            for i, one in zip(numbers, of, strict=True)
            for kind, form in links
        ],
    )
    schedule = {"n": record.n, "etag": '"1"', "record": stored, "ended": False}
    c.execute(
        insert(schedules), [one | {"remote_id": schedule_id(i)} | schedule for i, one in zip(numbers, of, strict=True)]
    )
    known = {"tenant": TENANT, "details": "known", "emptied": False}
    c.execute(insert(persons), [known | {"person": who[i], "external_id": f"P-{i:012d}"} for i in numbers])
