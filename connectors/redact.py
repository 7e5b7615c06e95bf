"""Takes personal identity numbers and secrets out of any text (P8, L3, L13). Pure, fast and idempotent.

A number that only looks like an identity number is hidden too. UUIDs, ISO 8601 timestamps, case references
(``TK-7F3K2M``) and integers with fewer than ten digits are kept.
"""

import re

REDACTED = "[redacted]"

_BEARER = re.compile(
    r"(?<![A-Za-z])(Bearer|Basic)(?:(?:\s|%20)+(?:Bearer|Basic))*(?:\s|%20)+[A-Za-z0-9._~+/=%-]{4,}", re.IGNORECASE
)

_VALUE = r"[^\s&\"'<>\[\]]+"
# Lifecare's key is sent as `key=` (L1). The other names are those of secrets in OAuth and gateways. An error about a
# setting with such a name ("token: is required") holds no value, so it is kept.
_SECRET = re.compile(
    r"((?:key|token|secret|password|signature)(?:=|%3D|%253D)"
    r"|(?:x-api-key|access_token|refresh_token|client_secret|password)[\"']?\s*:\s*[\"']?)"
    r"(?!is (?:required|empty|missing|unknown)\b|must be\b)" + _VALUE,
    re.IGNORECASE,
)

# A digit may stand before the number only as the end of a percent-encoded sign: q=PersonId%3D%2719900101TF03%27.
_START = r"(?:(?<![0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2}))"
_LAST4 = r"(?:[0-9]{4}(?![0-9])|(?=[A-Za-z]*[0-9])[0-9A-Za-z]{4}(?![0-9A-Za-z])|[A-Z]{4}(?![0-9A-Za-z]))"
_DASH = r"(?:[-+\u2010-\u2015\u2212]|%(?:25)?2[BbDd])"
# Day of month, or with 60 added (a coordination number).
_MONTH_DAY = r"(?:0[0-9]|1[0-2])(?:[0-3][0-9]|[6-9][0-9])"
_NUMBER = re.compile(
    # first what must be kept, so that no part of it counts as an identity number
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
    """The same text without identity numbers, bearer tokens and values of ``key=``. An identity number has twelve or
    ten characters, with a hyphen or not. The last four may be letters (test persons), and the text may be
    percent-encoded."""
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    text = _SECRET.sub(rf"\1{REDACTED}", text)
    return _NUMBER.sub(lambda found: found["keep"] or REDACTED, text)
