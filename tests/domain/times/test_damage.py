"""Texts that are nearly right: damaged, or with a sign that the grammar doesn't know."""

import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapter.domain.times_grammar import BLANK, WEEKDAYS, grammar, prepare
from mappings.rtf import visible_text
from tests.domain.times.corpus import Case, corpus, reading

ACCEPTED = [case for case in corpus() if not case.wanted.startswith("!")]
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\u2043\ufe58\ufe63\uff0d~\u301c\u2053\u02d7\u1806\u2e3a"
UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202e\u2066\u00a0\u0085\u0096\u0097"
TOLERATED = f"{BLANK}\n\r\u00a0\u200b\u200e\u200f\u2060\ufeff"
"""Signs that are dropped or read as a blank, besides a signature under the times."""
accepted = st.sampled_from(ACCEPTED)


def text_of(case: Case) -> str:
    return visible_text(case.note)


def read(case: Case, text: str) -> str:
    return reading(text, changed=case.changed, granted=case.granted)


def parts(told: str) -> set[str]:
    return set(told.split("; "))


def check_same_or_refused(case: Case, damaged: str) -> None:
    got = read(case, damaged)
    assert got.startswith("!") or parts(got) == parts(case.wanted), f"\n{text_of(case)!r}\n{damaged!r}\n{got}"


_DAY = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
_PIECE = re.compile(
    rf"\b(?P<first>{_DAY})\b(?:\.?\s*(?:-|till och med|t\.? ?o\.? ?m\.?|till)\s*(?P<last>{_DAY})\b)?"
    rf"|(?<!\d)(?<!\d[:.])(?P<hour>\d{{1,2}})[.:](?P<minute>\d\d)(?!\d)"
    rf"|(?P<bare>(?<!\d)(?<!\d[:.])\d{{1,2}}(?![\d.:)]|\s*(?:st|tillsyn|ggr)))"
    rf"|(?P<label>\b(?:tillsyn|tid|nr) ?\d+(?!\d|[.:]\d)|^\d+[.)])",
    re.IGNORECASE | re.MULTILINE,
)
_BEYOND = re.compile(
    "samma|övriga|andra|resten|som förut|oförändrat|morgon|från|fr[. ]*o[. ]*m|fom|from|inga|ingen", re.IGNORECASE
)


def literally(text: str) -> dict[int, set[str]] | None:
    """The nights by a simple rule: each time belongs to the days written before it. None if the text has other words
    about nights."""
    text = prepare(text)
    if _BEYOND.search(text):
        return None
    nights: dict[int, set[str]] = {}
    days: list[int] = list(range(7))
    timed = True
    for piece in _PIECE.finditer(text):
        if piece["first"]:
            first, last = WEEKDAYS[piece["first"].lower()], WEEKDAYS[(piece["last"] or piece["first"]).lower()]
            days = ([] if timed else days) + [(first + n) % 7 for n in range((last - first) % 7 + 1)]
            timed = False
        elif piece["hour"] or piece["bare"]:
            hour = int(piece["hour"] or piece["bare"]) % 24
            for day in days:
                nights.setdefault(day, set()).add(f"{hour:02}:{piece['minute'] or '00'}")
            timed = True
    return nights


def as_nights(told: str) -> dict[int, set[str]]:
    nights: dict[int, set[str]] = {}
    for part in told.split("; "):
        words = part.split()
        times = [word for word in words if ":" in word]
        for day in range(7) if words[0] == "alla" else [WEEKDAYS[word] for word in words if word in WEEKDAYS]:
            nights.setdefault(int(day), set()).update(times)
    return nights


def check_literal_or_refused(case: Case, damaged: str) -> None:
    got = read(case, damaged)
    if got.startswith("!") or parts(got) == parts(case.wanted):
        return
    wanted = literally(damaged)
    if wanted is not None:
        assert as_nights(got) == wanted, f"\n{text_of(case)!r}\n{damaged!r}\n{got}\n{wanted}"
    else:
        assert set(re.findall(r"\d\d:\d\d", got)) <= _clock_times(damaged), f"\n{damaged!r}\n{got}"


def _clock_times(text: str) -> set[str]:
    found = re.findall(r"(\d{1,2})(?:[.:](\d\d))?", text)
    return {f"{int(hour) % 24:02}:{minute or '00'}" for hour, minute in found}


def test_the_ruler_reads_the_corpus_as_it_is_read() -> None:
    """Otherwise it couldn't judge damaged texts."""
    wrong = [c.text for c in ACCEPTED if (by := literally(text_of(c))) is not None and by != as_nights(c.wanted)]
    assert wrong == []


@settings(deadline=None)
@given(accepted, st.data())
def test_a_dash_swapped_for_another_or_for_an_invisible_sign_changes_nothing(case: Case, data: st.DataObject) -> None:
    text = text_of(case)
    places = [n for n, sign in enumerate(text) if sign in DASHES]
    assume(places)
    at = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([*DASHES, *UNSEEN, ""]))
    check_same_or_refused(case, text[:at] + other + text[at + 1 :])


@settings(deadline=None)
@given(accepted, st.data())
def test_lines_joined_are_the_same_or_refused(case: Case, data: st.DataObject) -> None:
    text = text_of(case)
    places = [n for n, sign in enumerate(text) if sign == "\n"]
    assume(places)
    at = data.draw(st.sampled_from(places))
    check_same_or_refused(case, text[:at] + data.draw(st.sampled_from(["", " "])) + text[at + 1 :])


@settings(deadline=None)
@given(accepted, st.data())
def test_what_is_dropped_leaves_what_the_rest_says_or_is_refused(case: Case, data: st.DataObject) -> None:
    text = text_of(case)
    pieces = re.split(data.draw(st.sampled_from([r"(\n)", r"(\s+)", ""])), text)
    at = data.draw(st.integers(0, len(pieces) - 1))
    check_literal_or_refused(case, "".join(pieces[:at] + pieces[at + 1 :]))


@settings(deadline=None)
@given(accepted, st.data(), st.characters(exclude_categories=("M", "Cs")))
def test_a_sign_that_the_grammar_does_not_know_is_never_passed_over(case: Case, data: st.DataObject, sign: str) -> None:
    forms = {sign, sign.casefold(), sign.lower(), sign.upper()}
    known = re.compile(r"[A-Za-zÅÄÖåäöéÉü0-9\s.,:;/&•·*◦▪‣●)]+")
    assume(not any(known.fullmatch(form) or form in DASHES for form in forms))
    text = text_of(case)
    at = data.draw(st.integers(0, len(text)))
    got = read(case, text[:at] + sign + text[at:])
    assert got.startswith("!") or (sign in TOLERATED and parts(got) == parts(case.wanted))


def test_every_sign_of_an_accepted_text_belongs_to_a_word_of_the_grammar() -> None:
    for case in ACCEPTED:
        clean = prepare(text_of(case))
        read_signs = {n for token in grammar().lex(clean) for n in range(token.start_pos or 0, token.end_pos or 0)}
        assert {sign for n, sign in enumerate(clean) if n not in read_signs} <= set(BLANK), case.text
