"""When the adapter ran and a vendor was down, by each process's notes, and what the report says about it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from adapter.engine import service_log
from adapter.engine.service_log import ServiceLog
from adapter.followup.report import Month, report
from adapter.followup.tallies import ALL, Tally, of_call
from adapter.followup.uptime import ADAPTER, Span, Uptime
from adapter.store import counts
from adapter.store.database import Database
from adapter.store.errors import StoreError
from tests.followup.test_report import rows

T = TypeVar("T")
ZONE = ZoneInfo("Europe/Stockholm")
DAY = date(2026, 10, 3)
NIGHT = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
"""Midnight of the day when summer time ends."""


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 10, 3, hour, minute, second, tzinfo=UTC)


def known(*spans: Span, now: datetime | None = None) -> Uptime:
    return Uptime(spans, ZONE, now or at(12))


def test_the_adapter_was_down_when_no_process_was_at_work() -> None:
    worked = ((at(0), at(4)), (at(3), at(6)), (at(8), at(9)), (at(9, 3), at(12)))
    two = known(*(Span(ADAPTER, begun, until) for begun, until in worked))
    assert two.outages(ADAPTER) == [Span(ADAPTER, at(6), at(8))]
    assert two.down(ADAPTER, DAY, DAY) == timedelta(hours=2)
    assert two.ran(DAY, DAY) == timedelta(hours=10)
    assert two.known(DAY, DAY) == timedelta(hours=12)


def test_it_is_down_still_while_nobody_beats() -> None:
    (outage,) = (still := known(Span(ADAPTER, at(0), at(11)))).outages(ADAPTER)
    assert outage == Span(ADAPTER, at(11), at(12))
    assert still.lasts(outage)
    assert known(Span(ADAPTER, at(0), at(11, 58))).outages(ADAPTER) == []


def test_an_outage_that_two_processes_saw_or_a_restart_cut_in_two_is_one() -> None:
    seen = known(Span("phoniro", at(1), at(2)), Span("phoniro", at(1, 5), at(2, 1)), Span("phoniro", at(2, 3), at(3)))
    assert seen.outages("phoniro") == [Span("phoniro", at(1), at(3))]
    assert not seen.lasts(seen.outages("phoniro")[0])


def test_what_lasts_over_midnight_is_shared_out_and_the_day_of_the_clock_change_has_25_hours() -> None:
    sunday = date(2026, 10, 25)
    down, later = Span("lifecare", NIGHT - timedelta(hours=1), NIGHT + timedelta(hours=2)), NIGHT + timedelta(days=3)
    seen = known(down, Span(ADAPTER, NIGHT - timedelta(days=3), later), now=later)
    assert seen.down("lifecare", sunday - timedelta(days=1), sunday - timedelta(days=1)) == timedelta(hours=1)
    assert seen.down("lifecare", sunday, sunday) == timedelta(hours=2)
    assert seen.outages_of("lifecare", sunday, sunday) == []
    assert seen.ran(sunday, sunday) == timedelta(hours=25)


def test_the_report_tells_of_each_vendor_and_of_the_adapter_once_whatever_units_there_are() -> None:
    outcomes = (("ok", 50, 90), ("NotFound", 800, 6), ("Transient", 30_000, 4))
    calls = [Tally(DAY, ALL, f"call.phoniro.{outcome}", took, number) for outcome, took, number in outcomes]
    calls += [Tally(DAY, unit, "ordered") for unit in (7101, 7102)]
    up = known(Span(ADAPTER, at(0), at(6)), Span(ADAPTER, at(8), at(12)), Span("phoniro", at(1), at(2, 0, 1)))
    october = Month(DAY.replace(day=1), date(2026, 10, 31), calls, {}, up)
    phoniro, adapter = rows(report([october]), "service")
    assert (phoniro["calls"], phoniro["failed"], phoniro["answer_p50"], phoniro["answer_p95"]) == (100, 4, 50, 800)
    assert (phoniro["outages"], phoniro["outage_minutes"], phoniro["available"]) == (1, 61, 89.99)
    assert (adapter["system"], adapter["calls"], adapter["outages"]) == (ADAPTER, None, 1)
    assert (adapter["outage_minutes"], adapter["available"]) == (120, 83.33)
    first, second = rows(report([october]), "outages")
    assert (first["system"], first["begun_at"]) == ("phoniro", "2026-10-03 03:00")
    assert first["ended_at"] == "2026-10-03 04:00"
    assert (second["system"], second["minutes"]) == (ADAPTER, 120)
    assert rows(report([october], 7101), "service") == []


@pytest.mark.parametrize(
    ("seconds", "counted"), [(0, 10), (0.01, 10), (0.0101, 12), (1, 1000), (1.01, 1200), (999, 120_000)]
)
def test_an_answer_s_time_is_counted_by_what_it_took_at_most(seconds: float, counted: int) -> None:
    assert of_call("lifecare", "ok", seconds, DAY) == Tally(DAY, ALL, "call.lifecare.ok", counted)


class Process:
    """One process's service log, over the common database."""

    def __init__(self, db: Database, owner: str = "one") -> None:
        self.db, self.time = db, at(0)
        self.log = ServiceLog(owner, lambda: self.time)

    def call(self, outcome: str = "ok", *, times: int = 1, seconds: float = 0.2) -> None:
        for _ in range(times):
            self.log.of("exempel", ZONE)("phoniro", "GET supervisions", None, outcome, seconds)

    async def beat(self, minutes: float = 1, *, times: int = 1) -> None:
        for _ in range(times):
            self.time += timedelta(minutes=minutes)
            await self.log.beat(self.db, ["exempel"])

    async def known(self) -> Uptime:
        return Uptime(await self.db.run(lambda c: counts.spans(c, "exempel")), ZONE, self.time)

    async def counted(self) -> dict[str, int]:
        rows = await self.db.run(lambda c: counts.between(c, "exempel", date(2026, 1, 1), date(2027, 1, 1)))
        return {f"{row.what} {row.value}": row.number for row in rows}


