"""Starts real processes of the adapter quickly: everything is imported once, and each process is a fork.

The parent has ``Forked``. The child (``python -m tests.reliability.fork_server CONFIG LOG``) forks a process for every
line on its standard input and answers with its pid.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.outside import ROOT
from tests.service import Replica, environment


def child(config: str, log: str) -> None:
    from adapter.cli.run import run_service
    from mappings.mapping import holidays_between

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


class Forked(Replica):
    """One process after the other; a context manager."""

    forked = 0

    def __enter__(self) -> Self:
        self.log.touch()
        command = [sys.executable, "-m", "tests.reliability.fork_server", str(self.config), str(self.log)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment())
        return self

    def start(self) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"start\n")
        self.process.stdin.flush()
        self.forked = int(self.process.stdout.readline())

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self.forked, signal.SIGKILL)
        while Path(f"/proc/{self.forked}").exists():
            time.sleep(0.002)

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.communicate(timeout=10)


if __name__ == "__main__":
    child(*sys.argv[1:])
