"""Mail where there is no mail server: said in the log, and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from adapter.domain.ledger import Act
from adapter.log_events import log
from adapter.ports import CaseContext, Effect


class MailSender(Protocol):
    """Whoever takes mail; ``connectors.mail.client.MailClient`` in service."""

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None: ...

    async def check(self) -> None: ...


class NoMail:
    """``Executor`` for mail that nobody takes. The act counts as done: the log is where it was told."""

    def vendor(self, act: Act) -> str:
        return "mail"

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        log("mail_not_configured", act=act.key, role=act.what.get("to"), template=act.what.get("mail"))
        return Effect({"to": act.what.get("to"), "sent": False})

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        return None

    async def observe(self, act: Act, case: CaseContext) -> Effect | None:
        return None
