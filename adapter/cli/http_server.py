"""The HTTP server and the watchdog beside the running service."""

import asyncio
import logging
from importlib.metadata import version

from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.bootstrap import Outside, Service
from adapter.engine.runtime import Clock
from adapter.log_events import log
from adapter.ops.app import create_app, serve
from adapter.ops.context import OpsContext
from adapter.ops.error_log import ErrorLog
from adapter.ops.rate_limits import Limits
from adapter.ops.vendor_calls import VendorCalls
from adapter.ops.watchdog import Watchdog
from adapter.settings.model import Settings


class HttpServer:
    """Counts the vendors' calls and the log's errors, keeps the watchdog fed, and serves health, metrics, webhook and
    status page where the settings say so. The service is to be built with ``outside``. It stays through a reload:
    ``use`` gives it the new service."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.ops
        self.calls = VendorCalls(Clock().now)
        self.errors = ErrorLog(Clock().now)
        logging.getLogger("adapter").addHandler(self.errors)
        self.watchdog = Watchdog(hang_seconds=settings.ops.hang_seconds)
        self.limits = Limits(Clock().now)
        self.outside = Outside(calls=self.calls.of, beat=self.watchdog.beat)
        self.ops: OpsContext | None = None
        self._app: ASGIApp | None = None

    def use(self, service: Service) -> None:
        """From now on show and serve this service."""
        self.errors.forget("configuration_refused")
        if not self.settings.enabled:
            return
        self.ops = OpsContext(
            runtime=service.runtime,
            settings=service.settings.ops,
            printers=service.printers,
            calls=self.calls,
            errors=self.errors,
            watchdog=self.watchdog,
            limits=self.limits,
            version=version("trygghetskamera-adapter"),
            hook_secrets=_hook_secrets(service),
            suppress_below=service.settings.followup.suppress_below,
        )
        self._app = create_app(self.ops)

    async def run(self, service: Service, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set. An error here is logged and doesn't stop the service."""
        try:
            jobs = [self.watchdog.run(stop)]
            if self.settings.enabled:
                self.use(service)
                jobs.append(serve(self._answer, self.settings, stop))
            await asyncio.gather(*jobs)
        except Exception as error:  # noqa: BLE001  # looking at the service must never end it
            log("job_failed", job="http", error=error)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the present service's application."""
        assert self._app is not None
        await self._app(scope, receive, send)


def _hook_secrets(service: Service) -> dict[str, bytes]:
    found = {name: parts.settings.lifecare.hook_secret.get_secret_value() for name, parts in service.tenants.items()}
    return {name: secret.encode() for name, secret in found.items() if secret}
