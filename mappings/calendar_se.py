"""Days that aren't working days in Sweden, beside Saturdays and Sundays.

By the law on public holidays (lag 1989:253 om allmänna helgdagar), and the eves on which nobody works. The library
``holidays`` says the same, and a test holds the two together: it loads the calendars of 250 countries, a tenth of the
service's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

_FIXED = ((1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31))
"""Nyårsdagen, trettondedag jul, första maj, nationaldagen, julafton, juldagen, annandag jul, nyårsafton."""
_FROM_EASTER = (-2, 0, 1, 39, 49)
"""Långfredagen, påskdagen, annandag påsk, Kristi himmelsfärdsdag, pingstdagen."""
_FRIDAY, _SATURDAY = 4, 5


def holidays_between(first_year: int, last_year: int) -> frozenset[date]:
    """Public holidays, and the eves on which nobody works: midsommarafton, julafton and nyårsafton."""
    return frozenset(day for year in range(first_year, last_year + 1) for day in _of(year))


def _of(year: int) -> Iterator[date]:
    yield from (date(year, month, day) for month, day in _FIXED)
    yield from (_easter(year) + timedelta(days=days) for days in _FROM_EASTER)
    midsummer_eve = _first(_FRIDAY, date(year, 6, 19))
    yield from (midsummer_eve, midsummer_eve + timedelta(days=1))
    yield _first(_SATURDAY, date(year, 10, 31))  # alla helgons dag


def _first(weekday: int, start: date) -> date:
    """The first such day of the week from ``start`` on."""
    return start + timedelta(days=(weekday - start.weekday()) % 7)


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
