"""Texts and numbers as they may stand in a vendor's row. What no database, URL or line of JSON can hold is refused, or
made visible, where it comes in: there it breaks its own row and no other (P6)."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import from_json

LONGEST_WORD: Final = 200
DEEPEST: Final = 32
"""Levels of a JSON document that are read; the deepest shape of any vendor's has five."""
VALUE_COST: Final = 100
"""What a value costs in memory at least, in bytes, beside its text."""
COSTLIEST: Final = 64 * 1024 * 1024
"""What a document may cost in memory, in bytes as ``cost`` reckons them."""

# What no text can hold that is to be stored: PostgreSQL takes no NUL, and half of a surrogate pair (a cut emoji) is no
# character at all.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_NO_VALUE = "\udc00"
"""Stands for a value that can't be had: no field takes it, so that its row is set aside if the field is one of ours."""
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{}]', re.DOTALL)
_LONGEST_NUMBER = 400

Word = Annotated[str, StringConstraints(max_length=LONGEST_WORD, pattern=r"^[^\x00]*$")]
"""An id, a code, a status: short, and without NUL or half a character."""
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""An id or a count, as a database's integers are."""
Prose = Annotated[
    str, BeforeValidator(lambda value: _UNUSABLE.sub("\ufffd", value) if isinstance(value, str) else value)
]
"""What somebody wrote: what can't be stored of it is shown as U+FFFD, and the rest counts."""


def word(value: object) -> str | None:
    """An id as text; None for what can't be one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    text = str(value)
    return None if len(text) > LONGEST_WORD or _UNUSABLE.search(text) else text


def cost(body: bytes) -> int:
    """About how many bytes of memory a JSON document takes at most, once it is read."""
    return len(body) + VALUE_COST * sum(map(body.count, (b",", b"[", b"{")))


def read_json(body: bytes) -> Any:
    """A JSON document. What is odd about one value (half of a surrogate pair, a byte that is no UTF-8, NaN, a number of
    thousands of digits, a depth without end) makes that value unusable, and no other. Raises ``ValueError``."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        text = body.decode(json.detect_encoding(body), "surrogateescape")
        return json.loads(_shallow(text), parse_int=_number, parse_constant=lambda _: _NO_VALUE)


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _NO_VALUE


def _shallow(text: str) -> str:
    """The document with an unusable value in place of each that lies too deep."""
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
