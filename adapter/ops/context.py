"""What the HTTP side is given: the engine's runtime, the settings, words and paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from adapter.engine.environment import Runtime
from adapter.ops.error_log import ErrorLog
from adapter.ops.request_limits import Limits
from adapter.ops.vendor_calls import VendorCalls
from adapter.ops.watchdog import Watchdog
from adapter.presentation.documents import Printer
from adapter.presentation.words import Words
from adapter.settings.model import OpsSettings


@dataclass(slots=True)
class OpsContext:
    """What one application serves; a reload makes another. ``printers`` and ``hook_secrets`` by municipality; one
    without a secret receives no hooks. Counts under ``suppress_below`` are left out of the printed follow-up."""

    runtime: Runtime
    settings: OpsSettings
    printers: Mapping[str, Printer]
    calls: VendorCalls
    errors: ErrorLog
    watchdog: Watchdog
    limits: Limits
    version: str
    hook_secrets: Mapping[str, bytes] = field(default_factory=dict)
    suppress_below: int = 0
    metrics_seconds: float = 5.0
    """How old the metrics may be that are told."""

    @property
    def several(self) -> bool:
        """Whether what is shown must say whose it is: of several municipalities one may be all that is served."""
        return len(self.runtime.tenants) + len(self.runtime.refused) > 1

    def words_of(self, tenant: str | None = None) -> Words:
        """A municipality's words; those of the first one for what concerns none."""
        return (self.printers[tenant] if tenant is not None else next(iter(self.printers.values()))).words


def _context(request: Request) -> OpsContext:
    found: OpsContext = request.app.state.ops
    return found


Ops = Annotated[OpsContext, Depends(_context)]
"""A route's parameter of this type is what its application serves."""
