"""What the HTTP side needs from the rest: the engine's runtime, the settings, words and paper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from adapter.engine.runtime import Runtime
from adapter.ops.error_log import ErrorLog
from adapter.ops.rate_limits import Limits
from adapter.ops.unsafe_supervision import SafetyChecks
from adapter.ops.vendor_calls import VendorCalls
from adapter.ops.watchdog import Watchdog
from adapter.presentation.case_summary import OpenCases
from adapter.presentation.printing import Printer
from adapter.presentation.words import Words
from adapter.settings.model import OpsSettings


@dataclass(slots=True)
class OpsContext:
    """What one application serves. A reload makes a new one. ``printers`` and ``hook_secrets`` are by municipality; a
    municipality without a secret receives no hooks. The printed follow-up leaves out counts under
    ``suppress_below``."""

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
    """For how long the same metrics are answered again."""
    open_cases: OpenCases = field(default_factory=OpenCases)
    safety_checks: SafetyChecks = field(default_factory=SafetyChecks)

    @property
    def several(self) -> bool:
        """Whether pages must name the municipality. Those that aren't served count too."""
        return len(self.runtime.tenants) + len(self.runtime.refused) > 1

    def words_of(self, tenant: str | None = None) -> Words:
        """A municipality's words; without ``tenant`` those of the first one."""
        return (self.printers[tenant] if tenant is not None else next(iter(self.printers.values()))).words


def _context(request: Request) -> OpsContext:
    found: OpsContext = request.app.state.ops
    return found


Ops = Annotated[OpsContext, Depends(_context)]
"""The type of a route's parameter that takes the application's context."""
