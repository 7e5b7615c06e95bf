"""Texts and numbers in a vendor's rows. A value that a database, a URL or JSON can't hold is refused or replaced as
soon as it is read, so that it breaks only its own row (P6)."""

import json
import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import from_json

LONGEST_WORD: Final = 200
DEEPEST: Final = 32
"""Levels of a JSON document that are read. The vendors' documents have at most five."""
VALUE_COST: Final = 100
"""The least memory that a value takes besides its text, in bytes."""
COSTLIEST: Final = 64 * 1024 * 1024
"""The most memory that a document may take, in bytes as ``cost`` estimates them."""

# Signs that can't be stored: PostgreSQL refuses a NUL, and half of a surrogate pair (a cut emoji) is no character.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_NO_VALUE = "\udc00"
"""Replaces an unusable value. No field of ours accepts it, so if the field is one of ours, the row counts as broken."""
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{}]', re.DOTALL)
_LONGEST_NUMBER = 400

Word = Annotated[str, StringConstraints(max_length=LONGEST_WORD, pattern=r"^[^\x00]*$")]
"""An id, a code or a status: short, and without a NUL."""
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""An id or a count that fits into a database's integer."""
Prose = Annotated[
    str, BeforeValidator(lambda value: _UNUSABLE.sub("\ufffd", value) if isinstance(value, str) else value)
]
"""Free text. Signs that can't be stored become U+FFFD."""


def word(value: object) -> str | None:
    """An id as text; None if the value can't be an id."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    text = str(value)
    return None if len(text) > LONGEST_WORD or _UNUSABLE.search(text) else text


def cost(body: bytes) -> int:
    """An estimate of the memory that a JSON document takes when it is read, in bytes."""
    return len(body) + VALUE_COST * sum(map(body.count, (b",", b"[", b"{")))


def read_json(body: bytes) -> Any:
    """Read a JSON document. If one value is odd (half of a surrogate pair, a byte that isn't UTF-8, NaN, a number with
    thousands of digits, endless depth), only that value becomes unusable. Raises ``ValueError``."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        text = body.decode(json.detect_encoding(body), "surrogateescape")
        return json.loads(_shallow(text), parse_int=_number, parse_constant=lambda _: _NO_VALUE)


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _NO_VALUE


def _shallow(text: str) -> str:
    """The document, in which values that are too deep are replaced by an unusable one."""
    kept: list[str] = []
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[begin : token.start()], json.dumps(_NO_VALUE)]
        elif token[0] in "]}":
            if depth == DEEPEST + 1:
                begin = token.end()
            depth -= 1
    if depth > DEEPEST:
        raise ValueError("the document is cut off")
    return "".join([*kept, text[begin:]])
