"""``adapter run``: the service, from the settings to the last line in the log."""

import asyncio
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from adapter import bootstrap
from adapter.bootstrap import Service
from adapter.cli.failures import CANT_BEGIN, WRONG
from adapter.cli.http_server import HttpServer
from adapter.cli.open_service import make_database_file
from adapter.cli.options import ConfigOption
from adapter.cli.reload import Reloader, run_until_stopped, tell_refused
from adapter.engine import jobs
from adapter.log_events import log
from adapter.observability import configure_logging, log_crashes
from adapter.settings.load import SettingsError, load_settings
from adapter.settings.model import Settings
from adapter.store.errors import StoreError
from mappings.file_faults import MappingError

_WORTH_WAITING = frozenset({"locked", "contended", "unreachable", "full"})
"""Reasons to wait for the store at the start; any other needs a person first."""
_WAIT_SECONDS = 5.0


def run(
    once: Annotated[
        bool, typer.Option("--once", help="One cycle: read what changed, do all that is due, and stop.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run the adapter until it is stopped.

    It logs to standard output. SIGTERM or Ctrl-C lets what is under way finish; a second one stops at once. Nothing is
    lost either way. With --once it ends with 1 if something couldn't be read (feed_failed in the log).
    """
    raise typer.Exit(run_service(config, once=once))


def run_service(config: Path | None, *, once: bool) -> int:
    """Run; returns the exit code. What keeps it from running is logged."""
    configure_logging("INFO", json=not sys.stdout.isatty(), stream=sys.stdout)
    log_crashes(lambda error: log("service_crashed", error=error))
    try:
        settings = load_settings(config)
        as_json = settings.logs.as_json(sys.stdout.isatty())
        configure_logging(settings.logs.level, json=as_json, stream=sys.stdout, secrets=settings.secrets())
        return asyncio.run(_serve(settings, config, once=once))
    except SettingsError as error:
        log("settings_refused", problems=list(error.problems))
        return CANT_BEGIN
    except MappingError as error:
        log("settings_refused", problems=list(error.faults))
        return CANT_BEGIN
    except StoreError as error:
        log("store_unavailable", error=error, retry_seconds=None)
        return WRONG


async def _serve(settings: Settings, config: Path | None, *, once: bool) -> int:
    stop = asyncio.Event()
    began = time.monotonic()
    http = HttpServer(settings)
    async with bootstrap.build(settings, outside=http.outside) as service:
        _stop_on_signals(stop)
        if not await _open_store(service, stop):
            return 0
        log(
            "service_started",
            version=version("trygghetskamera-adapter"),
            tenants=", ".join(service.tenants),
            store=service.runtime.db.name.partition(":")[0],
            dry_run=settings.dry_run,
        )
        tell_refused(service)
        whole = True
        if once:
            whole = await jobs.run_once(service.runtime)
        else:
            beside = asyncio.create_task(http.run(service, stop))
            try:
                await run_until_stopped(service, Reloader(config), stop, replaced=http.use)
            finally:
                stop.set()
                await beside
    log("service_stopped", seconds=round(time.monotonic() - began, 1))
    return 0 if whole else WRONG


async def _open_store(service: Service, stop: asyncio.Event) -> bool:
    """Open the store, and wait if it is only away for now. False if the process was stopped meanwhile."""
    make_database_file(service.settings)
    told = False
    while not stop.is_set():
        try:
            await service.start_store()
        except StoreError as error:
            if error.reason not in _WORTH_WAITING:
                raise
            if not told:
                log("store_unavailable", error=error, retry_seconds=_WAIT_SECONDS)
                told = True
            try:
                await asyncio.wait_for(stop.wait(), _WAIT_SECONDS)
            except TimeoutError:
                continue
        else:
            return True
    return False


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first SIGTERM or SIGINT lets what is under way finish; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        # Last: a person or test that reads this line may send the second signal at once.
        log("service_stopping", reason=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
