"""Starts real processes of the adapter quickly: everything is imported once, and each process is a fork.

The parent has ``ForkServer``. The child (``python -m tests.reliability.fork_server CONFIG LOG``) forks a process for
every line on its standard input and answers with its pid.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from tests.outside import ROOT
from tests.service import environment, events_in


def child(config: str, log: str) -> None:
    from adapter.cli.run import run_service
    from mappings.calendar_se import holidays_between

    holidays_between(2026, 2026)  # does the imports of its first call
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with Path(log).open("ab") as out:
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
            os._exit(run_service(Path(config), once=False))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


class ForkServer:
    """A context manager; ``start`` gives the pid of a new process."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "tests.reliability.fork_server", str(config), str(log)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
        )

    def start(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("start\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def kill(self, pid: int) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.002)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return events_in(lines, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)


if __name__ == "__main__":
    child(*sys.argv[1:])
