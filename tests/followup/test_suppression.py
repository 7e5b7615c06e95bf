"""Small numbers are left out of what is handed on, and can't be calculated by subtraction either."""

from datetime import date
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.followup.report import SPAN, Month, Table, by_span
from adapter.followup.suppression import HIDDEN, suppressed
from adapter.followup.tallies import ALL, Tally

MONTHS = ((date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30)))
NORTH, SOUTH = 7101, 7102
COLUMNS = ("month", "unit", "nights")
Nights = tuple[int, int, int, int]


def of(nights: Nights) -> Table:
    """Two months of two units, with every sum."""
    a, b, c, d = nights
    cells = {
        ("2026-10", NORTH): a,
        ("2026-10", SOUTH): b,
        ("2026-10", ALL): a + b,
        ("2026-11", NORTH): c,
        ("2026-11", SOUTH): d,
        ("2026-11", ALL): c + d,
        (SPAN, NORTH): a + c,
        (SPAN, SOUTH): b + d,
        (SPAN, ALL): a + b + c + d,
    }
    return Table("nights", COLUMNS, tuple((month, unit, value) for (month, unit), value in cells.items()))


def shown(table: Table) -> tuple[object, ...]:
    return tuple(row[2] for row in table.rows)


def of_three(nights: tuple[int, int, int]) -> Table:
    """A month of three units."""
    cells = dict(zip((NORTH, SOUTH, 7103, ALL), (*nights, sum(nights)), strict=True))
    rows = tuple((month, unit, value) for month in ("2026-10", SPAN) for unit, value in cells.items())
    return Table("nights", COLUMNS, rows)


TOWNS = [shown(of((a, b, c, d))) for a, b, c, d in product(range(12), repeat=4)]
THREES = [shown(of_three((a, b, c))) for a, b, c in product(range(14), repeat=3)]


def given_away(table: Table, towns: list[tuple[object, ...]], below: int) -> list[int]:
    """The hidden numbers that a reader still knows after trying every town that would have given this paper."""
    (told,) = suppressed([table], below)
    paper = shown(told)
    assert not set(range(1, below)) & set(paper)
    left = [n for n, cell in enumerate(paper) if cell == HIDDEN]
    known = [n for n in range(len(paper)) if n not in left]
    possible = [town for town in towns if all(town[n] == paper[n] for n in known)]
    # A town that leaves out another number gives another paper. Because 0 is shown, a hidden number isn't 0.
    possible = [town for town in possible if all(town[n] != 0 for n in left)]
    return [n for n in left if len({town[n] for town in possible}) < 2]


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(0, 9)] * 4), st.tuples(*[st.integers(0, 9)] * 3))
def test_what_is_left_out_can_be_no_single_number(two_by_two: Nights, three: tuple[int, int, int]) -> None:
    assert given_away(of(two_by_two), TOWNS, 3) == []
    assert given_away(of_three(three), THREES, 4) == []


def test_as_0_is_shown_as_many_ones_as_their_sum_are_no_secret() -> None:
    assert given_away(of((0, 1, 1, 1)), TOWNS, 3) == []
    (told,) = suppressed([of_three((1, 1, 1))], 3)
    assert shown(told) == (HIDDEN,) * 8


def test_no_more_is_left_out_than_must_be() -> None:
    (told,) = suppressed([of_three((2, 9, 30))], 5)
    assert shown(told) == (HIDDEN, HIDDEN, 30, 41) * 2
    (told,) = suppressed([of_three((2, 4, 30))], 5)
    assert shown(told) == (HIDDEN, HIDDEN, 30, 36) * 2, "6 of two units is none of them"
    (told,) = suppressed([of_three((1, 2, 30))], 5)
    assert shown(told) == (HIDDEN, HIDDEN, HIDDEN, 33) * 2, "3 of two units would be a small number itself"
    (told,) = suppressed([of_three((2, 0, 0))], 5)
    assert shown(told) == (HIDDEN, 0, 0, HIDDEN) * 2


def test_without_a_limit_and_without_small_numbers_everything_is_shown() -> None:
    assert suppressed([of((1, 2, 3, 4))], 0) == (of((1, 2, 3, 4)),)
    assert suppressed([of((10, 20, 0, 40))], 5) == (of((10, 20, 0, 40)),)


def test_a_length_goes_with_its_count_and_who_is_looked_after_is_rounded() -> None:
    (first, last), _ = MONTHS
    tallies = [Tally(first, NORTH, "started", 0, 4), Tally(first, SOUTH, "started", 0, 30)]
    tallies += [Tally(first, unit, "lead", days, n) for unit, days, n in ((NORTH, 3, 4), (SOUTH, 9, 30))]
    tallies += [Tally(first, SOUTH, "active", 0, 28), Tally(first, NORTH, "active", 0, 4)]
    cases = next(t for t in suppressed(by_span([Month(first, last, tallies, {})]), 5) if t.name == "cases")
    rows = {row[:2]: dict(zip(cases.columns, row, strict=True)) for row in cases.rows}
    everyone, north, south = (rows[SPAN, unit] for unit in (ALL, NORTH, SOUTH))
    assert (north["started"], south["started"]) == (HIDDEN, HIDDEN), "34 less 30 would be the north's"
    assert (everyone["started"], everyone["lead_median"]) == (34, 9)
    assert (north["lead_median"], south["lead_median"]) == (HIDDEN, HIDDEN)
    assert (everyone["active"], south["active"], north["active"]) == (30, 30, HIDDEN)


def test_an_outcome_left_out_takes_another_along_so_that_the_looks_that_were_due_say_nothing() -> None:
    (first, last), _ = MONTHS
    tallies = [Tally(first, NORTH, f"look.{o}", 0, n) for o, n in (("ok", 900), ("second_try", 12), ("missed", 2))]
    looks = next(t for t in suppressed(by_span([Month(first, last, tallies, {})]), 5) if t.name == "looks")
    for row in looks.rows:
        told = dict(zip(looks.columns, row, strict=True))
        assert (told["due"], told["ok"], told["camera_offline"]) == (914, 900, 0)
        assert (told["second_try"], told["missed"]) == (HIDDEN, HIDDEN)
