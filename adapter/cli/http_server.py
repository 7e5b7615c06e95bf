"""The HTTP server and the watchdog beside the running service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from importlib.metadata import version

from adapter.bootstrap import Outside, Service
from adapter.cli.documents import gather_document, print_document, role_guide
from adapter.engine.environment import Clock
from adapter.log_events import log
from adapter.ops.app import serve
from adapter.ops.context import Document, OpsContext
from adapter.ops.error_log import ErrorLog
from adapter.ops.poller import Poller
from adapter.ops.vendor_calls import VendorCalls
from adapter.ops.watchdog import Watchdog
from adapter.presentation.guide import Guide
from adapter.settings import Settings


class HttpServer:
    """Counts the vendors' calls and the log's errors, keeps the watchdog fed, and serves health, metrics, webhook and
    status page where the settings say so. The service is to be built with ``outside``. It outlives a reload: ``use``
    hands it the service that replaced the one before."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.ops
        self.calls = VendorCalls(Clock().now)
        self.errors = ErrorLog(Clock().now)
        logging.getLogger("adapter").addHandler(self.errors)
        self.watchdog = Watchdog(hang_seconds=settings.ops.hang_seconds)
        self.outside = Outside(calls=self.calls.of, beat=self.watchdog.beat)
        self._service: Service | None = None
        self._ops: OpsContext | None = None
        self._poller: Poller | None = None

    def use(self, service: Service) -> None:
        """From now on show and serve this service."""
        self._service = service
        self.errors.forget("configuration_refused")
        if self._ops is not None:
            self._ops.runtime = service.runtime
            self._ops.words = service.words
            self._ops.hook_secrets = _hook_secrets(service)
            self._ops.suppress_below = service.settings.followup.suppress_below
        if self._poller is not None:
            self._poller.rt = service.runtime

    async def run(self, service: Service, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Whatever goes wrong here is told and costs the service nothing."""
        try:
            await self._run(service, stop)
        except Exception as error:  # noqa: BLE001  # looking at the service must never end it
            log("job_failed", job="http", error=error)

    async def _run(self, service: Service, stop: asyncio.Event) -> None:
        self._service = service
        poller = self._poller = Poller(service.runtime)
        self._ops = OpsContext(
            runtime=service.runtime,
            settings=self.settings,
            words=service.words,
            calls=self.calls,
            errors=self.errors,
            watchdog=self.watchdog,
            version=version("trygghetskamera-adapter"),
            poll_soon=poller.soon,
            hook_secrets=_hook_secrets(service),
            documents=self._document,
            paper=self._paper,
            guides=self._guide,
            suppress_below=service.settings.followup.suppress_below,
        )
        jobs = [self.watchdog.run(stop)]
        if self.settings.enabled:
            jobs += [serve(self._ops, stop), poller.run(stop)]
        await asyncio.gather(*jobs)

    async def _document(self, tenant: str, reference: str, kind: str) -> Document | None:
        service = self._service
        if service is None or tenant not in service.tenants:
            return None
        printed = await service.runtime.db.run(lambda c: gather_document(c, service, reference, kind))
        # Outside of the transaction and of the loop: it takes a moment.
        return None if printed is None else await asyncio.to_thread(printed)

    async def _paper(self, tenant: str, kind: str, data: Mapping[str, object], name: str) -> Document:
        assert self._service is not None
        return await asyncio.to_thread(print_document, self._service, tenant, kind, data, name)

    def _guide(self, tenant: str, role: str) -> Guide | None:
        return role_guide(self._service, tenant, role) if self._service else None


def _hook_secrets(service: Service) -> dict[str, bytes]:
    found = {name: parts.settings.lifecare.hook_secret.get_secret_value() for name, parts in service.tenants.items()}
    return {name: secret.encode() for name, secret in found.items() if secret}
