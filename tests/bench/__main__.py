"""``make bench``: what the adapter costs beside a bare client that makes the same calls, and how it starts.

``python -m tests.bench --orders 1000 --only orders``; the table goes to the screen, all figures to ``var/bench.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.outside import ROOT, Outside, mapping_without_quiet_hours
from tests.postgres import Postgres
from tests.replicas.crew import NOTES_EACH
from tests.service import Replica, write_config

CONNECTIONS = 16
Row = dict[str, Any]


def line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.bench.line", *map(str, arguments)]


def orders(outside: Outside, folder: Path, url: str, count: int, latency: float) -> Row:
    """From ``Sent``, all facts ready, to scheduled, noted and told, and the same calls by the bare client."""
    outside.call("reset")
    outside.call("latency", seconds=latency)
    outside.call("orders", first=0, count=count)
    tenants = {"exempel": outside.tenant(mapping_without_quiet_hours(folder), concurrency=CONNECTIONS)}
    config = write_config(folder / "adapter.toml", url, tenants, concurrency=CONNECTIONS, poll_seconds=3600)
    record = folder / "calls.json"
    process = subprocess.Popen(line("adapter", record, CONNECTIONS, config), cwd=ROOT)
    until = time.monotonic() + 1800
    while outside.call("counts")["notes"] < count * NOTES_EACH:
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the adapter did not finish: {outside.call('counts')}")
        time.sleep(0.2)
    seconds = outside.call("span")
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.wait()
    outside.call("reset")
    outside.call("latency", seconds=latency)
    outside.call("orders", first=0, count=count)
    told = subprocess.run(line("bare", record, CONNECTIONS), cwd=ROOT, capture_output=True, text=True, check=True)
    calls, bare = json.loads(told.stdout)
    return {
        "what": f"{count} orders, {latency * 1000:.0f} ms, {url.partition(':')[0].partition('+')[0]}",
        "measured": f"{seconds:.1f} s ({calls / count:.0f} calls an order)",
        "baseline": f"{bare:.1f} s bare",
        "ratio": round(bare / seconds, 2),
        "target": ">= 0.5" if latency == 0 else ">= 0.9",
    }


def help_seconds() -> Row:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "adapter", "--help"], cwd=ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    bare = time.perf_counter() - began
    return {
        "what": "adapter --help",
        "measured": f"{min(times):.2f} s, best of 5",
        "baseline": f"{bare:.2f} s, Python alone",
        "ratio": None,
        "target": "< 0.5 s",
    }


def idle_memory(outside: Outside, folder: Path) -> Row:
    outside.call("reset")
    tenants = {"exempel": outside.tenant(mapping_without_quiet_hours(folder))}
    config = write_config(folder / "idle.toml", f"sqlite:///{folder}/idle.db", tenants, poll_seconds=1)
    replica = Replica(config, folder / "idle.log")
    replica.start()
    assert replica.process is not None
    time.sleep(10)
    status = Path(f"/proc/{replica.process.pid}/status").read_text(encoding="utf-8")
    replica.stop()
    kib = int(next(text.split()[1] for text in status.splitlines() if text.startswith("VmRSS")))
    return {
        "what": "idle memory (RSS)",
        "measured": f"{kib / 1024:.0f} MB",
        "baseline": "",
        "ratio": None,
        "target": "<= 120 MB",
    }


def show(rows: list[Row]) -> None:
    table = Table("what", "measured", "baseline", "ratio", "target")
    for row in rows:
        table.add_row(*(str(row[name]) if row[name] is not None else "" for name in row))
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--only", choices=["orders", "start"], default=None)
    parser.add_argument("--fast", action="store_true", help="without the lines at 50 ms")
    given = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, Outside() as outside:
        if given.only != "orders":
            rows += [help_seconds(), idle_memory(outside, Path(name))]
        if given.only != "start":
            for latency in ((0.0,) if given.fast else (0.0, 0.05)):
                for store in ("sqlite", "postgresql"):
                    folder = Path(tempfile.mkdtemp(dir=name))
                    server = Postgres(durable=True) if store == "postgresql" else None
                    url = server.url if server else f"sqlite:///{folder}/adapter.db"
                    try:
                        rows.append(orders(outside, folder, url, given.orders, latency))
                    finally:
                        if server:
                            server.close()
                    show(rows[-1:])
    show(rows)
    (ROOT / "var").mkdir(exist_ok=True)
    load = os.getloadavg()[0]
    told = {"at": datetime.now(UTC).isoformat(), "load": load, "cores": os.cpu_count(), "rows": rows}
    (ROOT / "var" / "bench.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
