"""Plain text out of RTF, for notes whose ``PlainText`` is missing: words and line breaks, nothing else.

Only what a word processor writes around plain notes is known; a construct that isn't known loses its words rather than
turning into others, so that times are told back as unreadable and never read wrongly.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\"
)
_BREAKS = {"par": "\n", "line": "\n", "row": "\n", "tab": "\t", "cell": "\t"}
_SIGNS = {"emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022", "lquote": "\u2018", "rquote": "\u2019"}
_LITERAL = {"\\": "\\", "{": "{", "}": "}", "~": "\u00a0", "_": "-", "\n": "\n", "\r": "\n"}
_HIDDEN = frozenset(
    ("fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "generator", "listtable")
)


def is_rtf(text: str) -> bool:
    return text.lstrip().startswith("{\\rtf")


def plain_text(rtf: str) -> str:
    """The words of an RTF document. ``\\'hh`` is Windows-1252, ``\\uN`` a UTF-16 unit with ``\\ucN`` stand-ins."""
    out: list[str] = []
    stack: list[tuple[bool, int]] = []
    hidden, stand_ins, skip = False, 1, 0
    for token in _TOKEN.finditer(rtf):
        word, number, code, symbol, brace, text = token.groups()
        if brace == "{":
            stack.append((hidden, stand_ins))
            skip = 0
        elif brace == "}":
            hidden, stand_ins = stack.pop() if stack else (hidden, stand_ins)
            skip = 0
        elif symbol == "*" or word in _HIDDEN:
            hidden = True
        elif word == "uc":
            stand_ins = int(number or 1)
        elif hidden:
            continue
        elif word == "u":
            out.append(_unit(int(number or 63)))
            skip = stand_ins
        elif code:
            if skip:
                skip -= 1
            else:
                out.append(bytes.fromhex(code).decode("cp1252", errors="replace"))
        elif text:
            out.append(text[skip:])
            skip = max(0, skip - len(text))
        elif word or symbol:
            out.append(_BREAKS.get(word or "", _SIGNS.get(word or "", _LITERAL.get(symbol or "", ""))))
    joined = "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.strip()


def _unit(number: int) -> str:
    """RTF's numbers are signed 16-bit units; some writers give the whole code point."""
    return chr(number) if 0 <= number < 0x110000 else chr(number % 65536)
