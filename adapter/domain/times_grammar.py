"""The grammar of a note about times (``docs/nights.md``): which texts are accepted. What they mean is in
``times_reading``.

Anything that the grammar doesn't name is refused. So it can be widened without risk for the texts it already accepts,
with one condition: each text must have only one derivation. The tests' corpus checks that.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from lark import Lark

from adapter.domain.nights import Weekday


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SHORT = ("mån månd", "tis tisd", "ons onsd", "tor tors torsd", "fre fred", "lör lörd", "sön sönd")
TWO_LETTERS = dict(zip(_words("må ti on to fr lö sö"), Weekday, strict=True))
"""``fr`` and ``to`` are also other words. They count only in a range or a row of such days."""
NAMES = frozenset({"tor", "fred"})
"""First names as well. They count only beside a day that is no name."""
WEEKDAYS = TWO_LETTERS | {
    form: day
    for day, short in zip(Weekday, _SHORT, strict=True)
    for form in (*short.split(), *(day.swedish + ending for ending in ("", "en", "ar", "arna")))
}
NUMBERS = {word: n for n, word in enumerate(_words("noll en två tre fyra fem sex sju åtta nio tio elva tolv"))} | {
    "ett": 1
}
MONTHS = {
    form: n
    for n, name in enumerate(
        _words("januari februari mars april maj juni juli augusti september oktober november december"), 1
    )
    for form in (name, name[:3], *(("sept",) if n == 9 else ()))
}
VAGUE = frozenset(
    _words(
        "vardag vardagar vardagen vardagarna vardagsnätter arbetsdag arbetsdagar helg helger helgen helgerna "
        "helgdag helgdagar helgnätter veckoslut"
    )
)
_FILL = _words(
    "tid tider tiden tiderna tillsyn tillsyner tillsynen tillsynerna tillsynstid tillsynstider e-tillsyn e-tillsyner "
    "nattillsyn nattillsyner nattillsynen nattillsynstid nattillsynstider kameratillsyn kameratillsyner"
)
_HEAD = _words(
    "via genom med trygghetskamera kamera kameran överenskommen överenskommet överenskomna avtalad avtalat avtalade "
    "bestämd bestämt bestämda ny nya nytt följande brukaren brukare den boende önskar vill ha får har är för gäller "
    "blir ska vara under om"
)
_NIGHT = _words("natt natten nätter nätterna nattetid")
_ANY = _words("natt nätter nätterna dygn dag dagar dagarna kväll kvällar veckodag veckodagar")

BLANK = " \t\u200b"
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u200e\u200f]+")
STRAY = "\ufeff"
"""Stands for invisible signs that stand alone. No text with it is accepted."""
_LINES = re.compile("\r\n|[\r\v\f\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_DASHES = re.compile("[\u00ad\u02d7\u058a\u05be\u1806\u2010-\u2015\u2043\u207b\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d]")
"""A soft hyphen counts as a dash: PDF files and word processors write it in place of one."""
_NAME = r"[A-ZÅÄÖÉ][a-zåäöéü]+(?:-[A-ZÅÄÖ][a-zåäöé]+)?"
_ROLE = (
    r"(?i:koordinator|samordnare|planerare|enhetschef|chef|undersköterska|usk|sjuksköterska|ssk|ec|biståndshandläggare"
    r"|handläggare|larmgruppen|hemtjänsten)"
)
_CLOSING = r"(?i:mvh|hälsningar|hälsar|(?:med )?vänliga? hälsning(?:ar)?|vid pennan|sign(?:erat)?)"
_SIGNATURE = re.compile(
    rf"(?:\s+/{{1,2}} ?|\n{_CLOSING}[ .,:/]*\n*)"
    rf"(?:{_NAME}(?: {_NAME}){{0,2}}|[A-ZÅÄÖ]{{2,3}})(?:,? ?\n?{_ROLE})?\.?\Z"
    rf"|\n{_NAME} {_NAME}(?:,? ?\n?{_ROLE})?\Z"
)
"""``/Anna``, ``Mvh Anna Berg, koordinator``, or first name and surname on a line of their own."""


def prepare(text: str) -> str:
    """The text with one kind of dash, line end and blank, without a signature at the end and without invisible signs
    within words. An invisible sign that stands alone stays, as it may have been a dash."""
    text = unicodedata.normalize("NFC", text)
    text = _DASHES.sub("-", _SPACES.sub("\t", _LINES.sub("\n", text)))
    text = _INVISIBLE.sub(_unseen, text)
    text = "\n".join(line.strip(BLANK) for line in text.split("\n")).rstrip("\n")
    signed = _SIGNATURE.search(text)
    return text[: signed.start()].rstrip() if signed and not _known_words(signed.group()) else text


def _unseen(found: re.Match[str]) -> str:
    """Within a word: nothing. At its edge: a blank. Alone: it stays."""
    before, after = found.string[: found.start()][-1:].strip(), found.string[found.end() :][:1].strip()
    return "" if before and after else "\u200b" if before or after else STRAY


def _known_words(text: str) -> bool:
    """A line that names nights or times, or takes something back, is no signature."""
    return not _NOT_A_NAME.isdisjoint(word.casefold() for word in re.findall(r"\w+", text))


_NOT_A_NAME = (
    frozenset(WEEKDAYS) - NAMES
    | VAGUE
    | set(_FILL) | set(_HEAD) | set(_NIGHT) | set(_ANY)
    | set(_words("ej inte utom inga ingen endast bara alla varje varannan vecka veckor jämna udda avvakta paus pausa "
                 "avsluta avslut start stopp ring kontakta obs nu fram till från kl och men eller"))
)  # fmt: skip


def _any(*words: str, end: str = r"(?!\w)") -> str:
    """A terminal for these words, the longest first; ``_`` stands for blanks."""
    forms = "|".join(sorted(words, key=len, reverse=True)).replace("_", r"[ \t]+").replace("/", r"\/")
    return f"/(?:{forms}){end}/i"


def _each(first: str, then: Iterable[str]) -> list[str]:
    return [f"{a}_{b}" for a in first.split() for b in then]


_EVERY = ("dagligen", *_each("alla varje samtliga", _ANY))
_OTHER = ("andra", "övriga", "resterande", *_each("andra övriga resterande", ("nätter", "dagar", "dygn")))
_REST = (*_OTHER, *_each("alla", _OTHER), "i_övrigt", "resten", "resten_av_veckan")
_NONE = ("inga", "ingen", *_each("inga ingen", ("tillsyn", "tillsyner")))
_FROM = ("från_och_med", r"fr\.?[ \t]?o\.?[ \t]?m", r"f\.?o\.?m", "from", "från")
_TO = ("till_och_med", r"t\.?[ \t]?o\.?[ \t]?m", "till")
_FROM_WORD = _any(*_FROM, end=r"(?!\w)\.?(?:[ \t]den(?!\w))?")
_TO_WORD = _any(*_TO, end=r"(?!\w)\.?")
_EVERY_NIGHT = _any(*_EVERY, end=r"(?!\w)(?:[ \t]i[ \t]veckan)?")
_DAY = _any(*WEEKDAYS, end=r"(?![^\W\d_])\.?")
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATE = (
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(?!\w|-|[.:][0-9])"
    rf"|[0-9]{{1,2}}(?::?e)?[ \t](?:{_MONTH})\.?(?!\w)(?:[ \t]20[0-9]{{2}}(?!\w|[.:][0-9]))?"
    r"|(?<![0-9:.])[0-9]{1,2}\/[0-9]{1,2}(?:(?:[ \t]|-)20[0-9]{2})?(?!\w|\/|[.:][0-9])"
)
DATES = re.compile(_DATE, re.IGNORECASE)
_LABEL = (
    r"(?:tillsyn|tid|nr)[ \t]?[0-9]{1,2}(?:[ \t]?:(?![0-9])|[ \t]?-|(?=[ \t](?:kl|[0-9]{1,2}[:.][0-9])))"
    r"|(?<![^\n])[0-9]{1,2}[.)](?![0-9])"
)
_GRAMMAR = rf"""
text    : _NL? intro* (plain | groups) (_end? closing)* _break?

