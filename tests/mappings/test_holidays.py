"""The days on which nobody works: Swedish holidays and their eves, and no ordinary day."""

from datetime import date

from mappings.mapping import holidays_between


def test_the_year_2026() -> None:
    days = "01-01 01-06 04-03 04-05 04-06 05-01 05-14 05-24 06-06 06-19 06-20 10-31 12-24 12-25 12-26 12-31"
    assert sorted(holidays_between(2026, 2026)) == [date.fromisoformat(f"2026-{day}") for day in days.split()]
