"""Real adapter processes (``python -m adapter run``), for tests that start them, stop them in every way and read their
logs."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from adapter.store import events
from adapter.store.database import Database
from adapter.store.events import Event
from adapter.store.sealing import Sealing
from tests.outside import ROOT, Outside, mapping_without_quiet_hours

PSEUDONYM_KEY, ENCRYPTION_KEY = "a key for tests only", "another-key-for-tests-only-of-some-length"
PATIENCE = 90.0
"""Seconds that a test waits for something that takes a few seconds at most, because the machine may be busy."""


def toml(groups: Mapping[str, Any], prefix: str = "") -> str:
    """Nested tables of plain values as TOML."""
    lines = [f"{name} = {json.dumps(v)}" for name, v in groups.items() if not isinstance(v, Mapping)]
    text = "\n".join(lines) + "\n"
    for name, value in groups.items():
        if isinstance(value, Mapping):
            text += f"\n[{prefix}{name}]\n{toml(value, f'{prefix}{name}.')}"
    return text


def write_config(
    path: Path,
    url: str,
    tenants: Mapping[str, Any],
    *,
    key: str = ENCRYPTION_KEY,
    ops: Mapping[str, Any] | None = None,
    **engine: Any,
) -> Path:
    """A settings file for the store ``url``, which is encrypted with ``key``. ``ops`` and ``engine`` are the groups of
    these names. There is no re-sync file."""
    files = {"resync_file": str(path.parent / "resync.toml"), "adopt_file": str(path.parent / "adopt.toml")}
    path.write_text(
        toml(
            {
                "pseudonym_key": PSEUDONYM_KEY,
                "store": {"url": url, "encryption_key": key},
                "logs": {"level": "INFO", "format": "json"},
                "engine": {**files, **engine},
                "ops": ops or {},
                "tenants": tenants,
            }
        ),
        encoding="utf-8",
    )
    return path


def configured(folder: Path, outside: Outside, url: str = "", **engine: Any) -> Path:
    """The settings of a process over these vendors, which sends messages at any time of day. Its store is a file in the
    folder, unless a URL is given."""
    tenants = {"exempel": outside.tenant(mapping_without_quiet_hours(folder))}
    return write_config(folder / "adapter.toml", url or f"sqlite:///{folder}/adapter.db", tenants, **engine)


def wait(holds: Callable[[], bool], why: Callable[[], object] = str, seconds: float = PATIENCE) -> None:
    """Wait until the condition is true. After the given time the test fails and says ``why``."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {why()}"
        time.sleep(0.05)


def environment() -> dict[str, str]:
    """The environment, without settings of the adapter's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ADAPTER_")}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def rows(path: Path, statement: str) -> list[Any]:
    """Read from an SQLite file beside the process that works on it."""
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return connection.execute(statement).fetchall()


def audited(url: str, *names: str) -> list[Event]:
    """The audit's events with these names in the store ``url``, which ``write_config`` encrypts."""
    with closing(Database(url, sealing=Sealing(PSEUDONYM_KEY.encode(), [ENCRYPTION_KEY]))) as db:
        return [e for e in db.run_sync(partial(events.after, tenant="exempel", id=0, limit=10**6)) if e.name in names]


def events_in(lines: Iterable[str], name: str) -> list[dict[str, Any]]:
    """The events with this name in the lines of a log. The last line may be half written. Only lines with the name are
    parsed, because a log is read many times while a test waits."""
    told = (line for line in lines if f'"{name}"' in line and line.startswith("{") and line.endswith("}"))
    return [line for line in map(json.loads, told) if line["event"] == name]


class Replica:
    """One process of the adapter. Its log is a file."""

    def __init__(self, config: Path, log: Path, *, module: str = "adapter", **variables: str) -> None:
        """``module`` runs instead of the adapter, with its arguments; ``variables`` are put into its environment."""
        self.config = config
        self.log = log
        self.module = module
        self.variables = variables
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", self.module, "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env=environment() | self.variables
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: it finishes nothing."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)

    def said(self) -> str:
        """The whole log."""
        return self.log.read_text(encoding="utf-8")

    def events(self, name: str) -> list[dict[str, Any]]:
        return events_in(self.said().splitlines(), name)
