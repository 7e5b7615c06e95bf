"""Mail over SMTP with STARTTLS and login (RFC 5321, 3207, 4954): one functional mailbox per mail, plain text.

SMTP has no idempotency key, and a mail can't be looked up. This makes it as safe as it can be (P4):

- A failure before ``DATA``, or a refusal by the server, had no effect.
- A lost connection or a missing answer from ``DATA`` on is ``AmbiguousWrite``.
- The caller gives ``Message-ID`` and ``Date``, the same for each attempt at one act, and nothing in the message is
  random (no boundary, no generated id). So a mail sent again is the same, octet for octet. Mail systems with duplicate
  suppression (RFC 7352 and similar) drop it, and a reader sees that it is the same.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib

from connectors.errors import AmbiguousWrite, Refused, Transient, Unauthorised, VendorError
from connectors.http.client import GIVEN_UP, WAITED, OnCall
from connectors.http.error_text import one_line
from connectors.mail.tunnel import ProxyRefused, connected

VENDOR: Final = "mail"
Stage = Literal["connect", "MAIL", "RCPT", "DATA"]

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_LOGIN_NEEDED: Final = (530, 534, 535, 538)  # RFC 4954 section 6: the login is missing or not good enough
_MESSAGE_ID_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server, and the sender.

    ``sender`` is in ``From`` and in the envelope (bounces come back to it). With ``starttls`` (default) nothing is sent
    without TLS; the settings refuse a login without it. ``timeout`` is for each step, ``data_timeout`` for the answer
    to the text, both in seconds. RFC 5321 (4.5.3.2.6) asks for a long ``data_timeout``, because giving up there makes
    duplicates. ``tls_context`` is for a private CA, ``proxy`` the URL of an HTTP proxy, or empty.
    """

    host: str
    sender: str
    port: int = 587
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True
    timeout: float = 30.0
    data_timeout: float = 300.0
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str = field(default="", repr=False)


