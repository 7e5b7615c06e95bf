"""Changed settings are used without a restart.

A new service is built of them beside the running one. If all of it can be used, the running one finishes what is under
way and the new one takes over. Otherwise the running one stays as it is. The two are never mixed.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

from sqlalchemy import Connection

from adapter.bootstrap import Service
from adapter.engine import jobs
from adapter.engine.file_watch import FileWatch
from adapter.log_events import log, log_context
from adapter.observability import configure_logging
from adapter.settings.load import SettingsError, config_path, load_settings, named_files
from adapter.store import outbox, requests
from adapter.store.errors import StoreError
from adapter.store.queries import unattended
from mappings.file_faults import MappingError

LOOK_SECONDS = 2.0
FIXED = ("store", "pseudonym_key", "ops.enabled", "ops.host", "ops.port", "ops.hang_seconds")
"""What only a restart can change: the database, other processes and the socket hold on to it."""


class Reloader:
    """Waits for changed settings. After ``ask`` (SIGHUP) they are read even if no file looks changed."""

    def __init__(self, config: Path | None, *, look_seconds: float = LOOK_SECONDS) -> None:
        self.config = config
        self.look_seconds = look_seconds
        self.asked = asyncio.Event()
        self._watch = FileWatch(self._files)
        self._running: Service | None = None

    def ask(self) -> None:
        self.asked.set()

    async def next(self, running: Service) -> Service:
        """The next service, built of changed settings that can be used. Those that can't are told, once per change."""
        if self._running is None:
            self._was_read(running)
        while True:
            try:
                await asyncio.wait_for(self.asked.wait(), self.look_seconds)
            except TimeoutError:
                if not self.changed(running):
                    continue
            self.asked.clear()
            self._was_read(running)
            if service := self.read(running):
                self._was_read(service)
                return service

    def changed(self, running: Service) -> bool:
        """Whether the files changed since they were read, and are not just being written."""
        self._running = running
        return self._watch.changed()

    def read(self, running: Service) -> Service | None:
        """Read settings and mappings anew. Returns None, and logs an error, if anything in them can't be used. A
        municipality that was refused already may be refused again, and the others still get the new ones."""
        service: Service | None = None
        try:
            settings = load_settings(self.config)
            problems = [
                f"{name}: can't change while the adapter runs; restart it for this, or change it back"
                for name in FIXED
                if attrgetter(name)(settings) != attrgetter(name)(running.settings)
            ]
            if not problems:
                service = running.successor(settings)
                refused = service.runtime.refused
                newly = sorted(refused.keys() - running.runtime.refused.keys())
                problems = [problem for name in newly for problem in refused[name]]
        except SettingsError as error:
            problems = list(error.problems)
        except MappingError as error:
            problems = list(error.faults)
        if not problems:
            return service
        log("configuration_refused", problems=problems)
        return None

    def _was_read(self, running: Service) -> None:
        self.changed(running)
        self._watch.was_read()

    def _files(self) -> Iterator[Path]:
        yield config_path(self.config)
        # Also those of a municipality that was refused, as a missing file may come.
        yield from named_files(self.config)
        if self._running is not None:
            yield from (tenant.mapping_file for tenant in self._running.settings.tenants.values())


async def run_until_stopped(
    service: Service, reloader: Reloader, stop: asyncio.Event, *, replaced: Callable[[Service], None] = lambda _: None
) -> None:
    """Run the service, and its successors, until ``stop`` is set; ``replaced`` is called with each
    successor. Closes the vendors of each, but not the database, which the caller opened."""
    if hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.ask)
    await tell_unattended(service)
    while True:
        successor = await _run_until_replaced(service, reloader, stop)
        await service.close_vendors()
        if successor is None:
            return
        await take_over(service, successor)
        service = successor
        replaced(service)


async def _run_until_replaced(service: Service, reloader: Reloader, stop: asyncio.Event) -> Service | None:
    """Run one service; returns its successor, or None when ``stop`` was set."""
    ended = asyncio.Event()
    running = asyncio.create_task(jobs.run_forever(service.runtime, ended))
    stopping = asyncio.create_task(stop.wait())
    replaced = asyncio.create_task(reloader.next(service))
    try:
        await asyncio.wait({running, stopping, replaced}, return_when=asyncio.FIRST_COMPLETED)
        ended.set()
        await running
        return replaced.result() if replaced.done() and not stop.is_set() else None
    finally:
        for task in (stopping, replaced):
            task.cancel()
        await asyncio.gather(stopping, replaced, return_exceptions=True)


async def take_over(before: Service, after: Service) -> None:
    """What new settings mean for what is there: parked acts of a changed municipality get another chance, and its open
    cases are looked at again, a few at a time."""
    logs = after.settings.logs
    secrets = (*before.settings.secrets(), *after.settings.secrets())
    if before.settings.logs != logs or before.settings.secrets() != after.settings.secrets():
        configure_logging(logs.level, json=logs.as_json(sys.stdout.isatty()), stream=sys.stdout, secrets=secrets)
    changed = [name for name in after.tenants if name in before.tenants and _differs(before, after, name)]
    rt = after.runtime
    now = rt.clock.now()
    id = f"reload-{now:%Y%m%dT%H%M%S}"
    request = {"id": id, "scope": "open", "mode": "apply", "who": "adapter", "why": "settings or mapping changed"}

    def look_again(c: Connection) -> int:
        if changed:
            requests.take(c, changed, id, "resync", request, now)
        return sum(outbox.release_parked(c, name, now) for name in changed)

    try:
        released = await rt.db.run(look_again)
    except StoreError as error:  # the settings are in use all the same; the daily reading of all cases does the rest
        log("store_unavailable", error=error, retry_seconds=None)
        released = 0
    log(
        "configuration_reloaded",
        changed=", ".join(changed),
        added=", ".join(sorted(after.tenants.keys() - before.tenants.keys())),
        removed=", ".join(sorted(before.tenants.keys() - after.tenants.keys())),
        released=released,
    )
    tell_refused(after)
    await tell_unattended(after)


def _differs(before: Service, after: Service, name: str) -> bool:
    one, other = before.tenants[name], after.tenants[name]
    return one.settings != other.settings or one.mapping != other.mapping


def tell_refused(service: Service) -> None:
    """Log each municipality that isn't served because its settings or mapping can't be used."""
    for name, problems in service.runtime.refused.items():
        with log_context(tenant=name):
            log("tenant_refused", problems=list(problems))


async def tell_unattended(service: Service) -> None:
    """Log that nobody looks after the open cases of municipalities that aren't served."""
    try:
        found = await service.runtime.db.run(lambda c: unattended(c, list(service.tenants)))
    except StoreError:
        return  # the jobs say that the store is away
    if found:
        log("tenant_unattended", tenants=", ".join(found), cases=sum(found.values()))
