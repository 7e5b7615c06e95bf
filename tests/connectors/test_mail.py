"""The mail connector against a real SMTP server on a loopback port, with STARTTLS and login."""

import asyncio
import email
import email.policy
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from connectors.errors import AmbiguousWrite, Refused, Transient, Unauthorised, VendorError
from connectors.mail.client import MailClient, MailServer

AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
ID = "<TK-7F3K2M.07@adapter.example>"
TO = "larmgruppen@kommun.example"
PASSWORD = "en-hemlighet-4711"

Hook = Callable[[SMTP], Awaitable[str] | str]


class Server:
    """An SMTP server whose answers can be scripted: ``on["RCPT"]`` gives the answer to that command."""

    def __init__(self) -> None:
        self.on: dict[str, Hook] = {}
        self.taken: list[bytes] = []
        self.envelopes: list[tuple[str | None, list[str], bool]] = []
        self.logins: list[str] = []
        self.port = 0

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        good = data.password.decode() == PASSWORD
        return AuthResult(
            success=good, handled=False, message=None if good else f"535 5.7.8 no: {data.password.decode()}"
        )

    async def answer(self, command: str, server: SMTP, default: str) -> str:
        hook = self.on.get(command)
        if hook is None:
            return default
        answer = hook(server)
        return answer if isinstance(answer, str) else await answer

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self.answer("RCPT", server, "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos), session.ssl is not None))
        return await self.answer("DATA", server, "250 taken")

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self.answer("QUIT", server, "221 Bye")


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def _listening(server: Server, **kwargs: Any) -> AsyncIterator[Server]:
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: SMTP(server, hostname="mx.example", **kwargs), "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


@pytest.fixture
async def server(ca: trustme.CA) -> AsyncIterator[Server]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    server = Server()
    async with _listening(
        server, tls_context=tls, require_starttls=True, auth_required=True, authenticator=server.authenticate
    ):
        yield server


def _client(port: int, ca: trustme.CA | None, **changes: Any) -> MailClient:
    context = ssl.create_default_context()
    if ca is not None:
        ca.configure_trust(context)
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "sender": "adapter@kommun.example",
        "username": "adapter",
        "password": PASSWORD,
        "tls_context": context,
        "timeout": 5.0,
    }
    on_call = changes.pop("on_call", None)
    return MailClient(MailServer(**(settings | changes)), on_call=on_call)


async def _send(client: MailClient) -> None:
    text = "Ärendet väntar.\n.\n..punkt\n"
    await client.send(ID, TO, "Påminnelse TK-7F3K2M", text, date=AT, reply_to="it@kommun.example")


async def _failure(client: MailClient) -> VendorError:
    with pytest.raises(VendorError) as caught:
        await _send(client)
    assert caught.value.vendor == "mail"
    assert PASSWORD not in str(caught.value) + repr(caught.value)
    return caught.value


def _cut(server: SMTP) -> str:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()
    return "250 never seen"


async def _silence(server: SMTP) -> str:
    await asyncio.Event().wait()
    return "250 never seen"


