"""Real processes: one that hangs is found and ended, systemd is notified, and the daemon handles signals itself."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapter.ops.watchdog import HUNG, Watchdog
from tests.outside import ROOT, municipality
from tests.service import PATIENCE, Replica, wait, write_config

pytestmark = pytest.mark.process

HANGING = """
import asyncio, time
from adapter.ops.watchdog import Watchdog

def hang():
    time.sleep(60)

async def main():
    watchdog = Watchdog(hang_seconds=0.4)
    running = asyncio.create_task(watchdog.run(asyncio.Event()))
    await asyncio.sleep(0)
    hang()

asyncio.run(main())
"""


def test_a_process_whose_loop_hangs_ends_itself_and_says_where_it_hung() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, cwd=ROOT, timeout=90)
    assert ended.returncode == HUNG
    assert "in hang" in ended.stderr
    assert "loop_hung" in ended.stdout + ended.stderr


class Waits(threading.Event):
    """Waits that take the given seconds, on ``clock``, and then no more."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self.left, self.clock = list(seconds), 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.clock += self.left.pop(0) if self.left else 0.0
        return not self.left


@pytest.mark.parametrize(
    ("waits", "hung"),
    [
        pytest.param([1.0] * 58, [], id="busy"),
        pytest.param([1.0] * 70, [61.0], id="hung"),
        pytest.param([1.0] * 50 + [3600.0] + [1.0] * 58, [], id="frozen and busy"),
        pytest.param([1.0] * 50 + [3600.0] + [1.0] * 70, [61.0], id="frozen and hung"),
        pytest.param([31.0] * 5, [62.0], id="hung in calls that hold the lock"),
    ],
)
def test_a_process_that_was_frozen_as_a_whole_has_its_time_anew(
    waits: list[float], hung: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[float] = []
    waiting = Waits(*waits, 0.0)

    def end(seconds: float, _stream: object) -> None:
        ended.append(seconds)
        waiting.left = []

    monkeypatch.setattr("adapter.ops.watchdog._end", end)
    watchdog = Watchdog(monotonic=lambda: waiting.clock)
    watchdog._watch(waiting)
    assert ended == hung
    assert watchdog.alive == (not hung)


def test_work_that_gives_no_sign_of_life_is_not_alive() -> None:
    now = 0.0
    watchdog = Watchdog(monotonic=lambda: now)
    assert watchdog.alive
    now = 301.0
    watchdog.tick()
    assert not watchdog.alive
    watchdog.beat()
    assert watchdog.alive


def test_a_served_daemon_says_that_it_began_stops_on_sigterm_and_tells_systemd(tmp_path: Path) -> None:
    nobody = {"exempel": municipality("http://127.0.0.1:1", "http://127.0.0.1:2")}
    url, ops = f"sqlite:///{tmp_path / 'adapter.db'}", {"enabled": True, "port": 0}
    config = write_config(tmp_path / "adapter.toml", url, nobody, ops=ops)
    daemon = Replica(config, tmp_path / "log", NOTIFY_SOCKET=str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE)
        try:
            daemon.start()
            assert systemd.recv(100) == b"READY=1"
            said = [systemd.recv(100)]
            wait(lambda: bool(daemon.events("ops_listening")), daemon.said)
            assert daemon.stop() == 0
        finally:
            daemon.kill()
        while said[-1] == b"WATCHDOG=1":
            said.append(systemd.recv(100))
        assert said[-1] == b"STOPPING=1"
    (begun,) = daemon.events("service_started")
    assert (begun["tenants"], begun["store"], begun["dry_run"]) == ("exempel", "sqlite", False)
    assert [bool(daemon.events(name)) for name in ("service_stopping", "service_stopped")] == [True, True]
    assert all(line.startswith("{") for line in daemon.said().splitlines()), "nothing goes past the log"
