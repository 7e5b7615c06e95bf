"""Where the demo runs: a folder of its own, settings like anybody's, and the adapter's process."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit

from adapter.cli.init import config_text, mapping_text, write_secrets
from connectors.mock.lifecare.simulator import DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.phoniro.state import DEFAULT_CLIENT
from connectors.mock.serve import RunningSimulators

FOLDER = Path("var/demo")
TENANT = "exempelkommun"
_STOP_SECONDS = 10.0


class DemoFailed(Exception):
    """The demo can't go on; the message is for the person who watches."""


class Stage:
    """The files and the adapter of one run. Every run starts with an empty folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.config = folder / "adapter.toml"
        self.database = folder / "adapter.db"
        self.log = folder / "adapter.log"
        self.mapping = folder / "mapping.toml"
        self.adapter: Process | None = None
        self.port = 0
        """Where the status page is, once the settings are written."""

    @contextmanager
    def empty(self) -> Iterator[None]:
        """Begin anew, and lock the folder meanwhile. Raises ``DemoFailed`` if another demo has locked it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        held = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoFailed(f"Ett annat demo är igång i {self.folder}. Stoppa det först, med Ctrl-C.") from None
            for path in self.folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            yield
        finally:
            os.close(held)

    def write_settings(self, vendors: RunningSimulators, today: date) -> None:
        """What ``adapter init`` writes, with the simulators' addresses, an impatient engine and looks written back."""
        mapping: Any = tomlkit.parse(mapping_text("Exempelkommun", today))
        del mapping["routine"]["quiet"]
        mapping["reported_visits"]["mode"] = "on"
        self.mapping.write_text(tomlkit.dumps(mapping), encoding="utf-8")
        write_secrets(self.folder / "secrets", DEFAULT_KEY, DEFAULT_CLIENT[1])
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self.port = unused.getsockname()[1]
        lifecare = {"base_url": vendors.lifecare_url, "domain": DEFAULT_DOMAIN, "requests_per_second": 500}
        phoniro = {"base_url": vendors.phoniro_url, "client_id": DEFAULT_CLIENT[0], "requests_per_second": 500}
        config: Any = tomlkit.parse(config_text(self.folder.absolute(), TENANT, lifecare, phoniro))
        del config["dry_run"]
        impatient = {"poll_seconds": 1, "awaiting_minutes": 0.01, "settle_seconds": 1, "retry_first_seconds": 1}
        config["engine"].update(impatient)
        config.update({"ops": {"enabled": True, "port": self.port}, "logs": {"level": "DEBUG", "format": "json"}})
        self.config.write_text(tomlkit.dumps(config), encoding="utf-8")

    async def start_adapter(self) -> None:
        """Start the adapter as it is started anywhere else; its log goes to a file."""
        # None of the caller's own settings may reach it; and Ctrl-C is for the demo, which then stops it.
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("ADAPTER_")}
        environment["PYTHONUNBUFFERED"] = "1"
        command = (sys.executable, "-m", "adapter", "run", "--config", str(self.config))
        with self.log.open("wb") as log:
            self.adapter = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=log, stderr=STDOUT, env=environment, start_new_session=True
            )

    def logged(self) -> str:
        """What the adapter has logged."""
        return self.log.read_text(encoding="utf-8")

    def check_alive(self) -> None:
        """Raises ``DemoFailed`` when the adapter has ended by itself."""
        if self.adapter is not None and self.adapter.returncode is not None:
            raise DemoFailed(f"Adaptern avslutades i förtid med kod {self.adapter.returncode}; se {self.log}.")

    async def stop(self) -> None:
        """Ask the adapter to stop, and wait for it."""
        if self.adapter is None or self.adapter.returncode is not None:
            return
        self.adapter.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.adapter.wait(), _STOP_SECONDS)
        except TimeoutError:
            self.adapter.kill()
            await self.adapter.wait()