@pytest.fixture
def db() -> Database:
    database = Database("sqlite://")
    database.upgrade()
    return database


async def test_calls_of_all_processes_add_up_and_each_is_counted_once(db: Database) -> None:
    one, two = Process(db), Process(db, "two")
    one.call(times=3)
    two.call(times=2)
    await one.beat(times=2)
    await two.beat()
    one.call("Transient", seconds=31)
    await one.beat()
    assert await one.counted() == {"call.phoniro.ok 200": 5, "call.phoniro.Transient 40000": 1}


class LosesAnswers(Database):
    """Commits, and then the connection is gone."""

    async def run(self, fn: Callable[[Connection], T]) -> T:
        await super().run(fn)
        raise StoreError("no answer", "unreachable")


async def test_a_beat_whose_answer_was_lost_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_log, "KEPT", 0)  # sums are forgotten, and begun anew, when they are stored
    url = f"sqlite:///{tmp_path}/counts.db"
    db, loses = Database(url, inline=True), LosesAnswers(url, inline=True)
    db.upgrade()
    one = Process(loses)
    one.call(times=3)
    for _ in range(2):
        with pytest.raises(StoreError):
            await one.beat()
        one.call()
    one.db = db
    await one.beat()
    one.call(times=2)
    await one.beat(times=2)
    assert await one.counted() == {"call.phoniro.ok 200": 7}
    for each in (db, loses):
        each.close()


async def test_a_vendor_is_down_from_the_first_of_five_failures_to_the_first_answer(db: Database) -> None:
    one = Process(db)
    for minutes in (0, 1, 1, 1):
        await one.beat(minutes)
        one.call("Transient")
    assert (await one.known()).outages("phoniro") == []
    one.call("ContractBroken")
    await one.beat()
    began = at(0)
    assert (await one.known()).outages("phoniro") == [Span("phoniro", began, at(0, 4))]
    one.time = at(0, 4, 30)
    one.call("NotFound")
    await one.beat(minutes=0.5)
    assert (await one.known()).outages("phoniro") == [Span("phoniro", began, at(0, 4, 30))]


async def test_failures_that_are_over_within_a_minute_or_have_answers_between_are_no_outage(db: Database) -> None:
    one = Process(db)
    one.call("Transient", times=9)
    one.time += timedelta(seconds=50)
    one.call()
    for _ in range(6):
        one.call("Transient", times=4)
        await one.beat()
        one.call()
    await one.beat()
    assert (await one.known()).outages("phoniro") == []


async def test_a_process_that_slept_or_whose_clock_was_set_was_not_at_work_meanwhile(db: Database) -> None:
    one = Process(db)
    await one.beat(times=5)
    await one.beat(minutes=60)
    await one.beat(times=5)
    assert (await one.known()).outages(ADAPTER) == [Span(ADAPTER, at(0, 5), at(1, 5))]


async def test_what_could_not_be_stored_is_stored_with_the_next_beat_and_nobody_was_at_work_then(db: Database) -> None:
    one, away = Process(db), Database("sqlite:////nowhere/at/all.db")
    await one.beat(times=2)
    one.call(times=4)
    one.call("NotFound")
    one.db = away
    for _ in range(5):
        with pytest.raises(StoreError):
            await one.beat()
    one.db = db
    one.call()
    await one.beat()
    assert await one.counted() == {"call.phoniro.ok 200": 5, "call.phoniro.NotFound 200": 1}
    assert (await one.known()).outages(ADAPTER) == [Span(ADAPTER, at(0, 2), at(0, 8))]
