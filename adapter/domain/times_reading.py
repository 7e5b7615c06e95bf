"""From a note's text to night times, or to the reason why not. Nothing is guessed (I4, ``docs/nights.md``).

A text is accepted if the grammar can read all of it, in one way only, and nothing here doubts its meaning. Any other
text becomes a ``TimesProblem`` for the coordinator. Any text may be passed in: nothing is raised.
"""

import re
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import lru_cache
from itertools import pairwise

from lark import Token, Tree
from lark.exceptions import UnexpectedInput

from adapter.domain.nights import (
    MAX_TIMES_PER_DAY,
    Granted,
    NightTimes,
    NightWindow,
    TimesProblem,
    Weekday,
    calendar_days,
    check_granted,
    names,
)
from adapter.domain.times_grammar import (
    BLANK,
    DATES,
    MONTHS,
    NAMES,
    NUMBERS,
    TWO_LETTERS,
    WEEKDAYS,
    grammar,
    prepare,
)
from adapter.domain.times_refused import DATE_LIKE, RefusedError, reason, refuse

MAX_TEXT = 2000
"""Characters; the times of a week fit in a tenth of it."""
_NOON = time(12)
_SURE = timedelta(days=300)
"""A date without a year is the next such day. If that is further away than this, the last such day may be meant."""
_END_OF_HOUR = re.compile(rf"\s*(?:\Z|[,;.&]|(?:och|samt|o|kl|klockan|{'|'.join(WEEKDAYS)})\b)", re.IGNORECASE)

Node = Tree[Token]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says. ``named``: the nights that it gives looks, or none. ``kept``: the nights that it leaves as they
    are. ``start``: the day from which it holds; None: from now on."""

    times: NightTimes
    named: frozenset[Weekday]
    kept: frozenset[Weekday]
    start: date | None


def read_times(text: str, window: NightWindow, written: date) -> Reading | TimesProblem:
    """Read agreed times from a note that was written on that day. Never raises.

    A text that names no night means every night.
    """
    if len(text) > MAX_TEXT:
        return TimesProblem("too_long", {"limit": str(MAX_TEXT)})
    return _read(text, window, written)


def settle(reading: Reading, before: NightTimes | None, *, changed: bool) -> NightTimes | TimesProblem:
    """The times that a reading leads to, after those ``before`` (None: there were none).

    A change that doesn't mention nights with looks is told back: they may be meant to stay, or to go.
    """
    had = frozenset(d for d in Weekday if before and before.nights[d])
    if reading.kept and before is None:
        return TimesProblem("nothing_kept")
    missing = had - reading.named - reading.kept
    if changed and missing:
        return TimesProblem("nights_left_out", {"nights": names(missing)})
    if not reading.kept or before is None:
        return reading.times
    nights = {d: before.nights[d] if d in reading.kept else reading.times.nights[d] for d in Weekday}
    return _fits(NightTimes.of(nights))


def try_times(
    text: str, window: NightWindow, today: date, *, changed: bool, granted: int | None
) -> Reading | TimesProblem:
    """What a note with this text would mean if it were written on ``today``, under *times changed* or *times agreed*.
    It isn't known here which times hold already, so a change must mention every night."""
    reading = read_times(text, window, today)
    if isinstance(reading, TimesProblem):
        return reading
    unsaid = frozenset(Weekday) - reading.named - reading.kept
    if changed and unsaid:
        return TimesProblem("nights_left_out", {"nights": names(unsaid)})
    if reading.kept and not changed:
        return TimesProblem("nothing_kept")
    return check_granted(reading.times, Granted(granted)) or reading


@lru_cache(maxsize=256)  # a case is decided several times by the same note
def _read(text: str, window: NightWindow, written: date) -> Reading | TimesProblem:
    clean = prepare(text)
    try:
        tree = grammar().parse(clean)
        reading = _Reader(clean, window, written).read(tree)
    except UnexpectedInput as error:
        return reason(clean, error)
    except RefusedError as refused:
        return refused.problem
    fits = _fits(reading.times)
    return fits if isinstance(fits, TimesProblem) else reading


def _fits(times: NightTimes) -> NightTimes | TimesProblem:
    for day, at in calendar_days(times, NightWindow()).items():
        if len(at) > MAX_TIMES_PER_DAY:
            return TimesProblem("too_many", {"day": day.swedish, "limit": str(MAX_TIMES_PER_DAY)})
    return times


