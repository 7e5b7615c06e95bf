"""Makes one line that may be shown to a person from a vendor's error body of any shape (L9)."""

import html
import json
import re
import unicodedata
from collections.abc import Collection
from typing import Any

from connectors.redact import REDACTED, redact

LONGEST = 200
_READ_AT_MOST = 65_536
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
# A run of signs between white space and ASCII punctuation. An accent doesn't split a word.
_RUN = re.compile(r"[^\s!-/:-@\[-`{-~]+")
_PARTS = re.compile(r"[A-ZÅÄÖ]?[a-zåäö]+|[A-ZÅÄÖ]+(?![a-zåäö])")
_GAPS = re.compile(r"[+#]?…(?:[\s+@.,'\"#/()-]*…)+|[+#]…")
# The words, in lower case, that errors, vendors, formats and names of fields are made of.
_ERROR_WORDS = """
a about absence absences accepted access action actions active address administration after aktiv all allowed already
an and anrop answer any api application apply argument array asp assignment at attempt autentisering auth
authentication authorization available bad bare be bearer because been before begin behörighet between body bool
boolean both bristande but by ca call can cannot category certificate chain changed character characters check client
closed code codes collection compatible conflict connect connection contact contain contains content convert could
create created currently database date datetime decision decisions decode delete deleted den denied denna depth
describe det disabled do document does domain down duplicate during each edit either ej eller else employee empty en
enabled end ended entity error errors esmtp etag ett every exceeded exception execution exist existing exists expected
expired expression external failed failure fel felaktig field fields filter final finns follow following for forbidden
format found from full fält för försök gateway get giltig giltigt given gone grant greater group guid had handled
handler har has have header headline history host hostname how http https i id identifier identity if implemented in
inactive index ingen inget ingår inom input instead int inte integer intended internal interval intervals into invalid
invalidated ip is iso issuer it item its json kan key kind kl klient kod kunde larger last length less letter licensed
lifecare limit limited line list local location locked login long longer lost lösenord made mail mailbox malformed
many mark match maximum may med meddelande media memory message method mismatch missing model modelstate module more
mssql must my name names nekad net new next night nights no none not note now null number nyckel oauth object occurred
och of off offline offset ogiltig ogiltiga ogiltigt oj older om on one only operation operations operator option
options or order orders organisation organisationid organization other out over overload oväntat own page parameter
parameters parse parsed part patch path pause paused payload permission permitted person persons phone phoniro please
policy position post precondition present prevented problem process processed processing properties property protected
provider proxy purpose put query rate read reason received recipient record redacted redan reference refused register
rejected relay remove removed report request requests required requires resource resources response responses result
resume retry returned revoked right rights role root row rule rules saknar saknas same save schedule schedules schema
scheme scope secret security see self senare send sender sent server servers service session set shape should
signature signed since size smtp so some source specified spärrad sql start starttls state status stopped stored
string stängd such supervision supported svar system systemet taken task temporarily temporary tenant term text than
that the their them then there these they this till tillfälligt tillåten time timed timeout times title tls to token
tom too transaction try two type types unable unauthorized unavailable under understood unexpected unique unit unknown
unprocessable unsupported until up update updated upstream uri url used user username utc utf uuid valid validation
value values verify version via wait waiting was we weak were when which while who will with within without write
wrong yet you your zone är åtkomst
"""
_KNOWN = frozenset(_ERROR_WORDS.split())
# ASP.NET's Message, RFC 9457's title and detail, RFC 6749's error.
_MESSAGE_FIELDS = ("Message", "message", "title", "detail", "error", "error_description")
# The names of the wrong fields are kept. The texts about them are dropped, because they quote values.
_PER_FIELD = ("ModelState", "errors")


def message_of(body: bytes, secrets: Collection[str] = ()) -> str:
    """At most 200 characters, redacted, without the ``secrets``: ASP.NET's ``{"Message"}``, a bare JSON string, an RFC
    9457 problem, an OAuth error, an HTML page or nothing at all."""
    text = body[:_READ_AT_MOST].decode("utf-8-sig", errors="replace").strip()
    if not text:
        return "no message"
    message = _message(text)
    for secret in filter(None, secrets):
        message = message.replace(secret, REDACTED)
    return one_line(message) or "no message"


def one_line(text: str) -> str:
    """Only the known words of errors and names of fields, on one line of at most 200 characters.

    Everything else, also every digit, is left out. A vendor's free text may hold names, streets, numbers and door codes
    in any script and spelling, and no list knows them all (P8).
    """
    printable = "".join(sign if sign.isprintable() else " " for sign in unicodedata.normalize("NFC", redact(text)))
    known = _RUN.sub(lambda run: run[0] if _known(run[0]) else "…", printable)
    line = _GAPS.sub("…", " ".join(known.split()))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def fields_of(body: bytes) -> tuple[str, ...]:
    """The names of the wrong fields, if the body lists them."""
    try:
        document = json.loads(body[:_READ_AT_MOST])
    except (ValueError, RecursionError):
        return ()
    return tuple(map(one_line, _fields(document))) if isinstance(document, dict) else ()


def _known(run: str) -> bool:
    parts = _PARTS.findall(run)
    return "".join(parts) == run and all(part.lower() in _KNOWN for part in parts)


def _message(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return html.unescape(_MARKUP.sub(" ", text))
    if isinstance(document, str):
        return document
    if isinstance(document, dict):
        return _message_in(document)
    return "an error body of unknown shape"


def _message_in(document: dict[str, Any]) -> str:
    parts = [document[name] for name in _MESSAGE_FIELDS if isinstance(document.get(name), str)]
    if fields := _fields(document):
        parts.append("fields: " + ", ".join(fields))
    return " ".join(dict.fromkeys(parts)) or "an error body of unknown shape"


def _fields(document: dict[str, Any]) -> list[str]:
    return [field for name in _PER_FIELD if isinstance(document.get(name), dict) for field in document[name]][:20]