async def test_a_mail_arrives_over_tls_after_login_as_it_was_written(server: Server, ca: trustme.CA) -> None:
    await _send(_client(server.port, ca))

    message = email.message_from_bytes(server.taken[0], policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert server.envelopes == [("adapter@kommun.example", [TO], True)]
    assert server.logins == ["adapter"]
    assert server.taken[0].isascii(), "a server without 8BITMIME could not take it"
    assert message["Subject"] == "Påminnelse TK-7F3K2M"
    assert message["Message-ID"] == ID
    assert message["Date"] == "Mon, 02 Mar 2026 07:30:00 +0000"
    assert (message["From"], message["To"]) == ("adapter@kommun.example", TO)
    assert message["Reply-To"] == "it@kommun.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == "Ärendet väntar.\n.\n..punkt\n"


async def test_a_mail_sent_again_is_the_same_octet_for_octet(server: Server, ca: trustme.CA) -> None:
    client = _client(server.port, ca)
    await _send(client)
    await _send(client)
    assert server.taken[0] == server.taken[1]


async def test_a_long_message_id_is_neither_encoded_nor_broken(server: Server, ca: trustme.CA) -> None:
    long = f"<{'x' * 120}@adapter.example>"
    await _client(server.port, ca).send(long, TO, "å" * 200, "", date=AT)
    assert email.message_from_bytes(server.taken[0], policy=email.policy.default)["Message-ID"].strip() == long
    assert long.encode() in server.taken[0]


async def test_a_wrong_password_is_unauthorised_and_is_never_repeated_in_the_error(
    server: Server, ca: trustme.CA
) -> None:
    wrong = "fel-hemlighet"
    with pytest.raises(Unauthorised) as caught:
        await _send(_client(server.port, ca, password=wrong))
    assert caught.value.status == 535
    assert wrong not in str(caught.value)
    assert server.taken == []


async def test_a_server_that_wants_a_login_and_gets_none_is_unauthorised(server: Server, ca: trustme.CA) -> None:
    error = await _failure(_client(server.port, ca, username=None, password=None))
    assert type(error) is Unauthorised


@pytest.mark.parametrize("login", [{}, {"username": None, "password": None}])
async def test_without_starttls_nothing_is_sent_and_no_login_is_tried(ca: trustme.CA, login: dict[str, Any]) -> None:
    """The server would take login and mail in clear."""
    plain = Server()
    async with _listening(plain, authenticator=plain.authenticate, auth_require_tls=False):
        error = await _failure(_client(plain.port, ca, **login))
        assert type(error) is Refused
        assert "STARTTLS" in str(error)
        assert (plain.logins, plain.taken) == ([], [])


async def test_a_relay_without_tls_can_be_used_when_the_setting_allows_it() -> None:
    async with _listening(Server()) as plain:
        await _send(_client(plain.port, None, username=None, password=None, starttls=False))
        assert plain.envelopes == [("adapter@kommun.example", [TO], False)]


async def test_an_untrusted_certificate_stops_before_the_login(server: Server) -> None:
    error = await _failure(_client(server.port, None))
    assert type(error) is Transient
    assert "certificate" in str(error)
    assert (server.logins, server.taken) == ([], [])


async def test_a_refused_connection_is_transient(unused_port: int) -> None:
    assert type(await _failure(_client(unused_port, None))) is Transient


@pytest.fixture
def unused_port() -> Iterator[int]:
    """It is bound but doesn't listen, so nobody else can take the port meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_a_server_that_never_greets_is_transient() -> None:
    done = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        done.set()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        assert type(await _failure(_client(port, None, timeout=0.05))) is Transient
        await done.wait()


@pytest.mark.parametrize(
    ("command", "answer", "kind", "status"),
    [
        ("RCPT", "451 4.7.1 greylisted", Transient, 451),
        ("RCPT", "550 5.1.1 no such mailbox", Refused, 550),
        ("DATA", "452 4.3.1 full", Transient, 452),
        ("DATA", "421 4.3.2 going down", Transient, 421),
        ("DATA", "554 5.6.0 refused", Refused, 554),
    ],
)
async def test_the_servers_answer_decides_whether_it_is_worth_another_try(
    server: Server, ca: trustme.CA, command: str, answer: str, kind: type[VendorError], status: int
) -> None:
    server.on[command] = lambda smtp: answer
    error = await _failure(_client(server.port, ca))
    assert (type(error), error.call, error.status) == (kind, command, status)


async def test_a_connection_cut_before_the_text_had_no_effect(server: Server, ca: trustme.CA) -> None:
    server.on["RCPT"] = _cut
    assert type(await _failure(_client(server.port, ca))) is Transient
    assert server.taken == []


@pytest.mark.parametrize("fate", [_cut, _silence, lambda smtp: "25", lambda smtp: "299 hm"])
async def test_an_answer_lost_after_the_text_is_unknown(server: Server, ca: trustme.CA, fate: Hook) -> None:
    server.on["DATA"] = fate
    assert type(await _failure(_client(server.port, ca, data_timeout=0.2))) is AmbiguousWrite
    assert len(server.taken) == 1


async def test_a_bad_good_bye_does_not_undo_a_mail_that_was_taken(server: Server, ca: trustme.CA) -> None:
    server.on["QUIT"] = _cut
    await _send(_client(server.port, ca))
    assert len(server.taken) == 1


async def test_each_mail_is_told_as_a_call_by_what_became_of_it(server: Server, ca: trustme.CA) -> None:
    told: list[tuple[str, str, int | None, str]] = []
    client = _client(server.port, ca, on_call=lambda *call: told.append(call[:4]))
    await _send(client)
    server.on["RCPT"] = lambda _: "550 5.1.1 no such mailbox"
    await _failure(client)
    server.on["RCPT"] = _cut
    await _failure(client)
    assert told == [
        ("mail", "send", None, "ok"),
        ("mail", "send", 550, "Refused"),
        ("mail", "send", None, "Transient"),
    ]


async def test_check_logs_in_and_sends_nothing(server: Server, ca: trustme.CA) -> None:
    await _client(server.port, ca).check()
    assert (server.logins, server.taken) == (["adapter"], [])


@pytest.mark.parametrize(
    "broken",
    [
        {"message_id": "<a@b>\r\nBcc: x@y.example"},
        {"message_id": "no brackets"},
        {"message_id": f"<{'x' * 300}@b>"},
        {"to": "a@b.example\nRCPT TO:<x@y.example>"},
        {"to": "a@b.example, c@d.example"},
        {"to": "Åsa@b.example"},
        {"subject": "hej\r\nBcc: x@y.example"},
        {"subject": "hej\u2028Bcc"},
        {"date": AT.replace(tzinfo=None)},
    ],
)
async def test_what_could_smuggle_in_a_header_is_refused_before_any_connection(
    unused_port: int, broken: dict[str, Any]
) -> None:
    good: dict[str, Any] = {"message_id": ID, "to": TO, "subject": "s", "body": "b", "date": AT}
    with pytest.raises(Refused, match="nothing was sent"):
        await _client(unused_port, None).send(**(good | broken))


def test_the_password_does_not_show() -> None:
    server = MailServer(host="mx.example", sender="a@b.example", username="u", password=PASSWORD)
    assert PASSWORD not in repr(server)