@dataclass(slots=True)
class _Nights:
    """The nights of a group, each once; ``part`` is ``EVENING`` or ``MORNING`` where the group says so."""

    days: list[Weekday]
    first: Token
    part: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """A time or hour in a row. ``lead``: what stands before it (``CLOCK``, ``AT``). ``gap``: what stands between it and
    the one before."""

    token: Token
    lead: str
    gap: str

    @property
    def joined(self) -> bool:
        """Joined by a comma or a word, on the same line."""
        return re.sub(",? *(?:och|samt|o|&)|,", "", self.gap, count=1).strip(BLANK) == "" and not self.loose

    @property
    def loose(self) -> bool:
        return not self.gap.strip(BLANK)

    @property
    def slash(self) -> bool:
        return "/" in self.gap


@dataclass(slots=True)
class _Reader:
    text: str
    window: NightWindow
    written: date
    nights: dict[Weekday, list[time]] = field(default_factory=dict)
    parts: dict[Weekday, str] = field(default_factory=dict)
    kept: set[Weekday] = field(default_factory=set)
    closed: bool = False
    """The text itself says that nights it doesn't name have no looks."""

    def read(self, tree: Node) -> Reading:
        if any(tree.find_data("_ambig")):
            raise RefusedError(TimesProblem("two_readings"))
        tokens = list(tree.scan_values(lambda t: isinstance(t, Token)))
        self._weak_names([t for t in tokens if t.type == "DAY"])
        self.closed = any(t.type == "ONLY" for t in tokens) or any(tree.find_data("no_others"))
        for part in tree.find_data("plain"):
            self._plain(part)
        before: list[time] | None = None
        for group in [g for part in tree.find_data("groups") for g in _trees(part)]:
            before = self._group(group, before)
        self._one_night_or_two(tree, tokens)
        self._counted(tree)
        return Reading(
            NightTimes.of(self.nights),
            frozenset(Weekday) - self.kept if self.closed else frozenset(self.nights),
            frozenset(self.kept),
            self._start(tree),
        )

    def _weak_names(self, days: list[Token]) -> None:
        """Refuse short names that may be something else: ``tor`` and ``fred`` are first names, ``fr`` and ``to`` other
        words."""
        forms = [_form(t) for t in days]
        joins = [_between(self.text, a, b).strip(BLANK) for a, b in pairwise(days)]
        is_row = TWO_LETTERS.keys() >= set(forms) and (len(forms) > 2 or any(joins))
        for token, form in zip(days, forms, strict=True):
            if (form in TWO_LETTERS and not is_row) or (form in NAMES and NAMES.issuperset(forms)):
                refuse("name_or_day", self.text, token)

    def _plain(self, part: Node) -> None:
        if self.closed:
            refuse("no_other_nights", self.text, _first(part))
        times = self._times(part)
        self.nights = {day: list(times) for day in Weekday}

    def _group(self, group: Node, before: list[time] | None) -> list[time]:
        """Add a group's nights. Returns its times, as the next group may refer to them."""
        at = group.children[0]
        assert isinstance(at, Tree)
        last = [t.type for t in group.children if isinstance(t, Token)]
        nights = self._nights(at, heading=group.data == "heading")
        if "KEPT" in last:
            self.kept |= set(nights.days)
            self._claim(nights, [])
            return []
        if "NONE" in last:
            self._claim(nights, [])
            return []
        if "SAME" in last:
            if not before or nights.part:
                refuse("nights_without_times", self.text, nights.first)
            self._claim(nights, before)
            return before
        times = self._times(group)
        if nights.part and any((t >= _NOON) != (nights.part == "EVENING") for t in times):
            refuse("part_of_day", self.text, nights.first)
        self._claim(nights, times)
        return times

    def _claim(self, nights: _Nights, times: list[time]) -> None:
        for day in nights.days:
            if day in self.parts and not self._halves(day, nights.part, times):
                refuse("weekday_twice", self.text, nights.first, night=day.swedish)
            self.parts[day] = nights.part
            self.nights[day] = [*self.nights.get(day, ()), *times]

    def _halves(self, day: Weekday, part: str, times: list[time]) -> bool:
        """``måndag 22:30, tisdag morgon 05:00`` are the two halves of Monday's night."""
        if {part, self.parts[day]} == {"MORNING"} or "MORNING" not in (part, self.parts[day]):
            return False
        return all(t >= _NOON for t in (self.nights[day] if part == "MORNING" else times))

    # Nights

    def _nights(self, tree: Node, *, heading: bool) -> _Nights:
        first = _first(tree)
        if first.type == "EVERY":
            return _Nights(list(Weekday), first)
        if first.type == "REST":
            rest = [day for day in Weekday if day not in self.parts]
            if not self.parts or not rest:
                refuse("times_without_nights", self.text, first)
            return _Nights(rest, first)
        members = _trees(tree)
        joins = self._joins(tree, members, heading=heading)
        days: list[Weekday] = []
        parts = {_part(night) for night in members}
        if len(parts) > 1:
            refuse("part_of_day", self.text, first)
        part = parts.pop()
        for night in members:
            days += self._range(night, slash=joins == ["/"])
        if len(set(days)) < len(days):
            twice = next(day for n, day in enumerate(days) if day in days[:n])
            refuse("weekday_twice", self.text, first, night=twice.swedish)
        if joins == ["/"] and days[1] == days[0].plus(1):
            self._doubt(first, days[0])
        return _Nights([day.plus(-1) for day in days] if part == "MORNING" else days, first, part)

    def _joins(self, tree: Node, members: list[Node], *, heading: bool) -> list[str]:
        """What stands between the nights of a row. Single days may stand with one blank between them, on the line of
        their times. Other blanks may be columns or a lost dash, and are refused."""
        joins: list[str] = []
        for one, other in pairwise(members):
            gap = _between(self.text, _tokens(one)[-1], _tokens(other)[0])
            single = len(_days(one)) == len(_days(other)) == 1
            joins.append(gap.strip(BLANK + "\n"))
            if not joins[-1] and (gap != " " or not single or heading):
                refuse("columns", self.text, _first(other))
            if joins[-1] == "/" and not single:
                refuse("columns", self.text, _first(other))
        end = self.text[_tokens(tree)[-1].end_pos or 0 :].lstrip(BLANK)
        words = ("och", "samt", "o", "&")
        if heading and len(members) > 1 and not end.startswith(":") and joins[-1].lower().lstrip(", ") not in words:
            refuse("columns", self.text, _first(tree))
        return joins

    def _range(self, night: Node, *, slash: bool) -> list[Weekday]:
        days = _days(night)
        if len(days) == 1:
            return days
        first, last = days
        if first == last:
            refuse("weekday_twice", self.text, _first(night), night=first.swedish)
        to = next(t for t in _tokens(night) if t.type in ("DASH", "TO"))
        if to.lower() == "till" and last == first.plus(1):
            self._doubt(_first(night), first)
        return [first.plus(n) for n in range((last - first) % 7 + 1)]

    def _doubt(self, token: Token, first: Weekday) -> None:
        second = first.plus(1)
        refuse("one_night_or_two", self.text, token, first=first.swedish, second=second.swedish)

    def _one_night_or_two(self, tree: Node, tokens: list[Token]) -> None:
        """Refuse ``natten mån-tis``, which may be one night or two, and ``mån 22:30, tis 02:15``, where the early look
        may belong to Monday's night."""
        if any(t.type == "NIGHT" and t.lower() in ("natt", "natten") for t in tokens):
            for night in tree.find_data("night"):
                days = _days(night)
                if len(days) == 2 and days[1] == days[0].plus(1):
                    self._doubt(_first(night), days[0])
        for day in Weekday:
            evening, morning = self.nights.get(day), self.nights.get(day.plus(1))
            sure = self.parts.get(day.plus(1)) == "MORNING"
            if (
                evening
                and morning
                and not sure
                and all(t >= _NOON for t in evening)
                and all(t < _NOON for t in morning)
            ):
                at = next(t for t in tokens if t.type in ("DAY", "REST"))
                first, second, third = (day.plus(n).swedish for n in range(3))
                refuse("whose_morning", self.text, at, first=first, second=second, third=third)

    # Times

    def _times(self, tree: Node) -> list[time]:
        """The times of a group in their order, each once."""
        found: list[time] = []
        rows = tree.find_pred(lambda part: part.data in ("times", "numbered"))
        for part in sorted(rows, key=lambda row: _first(row).start_pos or 0):
            row = self._row(part)
            clock = False
            for n, look in enumerate(row):
                clock = look.lead == "CLOCK" or (clock and look.joined)
                found.append(self._time(row, n, clock=clock))
                self._add(found, look.token)
        return found

    def _row(self, part: Node) -> list[_Look]:
        if part.data == "numbered":
            self._numbered(part)
        row: list[_Look] = []
        for at in _trees(part):
            *lead, token = _tokens(at)
            gap = _between(self.text, row[-1].token, (lead or [token])[0]).lower() if row else "\n"
            row.append(_Look(token, lead[-1].type if lead else "", "\n" if part.data == "numbered" else gap))
        return row

    def _add(self, found: list[time], token: Token) -> None:
        at, window = found[-1], self.window
        written = f"{at:%H:%M}"
        if not window.contains(at):
            start, end = f"{window.start:%H:%M}", f"{window.end:%H:%M}"
            refuse("outside_window", self.text, token, time=written, start=start, end=end)
        if at in found[:-1]:
            refuse("duplicate_time", self.text, token, time=written)

    def _time(self, row: list[_Look], n: int, *, clock: bool) -> time:
        token = row[n].token
        raw = str(token)
        if token.type == "NUMBER":
            if not clock or not self._sure_hour(row, n):
                refuse("bare_number", self.text, token, token=raw)
            hour, minute = int(raw), 0
        else:
            hour, minute = (int(piece) for piece in re.split("[.:]", raw))
            if DATE_LIKE.fullmatch(raw) and not _sure_time(row, n):
                refuse("maybe_date", self.text, token, token=raw)
        if hour > 24 or (hour, minute) > (24, 0):
            refuse("not_a_time", self.text, token, token=raw)
        return time(hour % 24, minute)  # 24:00 is midnight of this night: a night has only one

    def _sure_hour(self, row: list[_Look], n: int) -> bool:
        """Whether a bare hour is surely a time. It may be a count ("2 tillsyner") or half a time ("22 30")."""
        hour, after = row[n].token, row[n + 1 : n + 2]
        if any(look.slash or (look.loose and not look.lead) for look in after) or row[n].slash:
            return False
        padded = any(len(look.token) == 2 and look.token.startswith("0") for look in row)
        return len(hour) == 2 or (not padded and bool(_END_OF_HOUR.match(self.text, hour.end_pos or 0)))

    def _numbered(self, part: Node) -> None:
        labels = [t for t in part.children if isinstance(t, Token) and t.type == "LABEL"]
        for n, label in enumerate(labels, 1):
            if int(re.sub("[^0-9]", "", label)) != n:
                refuse("count_differs", self.text, label)

    def _counted(self, tree: Node) -> None:
        for count in tree.find_data("count"):
            token = _first(count)
            number = NUMBERS.get(token.lower()) or int(token if token.isdigit() else 0)
            if any(len(times) != number for day, times in self.nights.items() if times) or self.kept:
                refuse("count_differs", self.text, token)

    # The day from which it holds

    def _start(self, tree: Node) -> date | None:
        found = [_tokens(part)[-1] for part in tree.find_data("valid")]
        if not found:
            return None
        day = _day(found[0], self.written)
        if len(found) > 1 or day is None or day > self.written + timedelta(days=366):
            refuse("unsure_date", self.text, found[0])
        return day


