"""What a night costs: calls by pages and not by cases, and a database that grows by what the retention says. Slow, as
two whole nights are lived, and the months until all of it is forgotten."""

from datetime import timedelta
from pathlib import Path

from tests.bench.night import night


async def test_a_night_of_more_schedules_costs_no_more_readings_and_leaves_no_more_than_its_looks(
    tmp_path: Path,
) -> None:
    few, many = [await night(tmp_path, "sqlite://", count, every=timedelta(hours=2)) for count in (4, 24)]
    assert many.listed - few.listed <= 3, "20 more cases: a page more for who looked at a time of the night, or none"
    assert many.written >= 24 * 3 - 6, "of what was missed nothing is written"
    for cost, count in ((few, 4), (many, 24)):
        assert cost.rows == (3 * count, cost.written), "an act for each look that was written, and nothing else"
        assert cost.kept == (3 * count, 0), "the cases are open still"
        assert cost.left == (0, 0)
