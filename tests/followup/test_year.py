"""A simulated town's follow-up agrees to the last figure with what stands at the vendors: ``make year`` lives a year of
300. Here it is a small one, in weeks that hold the change to summer time and the end of a month."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo

import pytest

from adapter.domain.nights import NightWindow
from adapter.followup import tallies
from adapter.followup.report import Month, report
from adapter.followup.tallies import Tally
from adapter.store import look_log
from tests.simulation.town import Scale
from tests.simulation.year import ZONE, Year, counted, reported

PERSONS, DAYS, SEED = 3, 25, 0
WEEKS = datetime(2026, 3, 12, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def town() -> Year:
    lived = Year(SEED, Scale(PERSONS, DAYS), WEEKS)
    lived.run()
    return lived


def differs(town: Year, months: list[Month]) -> bool:
    return reported(report(months, every=True)) != town.expected


def test_every_figure_agrees_with_the_vendors_histories(town: Year) -> None:
    assert town.differences == []
    assert len(town.expected) > 50
    assert town.faults, "nothing went wrong, so nothing was tried"


def test_one_count_left_out_or_counted_twice_or_put_in_the_other_month_is_noticed(town: Year) -> None:
    march, april = town.months
    for month, other in ((march, april), (april, march)):
        for place, tally in enumerate(month.tallies):
            if not known(tally):
                continue
            for number in (tally.number - 1, tally.number + 1):
                changed = [*month.tallies[:place], tally._replace(number=number), *month.tallies[place + 1 :]]
                assert differs(town, [replace(month, tallies=changed), other]), (tally, number)
