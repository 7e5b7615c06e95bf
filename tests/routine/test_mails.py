"""Reminder, again, escalation, a case that needs a person: by mail, to a real SMTP server with STARTTLS and login."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from connectors.mail.client import MailClient, MailServer
from tests.world import ANNA, World


class Mailbox:
    """What the server took, with whether it came encrypted and from somebody who had logged in."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"adapter", b"en-hemlighet"))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert session.ssl is not None
        assert session.authenticated
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 taken"

    def to(self, box: str) -> list[str]:
        """Subjects of the mails to a mailbox."""
        return [m["Subject"] for m in self.taken if m["To"] == f"{box}@exempelkommun.example"]


@asynccontextmanager
async def mailed_world() -> AsyncIterator[tuple[World, Mailbox]]:
    """The world, whose mail goes over a socket."""
    box, ca = Mailbox(), trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("localhost").configure_cert(theirs)
    ca.configure_trust(ours)

    def protocol() -> SMTP:
        return SMTP(box, tls_context=theirs, require_starttls=True, auth_required=True, authenticator=box.authenticate)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with server, World(poll_seconds=43200, awaiting_minutes=1440) as world:
        world.mail = MailClient(  # type: ignore[assignment]  # the real sender in place of the one that only keeps
            MailServer(
                host="localhost",
                port=server.sockets[0].getsockname()[1],
                sender="trygghetskamera@exempelkommun.example",
                username="adapter",
                password="en-hemlighet",
                tls_context=ours,
            )
        )
        world.restart()
        yield world, box


async def test_a_late_step_is_reminded_of_again_and_escalated_and_never_with_anything_personal() -> None:
    async with mailed_world() as (world, box):
        world.person()
        world.order()
        await world.pass_time(days=16)
        late = [s for s in box.to("samordning") if s.endswith("tider för tillsyn")]
        assert [s.partition(" i ärende")[0] for s in late] == ["Påminnelse", "Påminnelse igen"]
        assert [s for s in box.to("enhetschef") if s.endswith("tider för tillsyn")]
        ref = (await world.case()).ref
        for mail in box.taken:
            assert ref in mail["Subject"]
            assert ANNA not in mail.as_string()
            assert "Test" not in mail.get_content()


async def test_a_case_that_needs_a_person_says_so_once() -> None:
    async with mailed_world() as (world, box):
        world.person()
        world.lifecare.protect(ANNA, "invisible")
        world.order()
        await world.pass_time(days=2)
        (subject,) = [s for s in box.to("samordning") if "behöver din hjälp" in s]
        assert (await world.case()).ref in subject
        assert world.notes() == []