intro   : _word (":" | COMMA | DASH)? _break?
_word   : HEAD | CHANGED | ON | FILL | NIGHT | SAME | ONLY | UNTIL | count | valid
count   : (NUMBER | NUMERAL) "st"i? (FILL | TIMES) PER?
valid   : FROM DATE
closing : UNTIL | NONE REST -> no_others

plain   : _lines (_end? EVERY)?
groups  : group (_gap? _before* group)*
_before : FILL | NIGHT | ON
group   : nights _colon? _times
        | nights ":"? _NL _lines    -> heading
        | nights ":"? (SAME | NONE | KEPT) FILL?
_colon  : (":" | DASH) (FILL+ ":"?)? | FILL+ ":"?

nights  : night ((COMMA | AND | COMMA AND | SLASH)? night)* | EVERY | REST
night   : EACH? DAY ((DASH | TO) DAY)? (EVENING | MORNING | NIGHT)?

_lines  : times (_break times)* | marked (_break marked)* | numbered
marked  : BULLET times
_times  : times | numbered
numbered: LABEL at ((COMMA | _break)? LABEL at)*
times   : at (_join? at)*
_join   : (COMMA | AND | COMMA AND | SLASH) _NL?
at      : (AT? CLOCK ":"? | AT) (TIME | NUMBER) | (TIME | NUMBER)

