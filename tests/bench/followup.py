"""A year's follow-up of a large town: the counts of many cases, and the report made from them."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, literal, select, text

from adapter.domain.routine import STEPS, Letter
from adapter.followup.report import by_span
from adapter.followup.tallies import ALL, LOOKS, Tally
from adapter.followup.uptime import ADAPTER, Span
from adapter.store import counts
from adapter.store.database import Database
from adapter.store.tables import counts as table

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
UNITS = range(7101, 7131)
"""Thirty: a unit for some three thousand cases."""
DRAWN = 14
"""So many days are drawn, case by case. The other days repeat them."""
_LETTERS, _ANSWERS = list(Letter)[:16], (40, 60, 100, 150, 200, 250, 300, 400, 500, 800, 1000, 1200, 2000, 30_000)


def _day(day: date, cases: int, rng: random.Random) -> Iterator[Tally]:
    """A day's counts if so many cases begin in a year. They are spread over the year and have looks each night."""
    for _ in range(cases // 365):
        unit = rng.choice(UNITS)
        yield Tally(day, unit, "ordered")
        yield Tally(day, unit, "active")
        yield Tally(day, unit, "lead", rng.randrange(60))
        yield from (Tally(day, unit, f"step.{step}", _hours(rng)) for step in STEPS)
        yield from (Tally(day, unit, f"message.{letter.value}") for letter in _LETTERS)
        yield from (Tally(day, unit, f"reminded.{step}", rng.randrange(1, 4)) for step in ("I4", "I8", "A5"))
        yield Tally(day, unit, f"pause.{rng.choice(('absence', 'consent_withdrawn'))}", rng.randrange(40) * 24)
    for unit in UNITS:
        yield from (Tally(day, unit, what, 0, cases // 10) for what in LOOKS.values())
        yield from (Tally(day, unit, "told", rng.randrange(30, 90)) for _ in range(cases // 3000))
    for vendor in ("lifecare", "phoniro", "mail"):
        yield from (Tally(day, ALL, f"call.{vendor}.ok", ms, rng.randrange(1, 9000)) for ms in _ANSWERS)


def _hours(rng: random.Random) -> int:
    """Whole days from two days on, as in the real counts."""
    hours = rng.choice((0, 1, 5, 24, 72, 168)) + rng.randrange(24)
    return hours if hours < 48 else round(hours / 24) * 24


def count_a_year(db: Database, tenant: str, cases: int) -> None:
    """Store what a year counts, and have it analysed, as autovacuum does in service."""
    rng = random.Random(1)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    for day in days[:DRAWN]:
        drawn = list(_day(day, cases, rng))
        db.run_sync(lambda c, drawn=drawn: counts.add(c, tenant, drawn))  # type: ignore[misc]  # bound early
    columns = [column for column in table.c if column.name != "day"]
    for n, day in enumerate(days[DRAWN:]):
        same = select(literal(day), *columns).where(table.c.day == days[n % DRAWN])
        copied = insert(table).from_select(["day", *(column.name for column in columns)], same)
        db.run_sync(lambda c, copied=copied: c.execute(copied))  # type: ignore[misc]  # bound early
    db.run_sync(lambda c: c.execute(text("ANALYZE")))


def a_year(url: str, cases: int) -> tuple[int, float]:
    """How many rows a year's counts are, and the seconds that its report takes."""
    db = Database(url, inline=True)
    db.upgrade()
    count_a_year(db, "bench", cases)
    noon = datetime(2026, 1, 1, 11, 0, tzinfo=UTC)
    up = [("bench", Span(ADAPTER, noon + timedelta(days=n), noon + timedelta(days=n, hours=23))) for n in range(365)]
    db.run_sync(lambda c: counts.save_spans(c, "one", up))
    rows = db.run_sync(lambda c: c.scalar(select(func.count()).select_from(table))) or 0
    began = time.perf_counter()
    zone, now = ZoneInfo("Europe/Stockholm"), datetime(2027, 1, 1, tzinfo=UTC)
    by_span(db.run_sync(lambda c: counts.months(c, "bench", FIRST, LAST, zone=zone, now=now)))
    seconds = time.perf_counter() - began
    db.close()
    return rows, seconds
