"""Takes personal identity numbers and secrets out of any text (P8, L3, L13). Pure, fast and idempotent.

It errs on the side of hiding: a number that only looks like an identity number goes as well. Left alone are UUIDs,
ISO 8601 timestamps, case references (``TK-7F3K2M``) and integers of fewer than ten digits.
"""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_BEARER = re.compile(
    r"(?<![A-Za-z])(Bearer|Basic)(?:(?:\s|%20)+(?:Bearer|Basic))*(?:\s|%20)+[A-Za-z0-9._~+/=%-]{4,}", re.IGNORECASE
)

_VALUE = r"[^\s&\"'<>\[\]]+"
# `key=` is how Lifecare is spoken to (L1); the others are the names under which OAuth and gateways carry secrets.
# What is said to be wrong with a setting of such a name is no value of it.
_SECRET = re.compile(
    r"((?:key|token|secret|password|signature)(?:=|%3D|%253D)"
    r"|(?:x-api-key|access_token|refresh_token|client_secret|password)[\"']?\s*:\s*[\"']?)"
    r"(?!is (?:required|empty|missing|unknown)\b|must be\b)" + _VALUE,
    re.IGNORECASE,
)

# A number may follow another one only as the tail of a percent-encoded sign: q=PersonId%3D%2719900101TF03%27.
_START = r"(?:(?<![0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2}))"
_LAST4 = r"(?:[0-9]{4}(?![0-9])|(?=[A-Za-z]*[0-9])[0-9A-Za-z]{4}(?![0-9A-Za-z])|[A-Z]{4}(?![0-9A-Za-z]))"
_DASH = r"(?:[-+\u2010-\u2015\u2212]|%(?:25)?2[BbDd])"
# Day of month, or with 60 added (a coordination number).
_MONTH_DAY = r"(?:0[0-9]|1[0-2])(?:[0-3][0-9]|[6-9][0-9])"
_NUMBER = re.compile(
    # first what must survive, so that no part of it is taken for an identity number
    r"(?P<keep>"
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}(?::|%3[Aa])[0-9]{2}(?:(?::|%3[Aa])[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?:(?:[-+]|%2[BbDd])[0-9]{2}(?::|%3[Aa])?[0-9]{2})?(?![0-9])"
    r"|(?<![0-9])[0-9]{8}T[0-9]{6}(?:[.,][0-9]{1,9})?(?:[-+][0-9]{2}:?[0-9]{2})?(?![0-9])"
    r")"
    rf"|{_START}(?:1[89]|20)[0-9]{{6}}(?:{_DASH}|[ \u00a0])?{_LAST4}"
    rf"|{_START}[0-9]{{2}}{_MONTH_DAY}{_DASH}{_LAST4}"
    rf"|{_START}[0-9]{{2}}{_MONTH_DAY}[0-9]{{4}}(?![0-9])"
)


def redact(text: str) -> str:
    """The same text with every identity number (twelve or ten characters, hyphenated or not, digits or the test
    persons' letters in the last four, also inside percent-encoded text), bearer token and ``key=`` value replaced."""
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    text = _SECRET.sub(rf"\1{REDACTED}", text)
    return _NUMBER.sub(lambda found: found["keep"] or REDACTED, text)
