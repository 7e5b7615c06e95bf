"""The lines of the table, each measured with processes of their own for adapter and vendors."""

import asyncio
import io
import json
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, make_url, select, text

from adapter.domain.ledger import ScheduleRecord, ScheduleStatus
from adapter.domain.nights import NightTimes, Weekday
from adapter.observability import configure_logging
from adapter.store.database import Database
from adapter.store.outbox import UNFINISHED
from adapter.store.sealing import Sealing
from adapter.store.tables import acts
from tests.bench import durable
from tests.bench.fill import fill
from tests.bench.followup import a_year, count_a_year
from tests.bench.night import night
from tests.outside import ROOT, Outside, mapping_without_quiet_hours, person
from tests.replicas.crew import NOTES_EACH
from tests.service import PSEUDONYM_KEY, Replica, write_config

CONNECTIONS = 16
SEALING = Sealing(PSEUDONYM_KEY.encode())
"""As in the settings of the processes."""
PATIENCE = 3600
Row = dict[str, Any]


def line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.bench.line", *map(str, arguments)]


def told(*arguments: object) -> Any:
    """The output of a process of ``line``."""
    done = subprocess.run(line(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def store_name(url: str) -> str:
    return url.partition(":")[0].partition("+")[0]


def row(what: str, measured: str, baseline: str, ratio: float | None, target: str) -> Row:
    shown = None if ratio is None else round(ratio, 2)
    return {"what": what, "measured": measured, "baseline": baseline, "ratio": shown, "target": target}


def config_for(outside: Outside, folder: Path, url: str, *, key: str = "", **engine: Any) -> Path:
    """``key``: the encryption key; ``ops`` and other groups as in ``write_config``."""
    tenants = {"exempel": outside.tenant(mapping_without_quiet_hours(folder), concurrency=CONNECTIONS)}
    return write_config(folder / "adapter.toml", url, tenants, key=key, concurrency=CONNECTIONS, **engine)


def until(done: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            raise RuntimeError("the adapter did not finish")
        time.sleep(0.2)


def lived(outside: Outside, folder: Path, config: Path, first: int, count: int, latency: float) -> tuple[float, Path]:
    """Have the adapter take so many orders from ``Sent``, all facts ready, to scheduled, noted and told: the seconds,
    and the file of its calls."""
    outside.call("latency", seconds=latency)
    before = outside.call("counts")["notes"]
    outside.call("orders", first=first, count=count)
    record = folder / "calls.json"
    began = time.monotonic()
    process = subprocess.Popen(line("adapter", record, CONNECTIONS, config), cwd=ROOT)
    until(lambda: outside.call("counts")["notes"] - before >= count * NOTES_EACH, process)
    seconds = time.monotonic() - began
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.wait()
    return seconds, record


def encrypted(outside: Outside, folder: Path, url: str, count: int) -> list[Row]:
    """The cost of encryption: the adapter's CPU for the same orders with a key and without one."""
    seconds = []
    for key in ("", "a-key-for-the-measurement-of-its-price"):
        emptied(url).close()
        outside.call("reset")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        lived(outside, folder, config_for(outside, folder, url, key=key, poll_seconds=3600), 0, count, 0.0)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    plain, sealed = seconds
    what = f"CPU of {count} orders with an encryption key, {store_name(url)}"
    return [row(what, f"{sealed:.1f} s", f"{plain:.1f} s without", sealed / plain, "<= 1.1")]


def orders(outside: Outside, folder: Path, url: str, count: int, latency: float) -> list[Row]:
    """The orders; the same calls by the bare client; and the orders by DBOS, if it is installed."""
    outside.call("reset")
    _, record = lived(outside, folder, config_for(outside, folder, url, poll_seconds=3600), 0, count, latency)
    seconds = outside.call("span")
    again(outside, count, latency)
    calls, bare = told("bare", record, CONNECTIONS)
    what = f"{count} orders, {latency * 1000:.0f} ms, {store_name(url)}"
    measured = f"{seconds:.1f} s ({calls / count:.1f} calls an order)"
    target = ">= 0.35" if latency == 0 else ">= 0.95"
    rows = [row(what, measured, f"{bare:.1f} s bare", bare / seconds, target)]
    if not durable.INSTALLED:
        return [*rows, row(what, measured, "DBOS is not installed: pip install -e '.[bench]'", None, "")]
    again(outside, count, latency)
    _, dbos = told("durable", record, CONNECTIONS, database_beside(url, folder))
    return [
        *rows,
        row(what, measured, f"{dbos:.1f} s DBOS, 13 calls", dbos / seconds, ">= 1.2" if latency == 0 else ">= 1"),
    ]


def again(outside: Outside, count: int, latency: float) -> None:
    """The vendors, set up again as they were before the adapter's calls."""
    outside.call("reset")
    outside.call("latency", seconds=latency)
    outside.call("orders", first=0, count=count)


def database_beside(url: str, folder: Path) -> str:
    """The URL of another database of the same kind; DBOS makes it."""
    if url.startswith("sqlite"):
        return f"sqlite:///{folder}/dbos.db"
    return str(make_url(url).set(database="dbos").render_as_string(hide_password=False))


def as_listed(outside: Outside, folder: Path, url: str, count: int) -> ScheduleRecord:
    """The platform's list of the schedules that ``Outside.background`` makes."""
    times = NightTimes.from_json({day.code: ["22:30", "02:15", "05:00"] for day in Weekday})
    month_ago = datetime.fromisoformat(outside.call("background", first=0, count=count)).date()
    return ScheduleRecord(1, ScheduleStatus.OPEN, month_ago, None, times, datetime.now(UTC), patience=(30, 15))


def many_cases(outside: Outside, folder: Path, url: str, few: int, many: int) -> list[Row]:
    """An idle cycle with few and with many active cases (the vendors hold as much both times), and the comparison of
    all schedules beside a bare listing."""
    outside.call("reset")
    record = as_listed(outside, folder, url, few)
    config = config_for(outside, folder, url, poll_seconds=3600)
    cycles: list[tuple[float, float]] = []
    for count in (few, many):
        with closing(emptied(url)) as db:
            fill(db, count, record, datetime.now(UTC))
        cycles.append(tuple(told("idle", config)))
    with closing(Database(url, sealing=SEALING)) as db:
        count_a_year(db, "exempel", many)
    cycles.append(tuple(told("idle", config)))
    (calls_few, few_ms), (calls_many, many_ms), (calls_counted, counted_ms) = cycles
    outside.call("reset")
    outside.call("schedules", first=0, count=many)
    listed, compared, bare, peak = told("compare", config)
    name = store_name(url)
    return [
        row(
            f"idle cycle, {many} cases, {name}",
            f"{many_ms:.0f} ms, {calls_many:.0f} calls",
            f"{few_ms:.0f} ms, {calls_few:.0f} calls with {few}",
            many_ms / few_ms,
            "<= 1.2, same calls",
        ),
        row(
            f"the same with a year's counts, {name}",
            f"{counted_ms:.0f} ms, {calls_counted:.0f} calls",
            f"{few_ms:.0f} ms, {calls_few:.0f} calls with {few}",
            counted_ms / few_ms,
            "<= 1.2, same calls",
        ),
        row(
            f"comparison of {listed} schedules, {name}",
            f"{compared:.1f} s, peak {peak:.0f} MB",
            f"{bare:.1f} s bare listing",
            compared / bare,
            "<= 3, <= 200 MB",
        ),
    ]


def emptied(url: str) -> Database:
    """A database without rows; its caller closes it."""
    db = Database(url, sealing=SEALING)
    db.upgrade()
    for table in ("cases", "case_links", "schedules", "persons", "acts", "facts", "events", "feeds"):
        db.run_sync(lambda c, t=table: c.execute(text(f"DELETE FROM {t}")))  # type: ignore[misc]  # bound early
    return db


def curve(outside: Outside, folder: Path, url: str, sizes: tuple[int, ...], count: int = 100) -> list[Row]:
    """The cost of a new order by the number of active cases."""
    rows: list[Row] = []
    first_seconds = 0.0
    for size in sizes:
        outside.call("reset")
        record = as_listed(outside, folder, url, 1)
        with closing(emptied(url)) as db:
            fill(db, size, record, datetime.now(UTC))
        lived(outside, folder, config_for(outside, folder, url, poll_seconds=3600), 2_000_000, count, 0.0)
        seconds = outside.call("span")
        first_seconds = first_seconds or seconds
        rows.append(
            row(
                f"a new order, {size} cases there, {store_name(url)}",
                f"{seconds / count * 1000:.0f} ms",
                f"{first_seconds / count * 1000:.0f} ms with {sizes[0]}",
                seconds / first_seconds,
                "flat",
            )
        )
    return rows


def poll_to_message(outside: Outside, folder: Path, url: str, rate: int = 5, seconds: int = 60) -> Row:
    """From an order standing in Lifecare to the first message about it, at so many orders a second."""
    poll = 2.0
    outside.call("reset")
    config = config_for(outside, folder, url, poll_seconds=poll)
    replica = Replica(config, folder / "poll.log")
    replica.start()
    until(lambda: bool(replica.events("service_started")))
    time.sleep(3)
    ordered: list[float] = []
    began = time.monotonic()
    for i in range(rate * seconds):
        time.sleep(max(0.0, began + i / rate - time.monotonic()))
        ordered.append(time.time())
        outside.call("orders", first=i, count=1)
    until(lambda: len(outside.call("written")) == len(ordered), replica.process)
    written: Mapping[str, float] = outside.call("written")
    waits = sorted(at - ordered[i] for i, at in _by_order(written))
    replica.stop()
    p99 = waits[int(len(waits) * 0.99)]
    return row(
        f"poll to message, {rate} orders a second, {store_name(url)}",
        f"p99 {p99:.2f} s, median {waits[len(waits) // 2]:.2f} s",
        f"poll interval {poll:.0f} s",
        p99 / (poll + 1),
        f"p99 <= {poll + 1:.0f} s",
    )


def _by_order(written: Mapping[str, float]) -> list[tuple[int, float]]:
    """The first note to each person, by the number of the order."""
    number = {person(i): i for i in range(len(written))}
    return [(number[who], at) for who, at in written.items()]


def two_replicas(outside: Outside, folder: Path, url: str, count: int) -> Row:
    """So many orders at 50 ms vendor latency, by one process and by two."""
    times = []
    for size in (1, 2):
        outside.call("reset")
        outside.call("latency", seconds=0.05)
        emptied(url).close()
        outside.call("orders", first=0, count=count)
        config = config_for(outside, folder, url, poll_seconds=3600)
        crew = [Replica(config, folder / f"replica-{size}-{n}.log") for n in range(size)]
        for replica in crew:
            replica.start()
        until(lambda: outside.call("counts")["notes"] >= count * NOTES_EACH)
        times.append(outside.call("span"))
        for replica in crew:
            replica.stop()
    one, two = times
    return row(
        f"2 replicas, {count} orders, 50 ms, {store_name(url)}",
        f"{two:.1f} s",
        f"{one:.1f} s by 1",
        one / two,
        ">= 1.8",
    )


def killed(outside: Outside, folder: Path, url: str, count: int) -> Row:
    """From the start after a SIGKILL in the middle of so many orders until all is done, with the delays of service.
    Raises ``RuntimeError`` if a schedule or a note came twice."""
    outside.call("reset")
    outside.call("orders", first=0, count=count)
    replica = Replica(config_for(outside, folder, url, poll_seconds=60), folder / "killed.log")

    db = Database(url, sealing=SEALING)
    unfinished = select(func.count()).select_from(acts).where(acts.c.state.in_(UNFINISHED))

    def written(share: float) -> bool:
        return bool(outside.call("counts")["notes"] >= share * count * NOTES_EACH)

    replica.start()
    until(lambda: written(0.5), replica.process)
    replica.kill()
    began = time.monotonic()
    replica.start()
    until(lambda: written(1) and not db.run_sync(lambda c: c.scalar(unfinished)), replica.process)
    seconds = time.monotonic() - began
    replica.stop()
    db.close()
    effects = outside.call("effects")
    if any(len(set(effects[kind])) != len(effects[kind]) for kind in ("schedules", "notes")):
        raise RuntimeError("something came twice")
    found = len(replica.events("act_found_done"))
    told = f"{seconds:.1f} s until all was done ({found} acts of the dead one were found done)"
    return row(f"killed amid {count} orders, {store_name(url)}", told, "", None, "<= 40 s")


def start(outside: Outside, folder: Path, url: str, cases: int) -> list[Row]:
    """``--help``, readiness and idle memory with many cases."""
    outside.call("reset")
    record = as_listed(outside, folder, url, 1)
    db = Database(url, sealing=SEALING)
    fill(db, cases, record, datetime.now(UTC))
    db.close()
    name = store_name(url)
    config = config_for(outside, folder, url, ops={"enabled": True, "port": 18791}, poll_seconds=1)
    replica = Replica(config, folder / "idle.log")
    began = time.monotonic()
    replica.start()
    until(_ready, replica.process)
    ready = time.monotonic() - began
    time.sleep(10)
    status = Path(f"/proc/{replica.pid}/status").read_text(encoding="utf-8")
    replica.stop()
    kib = int(next(found.split()[1] for found in status.splitlines() if found.startswith("VmRSS")))
    rows = [
        row(f"ready with {cases} cases, {name}", f"{ready:.2f} s", "", None, "<= 2 s"),
        row(f"idle memory (RSS), {name}", f"{kib / 1024:.0f} MB", "", None, "<= 120 MB"),
    ]
    return rows if name != "sqlite" else [*rows, help_seconds()]


def _ready() -> bool:
    try:
        with urllib.request.urlopen("http://127.0.0.1:18791/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def help_seconds() -> Row:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "adapter", "--help"], cwd=ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    bare = time.perf_counter() - began
    return row("adapter --help", f"{min(times):.2f} s, best of 5", f"{bare:.2f} s, Python alone", None, "< 0.5 s")


def a_years_report(url: str, cases: int) -> Row:
    """The follow-up of a year, by month, unit and for the whole, where so many cases began in it."""
    rows, seconds = a_year(url, cases)
    return row(
        f"a year's report, {cases} cases, {store_name(url)}", f"{seconds:.2f} s", f"{rows} counts", None, "< 5 s"
    )


def watched(folder: Path, url: str, count: int) -> Row:
    """A whole night of so many schedules, three looks each: what it costs to follow them and to write those that were
    done to Lifecare, and what is kept of it all."""
    configure_logging("CRITICAL", json=True, stream=io.StringIO())
    found = asyncio.run(night(folder, url, count))
    what = f"a night's looks, {count} schedules, {store_name(url)}"
    measured = (
        f"followed: {found.following:.1f} s of CPU, {found.readings} readings, {found.listed} calls (who looked among "
        f"them); written: {found.written} visits, {found.writing:.1f} s of CPU"
    )
    kept = (
        f"rows of looks and acts {found.rows}, {found.grown / max(found.rows[0], 1):.0f} bytes a look; "
        f"{found.kept} after retention_days, {found.left} once the cases are purged"
    )
    return row(what, measured, kept, None, "calls by pages; none left")
