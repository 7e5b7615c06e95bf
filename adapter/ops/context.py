"""What the HTTP side is given: the engine's runtime, the settings, the words, and what other rooms can tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from adapter.domain.decision import Attention, StepView
from adapter.domain.ledger import Act, ActKind
from adapter.engine.runtime import Runtime
from adapter.ops.calls import VendorCalls
from adapter.ops.pulse import Pulse
from adapter.settings import OpsSettings
from adapter.store.held import Held


class Words(Protocol):
    """Codes in the words that people read, and instants in a municipality's own time."""

    def say(self, section: str, code: str, /, **params: object) -> str: ...

    def heading(self, code: str, /, **params: object) -> str: ...

    def when(self, instant: datetime | None) -> str: ...

    def day(self, day: date | None) -> str: ...

    def role(self, code: str) -> str: ...

    def step_detail(self, view: StepView) -> str: ...

    def late(self, level: int) -> str: ...

    def act(self, kind: ActKind, what: Mapping[str, object]) -> str: ...

    def act_state(self, act: Act) -> str: ...

    def why(self, code: str) -> str: ...

    def attention(self, notice: Attention) -> str: ...

    def held(self, order: Held) -> str: ...


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether calls to a vendor are held back for the moment, and since when (UTC)."""

    tenant: str
    vendor: str
    open: bool
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file to download; ``name`` is ASCII."""

    name: str
    media_type: str
    content: bytes


DOCUMENTS = ("bilaga-1", "checklista")
"""What can be downloaded of a case: bilaga 1, and the checklist of the installation visit."""

Documents = Callable[[str, str, str], Awaitable[Document | None]]
"""``documents(tenant, reference, kind)``, ``kind`` one of ``DOCUMENTS``; None where it can't be made (yet)."""


def _no_breakers() -> Sequence[Breaker]:
    return ()


@dataclass(slots=True)
class OpsContext:
    """``words`` and ``hook_secrets`` by municipality; one without a secret receives no hooks. ``poll_soon`` has a
    municipality's feeds read out of turn. ``runtime``, ``words`` and ``hook_secrets`` are replaced when changed
    settings are put to use: whoever needs one asks for it each time."""

    runtime: Runtime
    settings: OpsSettings
    words: Mapping[str, Words]
    calls: VendorCalls
    pulse: Pulse
    version: str
    poll_soon: Callable[[str], None]
    hook_secrets: Mapping[str, bytes] = field(default_factory=dict)
    breakers: Callable[[], Sequence[Breaker]] = _no_breakers
    documents: Documents | None = None

    @property
    def several(self) -> bool:
        """Whether what is shown must say whose it is: of several municipalities one may be all that is served."""
        return len(self.runtime.tenants) + len(self.runtime.refused) > 1

    def words_of(self, tenant: str | None = None) -> Words:
        """A municipality's words; those of the first one for what concerns none."""
        return self.words[tenant] if tenant is not None else next(iter(self.words.values()))
