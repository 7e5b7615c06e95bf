"""The executors as one: each act goes to the one that knows its kind."""

from __future__ import annotations

from typing import Protocol

from adapter.domain.ledger import VISIT_KINDS, Act, ActKind
from adapter.gateways.platform import PlatformExecutor
from adapter.ports import CaseContext, Effect, Failure, PortError
from connectors.http.client import writing_while


class OfSomeKinds(Protocol):
    """Carries out acts of some kinds, as ``Executor`` does; ``vendor`` is whom it calls."""

    vendor: str

    async def perform(self, act: Act, case: CaseContext) -> Effect: ...

    async def find(self, act: Act, case: CaseContext) -> Effect | None: ...


class Executors:
    """``Executor`` for every kind of act."""

    def __init__(
        self, *, notes: OfSomeKinds, platform: PlatformExecutor, mail: OfSomeKinds, visits: OfSomeKinds
    ) -> None:
        self._platform = platform
        self._of: dict[ActKind, OfSomeKinds] = {
            ActKind.MESSAGE: notes,
            ActKind.MAIL: mail,
            **dict.fromkeys(VISIT_KINDS, visits),
        }

    def vendor(self, act: Act) -> str:
        return self._of.get(act.kind, self._platform).vendor

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        """Raises ``PortError`` (not sent), with nothing sent, once the case says that it may not be (any more)."""
        if not case.may_write():
            reason = "its turn came too late; nothing was sent"
            raise PortError(Failure.NOT_SENT, reason, vendor=self.vendor(act))
        with writing_while(case.may_write):
            return await self._of.get(act.kind, self._platform).perform(act, case)

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        return await self._of.get(act.kind, self._platform).find(act, case)

    async def observe(self, act: Act, case: CaseContext) -> Effect | None:
        """Of a message, mail or visit there is nothing to see: it conflicts with nothing."""
        return None if act.kind in self._of else await self._platform.observe(act, case)
