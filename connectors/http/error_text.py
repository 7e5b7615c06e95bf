"""A vendor's error body, of whatever shape, as one line that may be shown to a person (L9)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection
from typing import Any

from connectors.redact import REDACTED, redact

LONGEST = 200
_READ_AT_MOST = 65_536
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_PHONE = re.compile(r"(?<![\w-])(?:\+\d{1,3}[ -]?)?0?\d{1,4}[ -]\d{2,4}(?:[ -]?\d{2,4}){1,3}(?![\w-])")
_NAME = re.compile(r"(?<![\w])[A-ZÅÄÖÉÜ][\w'’-]*")
_FIELD = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*(?:Id|Ids|Code|Date|Number|Type|Status|Text|Unit|Reference|Key|Time)")
# In lower case: what errors, their vendors and their formats are called.
_ERROR_WORDS = """
a an all any api array asp at auth authentication authorization autentisering bad be bearer body bool boolean but can
cannot client conflict content could date datetime decision delete deleted det domain duplicate each either empty end
ended error errors esmtp etag every exception execution expected external failed felaktig field fields for forbidden
found gateway get gone guid header headline http https i id if in int integer internal invalid is it iso item its json
key kl lifecare limit limited mailbox malformed match media message method missing mssql must net no none not note null
oauth object of offset ogiltig oj on one only or order organisation organization page parameter patch path pause payload
permission person phoniro please post precondition problem provider put query rate recipient reference refused relay
request required resource resume row saknas schedule schema scope secret sender server service smtp sql start starttls
status string supervision taken term text that the there these this time timeout title tls to token too try type
unauthorized unavailable unexpected unit unknown unsupported updated uri url utc uuid valid validation value values
version we when with your
"""
_PLAIN = frozenset(_ERROR_WORDS.split())
# ASP.NET's Message, RFC 9457's title and detail, RFC 6749's error.
_TELLING = ("Message", "message", "title", "detail", "error", "error_description")
# Names of the fields at fault are kept, what is said of them is not: it quotes their values.
_PER_FIELD = ("ModelState", "errors")


def message_of(body: bytes, secrets: Collection[str] = ()) -> str:
    """At most 200 characters, redacted, without the ``secrets``: ASP.NET's ``{"Message"}``, a bare JSON string, an RFC
    9457 problem, an OAuth error, an HTML page or nothing at all."""
    text = body[:_READ_AT_MOST].decode("utf-8-sig", errors="replace").strip()
    if not text:
        return "no message"
    told = _told(text)
    for secret in filter(None, secrets):
        told = told.replace(secret, REDACTED)
    return one_line(told) or "no message"


def one_line(text: str) -> str:
    """Redacted, without what could be a name, on one line, capped at 200 characters."""
    line = " ".join(without_names(redact("".join(sign if sign.isprintable() else " " for sign in text))).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def without_names(text: str) -> str:
    """The text without words that begin with a capital, but for those that errors are made of and field names, and
    without telephone numbers: a vendor's free text names persons and streets (P8), and no list knows all of those."""
    return _NAME.sub(lambda word: word[0] if _harmless(word[0]) else "…", _PHONE.sub("…", text))


def _harmless(word: str) -> bool:
    return word.lower() in _PLAIN or _FIELD.fullmatch(word) is not None


def _told(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return html.unescape(_MARKUP.sub(" ", text))
    if isinstance(document, str):
        return document
    if isinstance(document, dict):
        return _told_by(document)
    return "an error body of unknown shape"


def _told_by(document: dict[str, Any]) -> str:
    parts = [document[name] for name in _TELLING if isinstance(document.get(name), str)]
    fields = [str(field) for name in _PER_FIELD if isinstance(document.get(name), dict) for field in document[name]]
    if fields:
        parts.append("fields: " + ", ".join(fields))
    return " ".join(dict.fromkeys(parts)) or "an error body of unknown shape"
