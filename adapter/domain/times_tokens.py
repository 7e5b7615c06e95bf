"""The words and signs that a note about times may hold, and how its text is cut into them (``docs/nights.md``)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from adapter.domain.nights import TimesProblem, Weekday


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ABBREVIATIONS = ("mån månd", "tis tisd", "ons onsd", "tor tors torsd", "fre fred", "lör lörd", "sön sönd")
WEEKDAYS = {
    form: day
    for day, short in zip(Weekday, _ABBREVIATIONS, strict=True)
    for form in (*short.split(), *(day.swedish + ending for ending in ("", "en", "ar", "arna")))
}
CLOCK = {"kl", "klockan"}
AND = {"och", "samt"}
EVERY = {"alla", "varje", "samtliga"}
ANY_NIGHT = _words("natt nätter nätterna dygn dag dagar dagarna kväll kvällar veckodag veckodagar")
ONE_NIGHT = {"natt", "natten"}
HARMLESS = ONE_NIGHT | _words(
    "nätter nätterna tid tider tiden tiderna tillsyn tillsyner tillsynen tillsynstid tillsynstider "
    "nattillsyn nattillsyner nattillsynen nattillsynstider kameratillsyn kameratillsyner via trygghetskamera "
    "överenskommen överenskommet överenskomna avtalad avtalade ny nya samma är för"
)
VAGUE = _words(
    "vardag vardagar vardagen vardagarna vardagsnätter arbetsdag arbetsdagar helg helger helgen helgerna "
    "helgdag helgdagar helgnätter veckoslut"
)

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
_TOKEN = re.compile(
    r"(?P<number>[0-9]+(?:[.:,][0-9]+)*)|(?P<word>[^\W\d_]+)|(?P<dash>[-‐‑‒–—―−])|(?P<stop>\.)"
    r"|(?P<break>[;\n])|(?P<comma>[,&])|(?P<colon>:)|(?P<bullet>[•·*◦▪‣●])|(?P<space>\s+?)|(?P<other>.)"
)
TIME = re.compile(r"([0-9]{1,2})[.:]([0-5][0-9])")
HOUR = re.compile(r"[0-9]{1,2}")
DATE = re.compile(r"[0-9]{1,2}\.(?:0[1-9]|1[0-2])")
ECHO = 5
"""A longer number can be a telephone or personal identity number and is not repeated (P8)."""


class RefusedError(Exception):
    """The text is refused; never leaves ``parse_times``."""

    def __init__(self, problem: TimesProblem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def refuse(code: str, **params: str) -> NoReturn:
    """Give up the text; ``parse_times`` turns this into its answer."""
    raise RefusedError(TimesProblem(code, params))


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text in lower case, with its line and the word of that line that it is part of (from 1)."""

    kind: str
    text: str
    line: str
    word: str
    glued: bool
    """Nothing stands between it and the token before."""

    def refuse(self, code: str, **params: str) -> NoReturn:
        """Refuse the text because of this token, saying on which line."""
        refuse(code, line=self.line, **params)

    def refuse_place(self, code: str) -> NoReturn:
        """Refuse without repeating the token, which may be free text: by line and word."""
        refuse(code, line=self.line, word=self.word)


END = Token("break", "", "0", "0", glued=False)


def tokens(text: str) -> Iterator[Token]:
    """Cut the text into numbers, words, signs and breaks; every line ends with a break. Raises ``RefusedError``."""
    clean = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    before = END
    for number, line in enumerate(clean.splitlines(), 1):
        glued = False
        for match in _TOKEN.finditer(line + "\n"):
            kind, raw = str(match.lastgroup), match.group().casefold()
            if kind == "space":
                glued = False
                continue
            place = str(len(line[: match.start() + 1].split()))
            if kind == "stop":
                # After a word it marks an abbreviation, after a number it ends the sentence.
                if not glued or before.kind not in ("word", "number"):
                    refuse("unknown_sign", line=str(number), word=place)
                if before.kind == "word":
                    glued = True
                    continue
                kind = "break"
            before = Token(kind, raw, str(number), place, glued)
            yield before
            glued = True
