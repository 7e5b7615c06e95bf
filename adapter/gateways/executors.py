"""One executor for all acts: it passes each act to the executor for its kind."""

from adapter.domain.ledger import VISIT_KINDS, Act, ActKind
from adapter.gateways.mails import MailExecutor
from adapter.gateways.notes import NoteExecutor
from adapter.gateways.platform import PlatformExecutor
from adapter.gateways.port_errors import as_port_errors
from adapter.gateways.visits import VisitExecutor
from adapter.ports import CaseContext, Effect, Failure, PortError
from connectors.http.client import writing_while


class Executors:
    """``Executor`` for every kind of act. Those of some kinds may raise what the connectors raise, ``WrongContent`` and
    ``PortError``."""

    def __init__(
        self, *, notes: NoteExecutor, platform: PlatformExecutor, mail: MailExecutor, visits: VisitExecutor
    ) -> None:
        self._platform = platform
        self._by_kind: dict[ActKind, NoteExecutor | MailExecutor | VisitExecutor] = {
            ActKind.MESSAGE: notes,
            ActKind.MAIL: mail,
            **dict.fromkeys(VISIT_KINDS, visits),
        }

    def vendor(self, act: Act) -> str:
        return self._by_kind.get(act.kind, self._platform).vendor

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        """See ``Executor``. Raises ``PortError`` (not sent) if the case doesn't allow the write (any more)."""
        if not case.may_write():
            reason = "its turn came too late; nothing was sent"
            raise PortError(Failure.NOT_SENT, reason, vendor=self.vendor(act))
        with as_port_errors(self.vendor(act)), writing_while(case.may_write):
            return await self._by_kind.get(act.kind, self._platform).perform(act, case)

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        with as_port_errors(self.vendor(act)):
            return await self._by_kind.get(act.kind, self._platform).find(act, case)

    async def observe(self, act: Act, case: CaseContext) -> Effect | None:
        """See ``Executor``. A message, mail or visit conflicts with nothing, so there is nothing to see."""
        with as_port_errors(self.vendor(act)):
            return None if act.kind in self._by_kind else await self._platform.observe(act, case)
