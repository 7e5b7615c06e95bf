"""The days on which nobody works."""

from __future__ import annotations

from datetime import date

import holidays

from mappings.calendar_se import holidays_between


def test_they_are_those_of_the_well_known_library() -> None:
    theirs = holidays.country_holidays("SE", years=range(2006, 2100), categories=("public", "de_facto"))
    assert holidays_between(2006, 2099) == frozenset(theirs)


def test_the_year_2026() -> None:
    days = "01-01 01-06 04-03 04-05 04-06 05-01 05-14 05-24 06-06 06-19 06-20 10-31 12-24 12-25 12-26 12-31"
    assert sorted(holidays_between(2026, 2026)) == [date.fromisoformat(f"2026-{day}") for day in days.split()]
