"""Plain text out of RTF, for notes without ``PlainText``: the words that a reader sees, and line breaks.

It knows only what word processors write around plain notes. A construct that it doesn't know loses its words and never
becomes other words. So times may be refused as unreadable, but are never misread.
"""

import re
from dataclasses import dataclass, replace

_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\"
)
_BREAKS = {
    **dict.fromkeys(("par", "line", "row", "nestrow", "sect", "page", "column", "softline"), "\n"),
    **dict.fromkeys(("tab", "cell", "nestcell"), "\t"),
}
_SIGNS = {
    "emdash": "\u2014",
    "endash": "\u2013",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "ltrmark": "\u200e",
    "rtlmark": "\u200f",
}
_LITERAL = {"\\": "\\", "{": "{", "}": "}", "~": "\u00a0", "_": "\u2011", "-": "\u00ad", "\n": "\n", "\r": "\n"}
_ASIDE = frozenset(
    ("fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "generator", "listtable", "listoverridetable")
)
_MARGINS = re.compile("header[lrf]?|footer[lrf]?|footnote|annotation")
_UNSEEN = frozenset(("strike", "striked", "deleted", "v", "webhidden"))
"""From each of these on, words are struck out, deleted or hidden, until it is switched off (``\\strike0``) or
``\\plain``."""
_HAS_UNSEEN = re.compile(r"\\(?:strike|striked|deleted|v|webhidden)(?:[1-9]\d*)?(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class _Group:
    aside: bool = False
    unseen: frozenset[str] = frozenset()
    stand_ins: int = 1


def is_rtf(text: str) -> bool:
    return text.lstrip().startswith("{\\rtf")


def visible_text(text: str) -> str:
    """A note's text as a reader sees it, plain or RTF."""
    return plain_text(text) if is_rtf(text) else text


def has_unseen(rtf: str) -> bool:
    """Whether some words are shown as struck out, or aren't shown."""
    return bool(_HAS_UNSEEN.search(rtf))


def plain_text(rtf: str) -> str:
    """The words of an RTF document. ``\\'hh`` is Windows-1252, ``\\uN`` a UTF-16 unit with ``\\ucN`` stand-ins."""
    out: list[str] = []
    stack: list[_Group] = []
    now, skip, opened = _Group(), 0, False
    for token in _TOKEN.finditer(rtf):
        word, number, code, symbol, brace, text = token.groups()
        if brace == "{":
            stack.append(now)
            opened, skip = True, 0
        elif brace == "}":
            now, skip = stack.pop() if stack else now, 0
            if opened and not stack:
                break  # the document is over
        elif symbol == "*" or word in _ASIDE or _MARGINS.fullmatch(word or ""):
            now = replace(now, aside=True)
        elif word in _UNSEEN:
            now = replace(now, unseen=now.unseen - {word} if number == "0" else now.unseen | {word})
        elif word == "plain":
            now = replace(now, unseen=now.unseen & {"deleted"})
        elif word == "uc":
            now = replace(now, stand_ins=int(number or 1))
        elif now.aside or (now.unseen and word not in _BREAKS):
            continue
        elif word == "u":
            out.append(_unit(int(number or 63)))
            skip = now.stand_ins
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
    return joined.strip("\n\r ")


def _unit(number: int) -> str:
    """RTF's numbers are signed 16-bit units; some writers give the whole code point."""
    return chr(number) if 0 <= number < 0x110000 else chr(number % 65536)