_gap    : (COMMA | AND | COMMA AND) _NL? | _break
_end    : COMMA | _break
_break  : (";" | _STOP) _NL? | _NL

CLOCK   : /(?:kl|klockan)\.?(?![^\W\d_])/i
AT      : "vid"i
TIME.2  : /[0-9]{{1,2}}[.:][0-5][0-9](?!\w|[.:]\w|,[0-9]{{1,2}}(?![.:]?[0-9]))/
NUMBER  : /[0-9]{{1,2}}(?!\w|[.:,\/][0-9])/
NUMERAL : {_any(*NUMBERS)}
LABEL.3 : /{_LABEL}/i
DATE.3  : /{_DATE}/i
FROM.3  : {_FROM_WORD}
TO.3    : {_TO_WORD}
CHANGED.4: {_any(*_each("ändrat ändrad ändrade ändras ändring", ["till"]))}
DAY     : {_DAY}
EVERY.3 : {_EVERY_NIGHT}
EACH.2  : /(?:varje|alla|samtliga)(?=[ \t](?:{"|".join(day.swedish for day in Weekday)}))/i
REST.4  : {_any(*_REST)}
KEPT.2  : {_any("som_förut", "som_tidigare", "som_innan", "oförändrat", "oförändrade")}
NONE.2  : {_any(*_NONE)}
ONLY    : {_any("endast", "bara", "enbart")}
UNTIL   : {_any("tills_vidare")}
SAME    : {_any("samma", "samma_tid", "samma_tider")}
EVENING : {_any("kväll", "kvällen", "kvällar")}
MORNING : {_any("morgon", "morgonen", "morgnar")}
NIGHT   : {_any(*_NIGHT)}
FILL    : {_any(*_FILL)}
TIMES   : {_any("gånger", "gång", "ggr", "tillsynstillfällen")}
PER.4   : {_any("per_natt", "per_dygn", "om_natten", "/natt", "/_natt")}
ON.2    : {_any("på")}
HEAD    : {_any(*_HEAD)}
AND     : /(?:och|samt|o)(?!\w)|&/i
COMMA   : ","
SLASH   : "/"
DASH    : "-"
BULLET.2: /(?<![^\n])[-•·*◦▪‣●]/
_STOP   : /(?<=\S)\.(?![.0-9])/
_NL     : /\n\s*/
%ignore /[ \t\u200b]+/
"""


@cache
def grammar() -> Lark:
    """The parser. ``explicit``: a text that can be read in two ways shows both readings, and is refused."""
    return Lark(_GRAMMAR, start="text", parser="earley", lexer="basic", ambiguity="explicit")
