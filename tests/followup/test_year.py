"""Every figure of a simulated town's follow-up agrees with the vendors. ``make year`` simulates a year of 300 persons.
Here the town is small, and lives some weeks with the change to summer time and the end of a month."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapter.followup.report import Month, by_span
from adapter.followup.tallies import Tally
from tests.simulation.expected_followup import reported
from tests.simulation.town import Scale
from tests.simulation.year import Year

PERSONS, DAYS, SEED = 3, 25, 17
WEEKS = datetime(2026, 3, 12, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def town() -> Year:
    lived = Year(SEED, Scale(PERSONS, DAYS), WEEKS)
    lived.run()
    return lived


def differs(town: Year, months: Sequence[Month]) -> bool:
    return reported(by_span(months)) != town.expected


def test_every_figure_agrees_with_the_vendors_histories(town: Year) -> None:
    assert town.differences == []
    assert len(town.expected) > 50
    assert town.faults, "nothing went wrong, so nothing was tried"


def is_shown(tally: Tally) -> bool:
    """Whether its number is a figure that is compared: of some lengths only the median is."""
    unshown = ("lead", "told", "elsewhere.", "look.unentitled", "resumed")
    return not tally.what.startswith(unshown)


def test_one_count_left_out_or_counted_twice_is_noticed(town: Year) -> None:
    tried = 0
    for n, month in enumerate(town.months):
        for place, tally in enumerate(month.tallies):
            for number in (tally.number - 1, tally.number + 1) if is_shown(tally) else ():
                changed = [*month.tallies[:place], tally._replace(number=number), *month.tallies[place + 1 :]]
                months = [*town.months[:n], replace(month, tallies=changed), *town.months[n + 1 :]]
                assert differs(town, months), (tally, number)
                tried += 1
    assert tried > 50


def test_a_minute_in_which_nobody_was_at_work_or_a_vendor_was_down_is_noticed(town: Year) -> None:
    up = town.months[0].uptime
    assert {span.system for span in up.spans} == {"adapter", "lifecare"}
    for place, span in enumerate(up.spans):
        shorter = [*up.spans]
        shorter[place] = span._replace(until=span.until - timedelta(minutes=4))
        assert differs(town, [replace(m, uptime=replace(up, spans=shorter)) for m in town.months]), span


def test_a_day_that_is_another_than_the_town_s_is_noticed(town: Year) -> None:
    """Acts and looks are counted anew, by the same functions."""
    assert {how: differs(town, months) for how, months in town.anew.items()} == {
        "rightly": False,
        "by the days of another zone": True,
        "by a clock that knows no summer time": True,
    }
