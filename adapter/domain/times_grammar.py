"""From a note's text to night times, or the reason why not: nothing is guessed (I4, ``docs/nights.md``).

A text is accepted when every sign of it is understood and only one reading is left; everything else comes back as a
``TimesProblem`` for the coordinator. Any text is safe to pass in: nothing raises, and long texts are cut off by length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from functools import lru_cache
from typing import NoReturn

from adapter.domain.nights import (
    MAX_TIMES_PER_DAY,
    NightTimes,
    NightWindow,
    TimesProblem,
    Weekday,
    calendar_days,
)
from adapter.domain.times_tokens import (
    AND,
    ANY_NIGHT,
    CLOCK,
    DATE,
    ECHO,
    END,
    EVERY,
    HARMLESS,
    HOUR,
    ONE_NIGHT,
    TIME,
    VAGUE,
    WEEKDAYS,
    RefusedError,
    Token,
    refuse,
    tokens,
)

MAX_TEXT = 2000
"""Characters; the times of a week fit in a tenth of it."""


@dataclass(slots=True)
class _Group:
    """Nights with their times. Until nights are named, ``nights`` is empty and means every night."""

    line: str
    nights: list[Weekday] = field(default_factory=list)
    times: list[time] = field(default_factory=list)
    is_heading: bool = False
    """The nights stand on a line of their own: the lines below give the times."""


class _Parser:
    def __init__(self, text: str, window: NightWindow) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._window = window
        self._colons = any(":" in t.text for t in self._tokens if t.kind == "number")
        self._groups: list[_Group] = []
        self._open: _Group | None = None
        self._clock = False
        self._one_night = False
        self._pair: tuple[Token, Weekday, Weekday] | None = None

    def _peek(self, ahead: int = 1) -> Token:
        at = self._at + ahead
        return self._tokens[at] if 0 <= at < len(self._tokens) else END

    def groups(self) -> list[_Group]:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._take(token)
            self._at += 1
        if not self._groups:
            refuse("no_times")
        for group in self._groups:
            if not group.times:
                refuse("nights_without_times", line=group.line)
        if self._pair and self._one_night:
            token, first, second = self._pair
            token.refuse("one_night_or_two", first=first.swedish, second=second.swedish)
        return self._groups

    def _take(self, token: Token) -> None:
        match token.kind:
            case "number":
                self._number(token)
            case "word":
                self._word(token)
            case "dash":
                self._dash(token)
            case "break":
                self._break()
            case "comma":
                pass
            case "colon" if self._peek(-1).kind == "word":
                pass
            case "bullet" if self._peek(-1).kind == "break":
                pass
            case _:
                token.refuse_place("unknown_sign")

    def _dash(self, token: Token) -> None:
        before, after = self._peek(-1), self._peek()
        if before.kind == "break" and after.kind != "break":
            return
        is_time = after.kind == "number" or after.text in CLOCK
        if before.kind == "number" and is_time:
            token.refuse("time_range")
        if before.kind == "word" and (is_time or (after.text in WEEKDAYS and before.text not in WEEKDAYS)):
            return
        token.refuse_place("loose_dash")

    def _break(self) -> None:
        self._clock = False
        group = self._open
        if group is None or not group.nights:
            return
        if not group.times:
            group.is_heading = True
        elif not group.is_heading:
            self._open = None

    def _word(self, token: Token) -> None:
        word = token.text
        if token.glued and self._peek(-1).kind == "number":
            token.refuse_place("unknown_word")
        self._clock = word in CLOCK or (self._clock and word in AND)
        if word in CLOCK:
            if self._peek().kind not in ("number", "colon", "dash"):
                token.refuse_place("unknown_word")
        elif word in AND:
            return
        elif word in WEEKDAYS:
            self._weekday(token)
        elif word == "dagligen":
            self._every_night(token)
        elif word in EVERY and self._peek().text in ANY_NIGHT:
            self._at += 1
            self._every_night(token)
        elif word in EVERY and self._peek().text in WEEKDAYS:
            return
        elif word in VAGUE:
            token.refuse("vague_days", token=word)
        elif word == "mot":
            token.refuse("night_towards")
        elif word in HARMLESS:
            self._one_night = self._one_night or word in ONE_NIGHT
        else:
            token.refuse_place("unknown_word")

    def _weekday(self, token: Token) -> None:
        first = last = WEEKDAYS[token.text]
        if self._peek().kind == "dash" and self._peek(2).text in WEEKDAYS:
            last = WEEKDAYS[self._peek(2).text]
            self._at += 2
            if last == first:
                token.refuse("weekday_twice", night=first.swedish)
            if last == first.plus(1):
                self._pair = (token, first, last)
        if self._groups and not self._groups[0].nights:
            token.refuse("nights_after_times")
        self._add_nights(token, [first.plus(n) for n in range((last - first) % 7 + 1)])

    def _every_night(self, token: Token) -> None:
        if self._groups and not self._groups[0].nights:
            # "22:30 och 02:15 varje natt" is clear, but the sentence is over.
            self._groups[0].nights = list(Weekday)
            self._open = None
            return
        self._add_nights(token, list(Weekday))

    def _add_nights(self, token: Token, nights: list[Weekday]) -> None:
        for night in nights:
            if any(night in group.nights for group in self._groups):
                token.refuse("weekday_twice", night=night.swedish)
        group = self._open
        if group is None or group.times:
            self._open = group = _Group(token.line)
            self._groups.append(group)
        elif group.is_heading:
            refuse("nights_without_times", line=group.line)
        group.nights += nights

    def _number(self, token: Token) -> None:
        pieces = token.text.split(",")
        if len(pieces) > 1 and not all(TIME.fullmatch(piece) for piece in pieces):
            self._refuse_number(token, "comma_in_time")
        for piece in pieces:
            self._add_time(token, self._read(token, piece))

    def _read(self, token: Token, raw: str) -> time:
        if match := TIME.fullmatch(raw):
            hour, minute = int(match[1]), int(match[2])
            if not self._clock and DATE.fullmatch(raw) and (self._colons or len(raw) == 4):
                token.refuse("maybe_date", token=raw)
        elif HOUR.fullmatch(raw):
            hour, minute = int(raw), 0
            if not self._clock or not self._may_follow_hour(raw):
                token.refuse("bare_number", token=raw)
        else:
            self._refuse_number(token, "not_a_time")
        if hour > 24 or (hour, minute) > (24, 0):
            token.refuse("not_a_time", token=raw)
        return time(hour % 24, minute)  # 24:00 is this night's midnight: a night has but one

    def _may_follow_hour(self, raw: str) -> bool:
        """A bare hour must be the end of something, or it may be a count ("2 tillsyner") or half a time ("22 30")."""
        after = self._peek()
        if after.kind in ("break", "comma", "dash") or after.text in AND or after.text in CLOCK:
            return True
        return len(raw) == 2 and (after.text in EVERY or after.text == "dagligen")

    def _refuse_number(self, token: Token, code: str) -> NoReturn:
        if len(token.text) > ECHO:
            token.refuse("long_number")
        token.refuse(code, token=token.text)

    def _add_time(self, token: Token, at: time) -> None:
        written = f"{at:%H:%M}"
        if self._open is None:
            if self._groups:
                token.refuse("times_without_nights")
            self._open = _Group(token.line)
            self._groups.append(self._open)
        if not self._window.contains(at):
            window = self._window
            token.refuse("outside_window", time=written, start=f"{window.start:%H:%M}", end=f"{window.end:%H:%M}")
        if at in self._open.times:
            token.refuse("duplicate_time", time=written)
        self._open.times.append(at)


def parse_times(text: str, window: NightWindow) -> NightTimes | TimesProblem:
    """Read agreed times from a note's text; never raises.

    Nights that the text doesn't mention have no looks; a text that names no night means every night.
    """
    if len(text) > MAX_TEXT:
        return TimesProblem("too_long", {"limit": str(MAX_TEXT)})
    return _parse(text, window)


@lru_cache(maxsize=256)  # a case is decided several times by the same note
def _parse(text: str, window: NightWindow) -> NightTimes | TimesProblem:
    try:
        groups = _Parser(text, window).groups()
    except RefusedError as refused:
        return refused.problem
    times = NightTimes.of({night: group.times for group in groups for night in group.nights or Weekday})
    for day, at in calendar_days(times, window).items():
        if len(at) > MAX_TIMES_PER_DAY:
            return TimesProblem("too_many", {"day": day.swedish, "limit": str(MAX_TIMES_PER_DAY)})
    return times
