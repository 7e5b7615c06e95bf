"""The executors as one: each act goes to the one that knows its kind."""

from __future__ import annotations

from adapter.domain.ledger import VISIT_KINDS, Act, ActKind
from adapter.ports import CaseContext, Effect, Executor, Failure, PortError
from connectors.http import writing_while


class Executors:
    """``Executor`` for every kind of act."""

    def __init__(self, *, notes: Executor, platform: Executor, mail: Executor, visits: Executor) -> None:
        self._notes, self._platform, self._mail, self._visits = notes, platform, mail, visits

    def of(self, act: Act) -> Executor:
        if act.kind in VISIT_KINDS:
            return self._visits
        return {ActKind.MESSAGE: self._notes, ActKind.MAIL: self._mail}.get(act.kind, self._platform)

    def vendor(self, act: Act) -> str:
        return self.of(act).vendor(act)

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        """Raises ``PortError`` (not sent), with nothing sent, once the case says that it may not be (any more)."""
        if not case.may_write():
            reason = "its turn came too late; nothing was sent"
            raise PortError(Failure.NOT_SENT, reason, vendor=self.vendor(act))
        with writing_while(case.may_write):
            return await self.of(act).perform(act, case)

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        return await self.of(act).find(act, case)

    async def observe(self, act: Act, case: CaseContext) -> Effect | None:
        return await self.of(act).observe(act, case)
