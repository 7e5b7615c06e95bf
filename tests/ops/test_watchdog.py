"""Real processes: one that hangs is found and ended, systemd is notified, and the daemon handles signals itself."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapter.ops.watchdog import HUNG, Watchdog
from connectors.mock.serve import running_simulators
from tests.outside import ROOT, municipality
from tests.service import environment, write_config

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


def _started(folder: Path, lifecare: str, phoniro: str) -> subprocess.Popen[str]:
    """A daemon that listens on a free port and sends its lines for systemd to a socket in ``folder``."""
    tenants = {"exempel": municipality(lifecare, phoniro)}
    config = write_config(folder / "adapter.toml", f"sqlite:///{folder / 'adapter.db'}", tenants)
    told = {"NOTIFY_SOCKET": str(folder / "notify"), "ADAPTER_OPS__ENABLED": "true", "ADAPTER_OPS__PORT": "0"}
    command = [sys.executable, "-m", "adapter", "run", "--config", str(config)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environment() | told
    )


async def test_a_served_daemon_stops_on_sigterm_and_tells_systemd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(90)
        async with running_simulators() as vendors:
            process = _started(tmp_path, vendors.lifecare_url, vendors.phoniro_url)
            try:
                assert systemd.recv(100) == b"READY=1"
                assert systemd.recv(100) == b"WATCHDOG=1"
                listening = ""
                while "ops_listening" not in listening:
                    assert process.stdout is not None
                    listening = process.stdout.readline()
                    assert listening, "it ended before it listened"
                process.send_signal(signal.SIGTERM)
                out, _ = process.communicate(timeout=90)
            finally:
                process.kill()
        assert process.returncode == 0
        assert "service_stopping" in out
        assert "service_stopped" in out
        said = [b"WATCHDOG=1"]
        while said[-1] == b"WATCHDOG=1":
            said.append(systemd.recv(100))
        assert said[-1] == b"STOPPING=1"
