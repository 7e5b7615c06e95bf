"""``make bench``: the adapter's cost compared with a bare client that makes the same calls, and the cost of many cases.

``python -m tests.bench --orders 400 --cases 100000 --only orders``; the table goes to the screen, all figures to
``var/bench.json``. The orders at 0 ms are measured in rounds, each with an adapter and a bare line of its own, and the
middle one counts: how fast a shared machine is changes from minute to minute.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import measure
from tests.bench.measure import Row
from tests.outside import ROOT, Outside
from tests.postgres import Postgres

STORES = ("sqlite", "postgresql")
LINES = ("start", "orders", "encrypted", "slow", "cases", "curve", "poll", "replicas", "killed", "report", "night")


@contextmanager
def database(store: str, folder: Path) -> Iterator[str]:
    """The URL of a new database; PostgreSQL's with fsync, as in service."""
    if store == "sqlite":
        yield f"sqlite:///{folder}/adapter.db"
        return
    server = Postgres(durable=True)
    try:
        yield server.url
    finally:
        server.close()


def show(rows: list[Row]) -> None:
    table = Table("what", "measured", "baseline", "ratio", "target")
    for row in rows:
        table.add_row(*(str(row[name]) if row[name] is not None else "" for name in row))
    Console(width=140).print(table)


def middle(rounds: tuple[Row, ...]) -> Row:
    """The round with the middle ratio, with the ratios of the others."""
    if len(rounds) == 1:
        return rounds[0]
    in_order = sorted(rounds, key=lambda row: row["ratio"] or 0)
    least, most = in_order[0]["ratio"], in_order[-1]["ratio"]
    row = in_order[len(rounds) // 2]
    return row | {"baseline": f"{row['baseline']} (ratio {least} to {most} in {len(rounds)} rounds)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="of the orders at 0 ms, an odd number (%(default)s)")
    parser.add_argument("--store", choices=STORES, default=None)
    parser.add_argument("--only", choices=LINES)
    given = parser.parse_args()
    if given.rounds < 1 or given.rounds % 2 == 0:
        parser.error("--rounds: an odd number, so that one is in the middle")
    # As in an installation, a start doesn't compile every module again. Only the first start here does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rows: list[Row] = []
    measurements: list[Row] = []
    with tempfile.TemporaryDirectory() as name, Outside() as outside:

        def once(measured: Callable[[Path, str], list[Row]], store: str) -> list[Row]:
            folder = Path(tempfile.mkdtemp(dir=name))
            with database(store, folder) as url:
                found = measured(folder, url)
            show(found)
            measurements.extend(found)
            return found

        def run(
            line: str, measured: Callable[[Path, str], list[Row]], *, stores: tuple[str, ...] = STORES, rounds: int = 1
        ) -> None:
            if given.only not in (None, line):
                return
            for store in stores:
                if given.store in (None, store):
                    rows.extend(map(middle, zip(*(once(measured, store) for _ in range(rounds)), strict=True)))

        few, many = max(given.cases // 100, 100), given.cases
        count = given.orders
        run("start", lambda folder, url: measure.start(outside, folder, url, many))
        run("orders", lambda folder, url: measure.orders(outside, folder, url, count, 0.0), rounds=given.rounds)
        run("encrypted", lambda folder, url: measure.encrypted(outside, folder, url, count), rounds=given.rounds)
        run("slow", lambda folder, url: measure.orders(outside, folder, url, count, 0.05))
        run("cases", lambda folder, url: measure.many_cases(outside, folder, url, few, many))
        run("curve", lambda folder, url: measure.curve(outside, folder, url, (few, few * 10, many)))
        run("poll", lambda folder, url: [measure.poll_to_message(outside, folder, url)])
        run("replicas", lambda folder, url: [measure.two_replicas(outside, folder, url, count)], stores=("postgresql",))
        run("killed", lambda folder, url: [measure.killed(outside, folder, url, count)], stores=("sqlite",))
        run("report", lambda _, url: [measure.a_years_report(url, many)])
        run("night", lambda folder, url: [measure.watched(folder, url, 3000)])
    show(rows)
    (ROOT / "var").mkdir(exist_ok=True)
    machine = {"at": datetime.now(UTC).isoformat(), "load": os.getloadavg()[0], "cores": os.cpu_count()}
    told = {**machine, "rows": rows, "measurements": measurements}
    (ROOT / "var" / "bench.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
