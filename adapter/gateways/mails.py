"""Mail to functional mailboxes: reminders, escalations, cases that need a person."""

import re
from datetime import datetime
from typing import Protocol

from adapter.domain.ledger import Act
from adapter.log_events import log
from adapter.ports import CaseContext, Effect
from mappings.content import whole
from mappings.mapping import MunicipalMapping
from mappings.messages.render import render_mail
from mappings.texts import Texts

_UNSAFE = re.compile(r"[^a-z0-9]+")


class MailSender(Protocol):
    """Sends a mail. In service this is ``connectors.mail.client.MailClient``."""

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None: ...

    async def check(self) -> None: ...


class MailExecutor:
    """Carries out acts of kind ``mail``. The act's content is what the mail's template needs.

    It is safe to repeat: a mail can't be looked up, so one whose answer was lost is sent again with the same
    Message-ID, date and text (the act's own, not the attempt's). Mail systems drop the second one, or the reader sees
    that it is the same.
    """

    vendor = "mail"

    def __init__(self, client: MailSender | None, mapping: MunicipalMapping, domain: str, texts: Texts) -> None:
        """``domain`` is the sender's own, for the right-hand side of each Message-ID. Without a ``client`` a mail is
        only logged, and its act counts as done."""
        self._mail = client
        self._mapping = mapping
        self._domain = domain
        self._texts = texts

    def message_id(self, act: Act, case: CaseContext) -> str:
        """``<exempelkommun.tk-7f3k2m.07-k4qx@domain>``: an act always has the same one."""
        names = (_UNSAFE.sub("-", name.lower()).strip("-") for name in (case.tenant, case.reference, act.mark))
        return f"<{'.'.join(filter(None, names))}@{self._domain}>"

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        if self._mail is None:
            log("mail_not_configured", act=act.key, role=act.what.get("to"), template=act.what.get("mail"))
            return Effect({"to": act.what.get("to"), "sent": False})
        subject, body = render_mail(act.what, reference=case.reference, texts=self._texts)
        to = str(act.what["to"])
        box = self._mapping.mailbox(to, whole(act.what, "unit"))
        message_id = self.message_id(act, case)
        await self._mail.send(message_id, box, subject, body, date=act.created_at, reply_to=self._mapping.mailboxes.it)
        return Effect({"to": to, "mailbox": box, "message_id": message_id})

    async def find(self, _act: Act, _case: CaseContext) -> Effect | None:
        return None
