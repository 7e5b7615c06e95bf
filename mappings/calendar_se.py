"""Days that aren't working days in Sweden, beside Saturdays and Sundays."""

from datetime import date
from functools import cache

import holidays


@cache
def holidays_between(first_year: int, last_year: int) -> frozenset[date]:
    """Public holidays, and the eves on which nobody works: midsommarafton, julafton and nyårsafton."""
    years = range(first_year, last_year + 1)
    return frozenset(holidays.country_holidays("SE", years=years, categories=("public", "de_facto")))