def day_named(text: str, written: date) -> date | None:
    """The day that a text of ``written`` plainly names. None if it names no day, or several."""
    days = {_day(found.group(), written) for found in DATES.finditer(text)}
    return days.pop() if len(days) == 1 else None


def _day(token: str, written: date) -> date | None:
    numbers = [int(n) for n in re.findall("[0-9]+", token)]
    month = next((n for form, n in MONTHS.items() if re.search(rf"\b{form}\b", token, re.IGNORECASE)), None)
    try:
        if re.match("20[0-9]{2}-", token):
            return date(numbers[0], numbers[1], numbers[2])
        if month is not None:
            numbers.insert(1, month)
        if len(numbers) == 3:
            return date(numbers[2], numbers[1], numbers[0])
        coming = [date(year, numbers[1], numbers[0]) for year in (written.year, written.year + 1)]
    except ValueError:
        return None
    day = next((d for d in coming if d >= written), None)
    return day if day and day <= written + _SURE else None


def _trees(tree: Node) -> list[Node]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _tokens(tree: Node) -> list[Token]:
    return list(tree.scan_values(lambda t: isinstance(t, Token)))


def _first(tree: Node) -> Token:
    return _tokens(tree)[0]


def _form(day: Token) -> str:
    return day.lower().rstrip(".")


def _days(night: Node) -> list[Weekday]:
    return [WEEKDAYS[_form(t)] for t in _tokens(night) if t.type == "DAY"]


def _part(night: Node) -> str:
    last = _tokens(night)[-1].type
    return last if last in ("EVENING", "MORNING") else ""


def _between(text: str, one: Token, other: Token) -> str:
    """What stands between two words."""
    return text[one.end_pos : other.start_pos]


def _sure_time(row: list[_Look], n: int) -> bool:
    """Whether what looks like a date is a time: after ``kl``, or in a row of times that are in order."""
    if row[n].lead:
        return True
    raws = [str(look.token) for look in row]
    return (
        re.fullmatch("[0-9]{2}[.][0-9][05]", raws[n]) is not None
        and all(re.fullmatch("[0-9]{1,2}[.][0-9]{2}", raw) for raw in raws)
        and not all(DATE_LIKE.fullmatch(raw) for raw in raws)
        and all(look.joined for look in row[max(n, 1) : n + 2])
        and raws == sorted(raws, key=lambda raw: (int(raw.split(".")[0]) + 12) % 24 * 60 + int(raw.split(".")[1]))
    )
