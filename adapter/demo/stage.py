"""Where the demo runs: a folder of its own, settings like anybody's, and the two processes."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit

from adapter.cli.init import config_text, mapping_text, write_secrets
from connectors.mock.lifecare.api import DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.phoniro.state import DEFAULT_CLIENT

FOLDER = Path("var/demo")
TENANT = "exempelkommun"
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


class DemoFailed(Exception):
    """The demo can't go on; the message is for the person who watches."""


class Stage:
    """Files and processes of one run. Every run starts with an empty folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.config = folder / "adapter.toml"
        self.database = folder / "adapter.db"
        self.log = folder / "adapter.log"
        self.simulators_log = folder / "simulators.log"
        self.mapping = folder / "mapping.toml"
        self._running = folder / "running.json"
        self.simulators: Process | None = None
        self.adapter: Process | None = None
        self.port = 0
        """Where the status page is, once the settings are written."""

    def clear(self) -> None:
        """Begin anew. Raises ``DemoFailed`` while an earlier demo that was kept still runs."""
        try:
            pids = [pid for pid in json.loads(self._running.read_text()) if _alive(pid)]
        except (OSError, ValueError):
            pids = []
        if pids:
            numbers = " ".join(map(str, pids))
            raise DemoFailed(f"Ett tidigare demo är fortfarande igång. Stoppa det först: kill {numbers}")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def write_settings(self, urls: dict[str, str], today: date) -> None:
        """What ``adapter init`` writes, with the simulators' addresses, an impatient engine and looks written back."""
        mapping: Any = tomlkit.parse(mapping_text("Exempelkommun", today))
        del mapping["routine"]["quiet"]
        mapping["reported_visits"]["mode"] = "on"
        self.mapping.write_text(tomlkit.dumps(mapping), encoding="utf-8")
        write_secrets(self.folder / "secrets", DEFAULT_KEY, DEFAULT_CLIENT[1])
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self.port = unused.getsockname()[1]
        lifecare = {"base_url": urls["lifecare"], "domain": DEFAULT_DOMAIN, "requests_per_second": 500}
        phoniro = {"base_url": urls["phoniro"], "client_id": DEFAULT_CLIENT[0], "requests_per_second": 500}
        config: Any = tomlkit.parse(config_text(self.folder.absolute(), TENANT, lifecare, phoniro))
        del config["dry_run"]
        impatient = {"poll_seconds": 1, "awaiting_minutes": 0.01, "settle_seconds": 1, "retry_first_seconds": 1}
        config["engine"].update(impatient)
        config.update({"ops": {"enabled": True, "port": self.port}, "logs": {"level": "DEBUG", "format": "json"}})
        self.config.write_text(tomlkit.dumps(config), encoding="utf-8")

    async def start_simulators(self) -> dict[str, str]:
        """Start both vendors; returns their addresses by name."""
        arguments = ("simulate", "--lifecare-port", "0", "--phoniro-port", "0", "--json")
        with self.simulators_log.open("wb") as log:
            self.simulators = await _start(*arguments, stdout=PIPE, stderr=log)
        try:
            assert self.simulators.stdout is not None
            line = await asyncio.wait_for(self.simulators.stdout.readline(), _START_SECONDS)
            found: dict[str, str] = json.loads(line)
        except (TimeoutError, ValueError):
            raise DemoFailed(f"De simulerade leverantörerna startade inte; se {self.simulators_log}.") from None
        return found

    async def start_adapter(self) -> None:
        """Start the adapter as it is started anywhere else; its log goes to a file."""
        with self.log.open("wb") as log:
            self.adapter = await _start("run", "--config", str(self.config), stdout=log, stderr=STDOUT)

    def logged(self) -> str:
        """What the adapter has logged."""
        return self.log.read_text(encoding="utf-8")

    def check_alive(self) -> None:
        """Raises ``DemoFailed`` when a process has ended by itself."""
        for name, process, log in (
            ("Adaptern", self.adapter, self.log),
            ("Simulatorerna", self.simulators, self.simulators_log),
        ):
            if process is not None and process.returncode is not None:
                raise DemoFailed(f"{name} avslutades i förtid med kod {process.returncode}; se {log}.")

    @property
    def pids(self) -> list[int]:
        return [p.pid for p in (self.adapter, self.simulators) if p is not None and p.returncode is None]

    def keep(self) -> None:
        """Remember what is left running, so that the next demo doesn't empty its folder under it."""
        self._running.write_text(json.dumps(self.pids))

    async def stop(self) -> None:
        """Ask both to stop, the adapter first, and wait for it."""
        for process in (self.adapter, self.simulators):
            if process is None or process.returncode is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _start(*arguments: str, **streams: Any) -> Process:
    # None of the caller's own settings may reach the demo; and Ctrl-C is for the demo, which then stops its processes.
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("ADAPTER_")}
    environment["PYTHONUNBUFFERED"] = "1"
    command = (sys.executable, "-m", "adapter", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, env=environment, start_new_session=True, **streams
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process: it lives
    return True
