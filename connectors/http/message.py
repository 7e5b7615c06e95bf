"""A vendor's error body, of whatever shape, as one line that may be shown to a person (L9)."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from connectors.redact import redact

LONGEST = 200
_READ_AT_MOST = 65_536
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
# ASP.NET's Message, RFC 9457's title and detail, RFC 6749's error.
_TELLING = ("Message", "message", "title", "detail", "error", "error_description")
# Names of the fields at fault are kept, what is said of them is not: it quotes their values.
_PER_FIELD = ("ModelState", "errors")


def message_of(body: bytes) -> str:
    """At most 200 characters, redacted: ASP.NET's ``{"Message"}``, a bare JSON string, an RFC 9457 problem, an OAuth
    error, an HTML page or nothing at all."""
    text = body[:_READ_AT_MOST].decode("utf-8-sig", errors="replace").strip()
    if not text:
        return "no message"
    return one_line(_told(text)) or "no message"


def one_line(text: str) -> str:
    """Redacted, on one line, capped at 200 characters."""
    line = " ".join(redact("".join(sign if sign.isprintable() else " " for sign in text)).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


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