class MailClient:
    """Sends mail through one server, with a new connection for each mail."""

    def __init__(self, server: MailServer, *, on_call: OnCall | None = None) -> None:
        """``on_call`` is called for each mail, with ``send`` and the status of a refusal."""
        self._server = server
        self._on_call = on_call

    async def send(
        self, message_id: str, to: str, subject: str, body: str, *, date: datetime, reply_to: str | None = None
    ) -> None:
        """Hand one mail to the server. Returns when the server has accepted it.

        ``message_id`` (``<...@...>``) and ``date`` (aware) belong to the act, not to the attempt: see the module.
        ``to`` and ``reply_to`` (where answers go) are plain addresses.
        Raises ``Transient``, ``Unauthorised``, ``Refused`` (nothing was sent) or
        ``AmbiguousWrite`` (it may have been).
        """
        text = _compose(self._server.sender, message_id, to, subject, body, date, reply_to)
        began = time.monotonic()
        try:
            await self._hand_over(to, text)
        except VendorError as error:
            self._report(error.status, type(error).__name__, began)
            raise
        except asyncio.CancelledError:
            self._report(None, GIVEN_UP, began)
            raise
        self._report(None, "ok", began)

    def _report(self, status: int | None, outcome: str, began: float) -> None:
        seconds = time.monotonic() - began
        if self._on_call is not None and (outcome != GIVEN_UP or seconds >= WAITED):
            self._on_call(VENDOR, "send", status, outcome, seconds)

    async def _hand_over(self, to: str, text: bytes) -> None:
        async with self._session() as smtp:
            stage: Stage = "MAIL"
            try:
                await smtp.mail(self._server.sender)
                stage = "RCPT"
                await smtp.rcpt(to)
                stage = "DATA"
                await smtp.data(text, timeout=self._server.data_timeout)
            except (aiosmtplib.SMTPException, OSError) as error:
                raise self._mapped(error, stage) from None

    async def check(self) -> None:
        """Connect, start TLS and log in, without sending (for the check at start). Raises the same errors as
        ``send``."""
        async with self._session():
            pass

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiosmtplib.SMTP]:
        server = self._server
        try:
            sock = await connected(server.proxy, server.host, server.port, server.timeout) if server.proxy else None
        except OSError as error:
            why = str(error) if isinstance(error, ProxyRefused) else f"{type(error).__name__}: it can't be reached"
            reason = f"no connection through the proxy ({why}); nothing was sent"
            raise Transient(reason, vendor=VENDOR, call="connect") from None
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=None if sock else server.port,
            sock=sock,
            username=server.username,
            password=server.password,
            start_tls=server.starttls,
            timeout=server.timeout,
            tls_context=server.tls_context,
        )
        try:
            try:
                await smtp.connect()
            except (aiosmtplib.SMTPException, OSError) as error:
                raise self._mapped(error, "connect") from None
            yield smtp
            # The server has accepted the mail. A failing QUIT changes nothing, so it gets little time.
            with suppress(aiosmtplib.SMTPException, OSError):
                await smtp.quit(timeout=min(server.timeout, 5.0))
        finally:
            smtp.close()

    def _mapped(self, error: Exception, stage: Stage) -> VendorError:
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            error = error.recipients[0]
        if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code <= 599:
            return self._answered(error, stage)
        if stage == "DATA":
            return AmbiguousWrite(
                "the connection was lost, or the answer made no sense, after the text was sent. The mail may have been "
                "accepted. If it is sent again, it has the same Message-ID.",
                vendor=VENDOR,
                call=stage,
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = f"the server's certificate is not trusted ({error.verify_message}); check the host name and the CA"
            return Transient(reason, vendor=VENDOR, call=stage)
        if isinstance(error, aiosmtplib.SMTPException) and not isinstance(
            error, OSError | aiosmtplib.SMTPResponseException
        ):
            # The server lacks STARTTLS or AUTH, which the settings want. Nothing is sent in clear.
            return Refused(self._safe(error.message), vendor=VENDOR, call=stage)
        reason = f"no usable connection to the mail server ({_why_not(error)}); nothing was sent"
        return Transient(reason, vendor=VENDOR, call=stage)

    def _answered(self, error: aiosmtplib.SMTPResponseException, stage: Stage) -> VendorError:
        code, text = error.code, self._safe(error.message)
        if code < 500:
            return Transient(text, vendor=VENDOR, call=stage, status=code)
        if code in _LOGIN_NEEDED or isinstance(error, aiosmtplib.SMTPAuthenticationError):
            return Unauthorised(f"login not accepted: {text}", vendor=VENDOR, call=stage, status=code)
        return Refused(text, vendor=VENDOR, call=stage, status=code)

    def _safe(self, text: str) -> str:
        """The server's words, redacted and shortened, without the password."""
        if self._server.password:
            text = text.replace(self._server.password, "[redacted]")
        return one_line(text)


def _compose(
    sender: str, message_id: str, to: str, subject: str, body: str, date: datetime, reply_to: str | None
) -> bytes:
    """The mail as octets, the same for the same arguments. Raises ``Refused`` for a value that can't be in a header."""
    if not _MESSAGE_ID.fullmatch(message_id) or len(message_id) > _MESSAGE_ID_LIMIT:
        raise _refused("the Message-ID is not of the form <name@domain>")
    if not _ADDRESS.fullmatch(to):
        raise _refused("the address of the receiver is not a plain mail address (ASCII, name@domain)")
    if reply_to is not None and not _ADDRESS.fullmatch(reply_to):
        raise _refused("the address for answers is not a plain mail address (ASCII, name@domain)")
    if _CONTROL.search(subject):
        raise _refused("the subject has a line break or another control character")
    if date.tzinfo is None:
        raise _refused("the date has no time zone")
    message = EmailMessage(policy=SMTP_POLICY)
    for header, address in (("From", sender), ("To", to), ("Reply-To", reply_to)):
        if address is not None:
            local, _, domain = address.rpartition("@")
            message[header] = Address(username=local, domain=domain)
    message["Subject"] = subject
    message["Date"] = format_datetime(date.astimezone(UTC))
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    # Quoted-printable passes every server, with 8BITMIME or without, and stays readable.
    message.set_content(body, charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _why_not(error: Exception) -> str:
    match error.__cause__:
        case socket.gaierror():
            return "no such host: its name can't be looked up"
        case ConnectionRefusedError():
            return "it was refused: nothing listens there"
    return type(error).__name__


def _refused(reason: str) -> Refused:
    return Refused(f"{reason}; nothing was sent", vendor=VENDOR, call="compose")
