"""Why a text about times is refused, by the place where the grammar couldn't go on."""

import re
from contextlib import suppress
from typing import NoReturn

from lark import Token
from lark.exceptions import UnexpectedInput

from adapter.domain.nights import TimesProblem
from adapter.domain.times_grammar import STRAY, VAGUE, grammar

ECHO = 5
"""A longer number may be a telephone or identity number, and is not repeated (P8)."""
_NUMBER = re.compile(r"[0-9]+(?:[.:,][0-9]+)*")
_WORD = re.compile(r"[^\W\d_]+")
DATE_LIKE = re.compile(r"(?:0?[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])")
_RANGE = re.compile(
    r"\s*(?:-|till(?:\s+och\s+med)?|t\.?o\.?m\.?|\.{2,}|…|\u0085|>)\s*(?:kl(?:ockan)?\.?)?\s*[0-9]", re.IGNORECASE
)
_UNFINISHED = frozenset({"AND", "COMMA", "SLASH", "CLOCK", "AT", "FROM"})
_NIGHTS = frozenset({"DAY", "EVERY", "REST", "EVENING", "MORNING"})
_TIMES = frozenset({"TIME", "NUMBER"})


class RefusedError(Exception):
    """The text is refused. Caught within ``read_times``."""

    def __init__(self, problem: TimesProblem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def refuse(code: str, text: str, at: Token, /, **params: str) -> NoReturn:
    """Refuse the text because of this token. ``read_times`` catches it and answers with the problem."""
    raise RefusedError(_problem(code, text, at.start_pos or 0, **params))


def _problem(code: str, text: str, at: int, /, **params: str) -> TimesProblem:
    """With the place: its line, and which word of the line, both from 1."""
    word = len(text[text.rfind("\n", 0, at) + 1 : at + 1].split())
    return TimesProblem(code, {"line": str(text.count("\n", 0, at) + 1), "word": str(word), **params})


def reason(text: str, error: UnexpectedInput) -> TimesProblem:
    """The reason for the coordinator, as code and parameters. ``text`` is what ``prepare`` returns."""
    token = getattr(error, "token", None)
    ended = getattr(token, "type", "") in ("$END", "<EOF>")
    at = len(text) if ended else int(getattr(error, "pos_in_stream", None) or 0)
    before = [t for t in _tokens(text, at) if t.type != "_NL"]
    return _ended(text, before) if ended else _unexpected(text, at, before, getattr(token, "type", ""))


def _tokens(text: str, end: int) -> list[Token]:
    """What could be read up to there."""
    found: list[Token] = []
    with suppress(UnexpectedInput):
        for token in grammar().lex(text):
            if (token.end_pos or 0) > end:
                break
            found.append(token)
    return found


def _ended(text: str, before: list[Token]) -> TimesProblem:
    named = [t for t in before if t.type in _NIGHTS]
    if not any(t.type in _TIMES for t in before) and not named:
        return TimesProblem("no_times")
    last = before[-1]
    if last.type in ("DASH", "BULLET", "CLOCK"):
        return _problem("unknown_word" if last.type == "CLOCK" else "loose_dash", text, last.start_pos or 0)
    if last.type in _UNFINISHED or not named:
        return _problem("unfinished", text, last.start_pos or 0)
    return _problem("nights_without_times", text, named[-1].start_pos or 0)


def _unexpected(text: str, at: int, before: list[Token], kind: str) -> TimesProblem:
    last = before[-1].type if before else ""
    if last in ("DASH", "BULLET") and (text[at] == "\n" or kind == "DAY"):
        return _problem("loose_dash", text, before[-1].start_pos or 0)
    if (last in _TIMES and _RANGE.match(text, at)) or (last == "FROM" and kind in _TIMES | {"CLOCK"}):
        return _problem("time_range", text, at)
    if text[at] == "-":
        return _problem("loose_dash", text, at)
    if kind == "DATE":
        return _problem("a_date", text, at)
    if last == "TIME" and DATE_LIKE.fullmatch(before[-1]):
        return _problem("maybe_date", text, at, token=str(before[-1]))
    if number := _NUMBER.match(text, at):
        return _number(text, number, before)
    if word := _WORD.match(text, at):
        return _unexpected_word(text, at, word.group().casefold(), before, kind)
    return _problem("invisible_sign" if text[at] == STRAY else "unknown_sign", text, at)


def _number(text: str, number: re.Match[str], before: list[Token]) -> TimesProblem:
    raw, at = number.group(), number.start()
    if len(raw) > ECHO:
        return _problem("long_number", text, at)
    if _WORD.match(text, number.end()):
        return _problem("unknown_word", text, at)
    if "," in raw:
        return _problem("comma_in_time", text, at, token=raw)
    if re.fullmatch("[0-9]{1,2}", raw):
        return _problem("bare_number", text, at, token=raw)
    if re.fullmatch("[0-9]{1,2}[.:][0-5][0-9]", raw) and before:
        return _problem("times_without_nights", text, at)
    return _problem("not_a_time", text, at, token=raw)


def _unexpected_word(text: str, at: int, word: str, before: list[Token], kind: str) -> TimesProblem:
    named = [t for t in before if t.type in _NIGHTS]
    if word in VAGUE:
        return _problem("vague_days", text, at, token=word)
    if word == "mot":
        return _problem("night_towards", text, at)
    if before and before[-1].type == "NUMBER":
        return _problem("bare_number", text, before[-1].start_pos or 0, token=str(before[-1]))
    if kind in _NIGHTS and named:
        return _problem("nights_without_times", text, named[-1].start_pos or 0)
    if kind in _NIGHTS and before and before[-1].type in _TIMES:
        return _problem("nights_after_times", text, at)
    if kind and any(t.type in _TIMES for t in before):
        return _problem("more_after_times", text, at)
    return _problem("unknown_word", text, at)
