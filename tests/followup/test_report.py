"""The report is made from the counts, by month and unit."""

from datetime import date

from adapter.followup.report import Month, Table, months_between, percentile, report
from adapter.followup.tallies import ALL, Tally

DAY = date(2026, 10, 3)
OCTOBER = Month(
    DAY.replace(day=1),
    date(2026, 10, 31),
    (
        Tally(DAY, 7101, "ordered", 0, 3),
        Tally(DAY, 7102, "ordered", 0, 2),
        Tally(DAY, 7101, "active", 0, 2),
        Tally(DAY, 7102, "active", 0, -1),
        *(Tally(DAY, 7101, "lead", days) for days in (1, 4, 9)),
        Tally(DAY, 7102, "lead", 30),
        Tally(DAY, 7101, "look.ok", 0, 88),
        Tally(DAY, 7101, "look.missed", 0, 2),
        Tally(DAY, 7101, "reminded.I4", 1, 4),
        Tally(DAY, 7101, "reminded.I4", 3),
    ),
    {7101: 5, 7102: 1},
)


def rows(tables: tuple[Table, ...], name: str) -> list[dict[str, object]]:
    return [dict(zip(t.columns, row, strict=True)) for t in tables for row in t.rows if t.name == name]


def test_all_units_stand_first_with_a_median_of_their_own() -> None:
    everyone, north, south = rows(report([OCTOBER]), "cases")
    assert [r["unit"] for r in (everyone, north, south)] == [ALL, 7101, 7102]
    assert [r["ordered"] for r in (everyone, north, south)] == [5, 3, 2]
    assert [r["active"] for r in (everyone, north, south)] == [7, 7, 0]
    assert [(r["lead_median"], r["lead_p90"]) for r in (everyone, north, south)] == [(4, 30), (4, 9), (30, 30)]


def test_a_unit_asked_for_stands_alone_and_one_without_anything_says_so() -> None:
    (only,) = rows(report([OCTOBER], 7102), "cases")
    assert (only["unit"], only["ordered"]) == (7102, 2)
    (none,) = rows(report([OCTOBER], 1), "cases")
    assert (none["ordered"], none["lead_median"]) == (0, None)


def test_looks_add_up_and_an_escalation_is_no_reminder() -> None:
    (looks,) = rows(report([OCTOBER], 7101), "looks")
    assert (looks["due"], looks["ok"], looks["missed"], looks["unknown"]) == (90, 88, 2, 0)
    (reminders,) = rows(report([OCTOBER], 7101), "reminders")
    assert (reminders["reminders"], reminders["escalations"]) == (4, 1)


def test_a_look_of_the_night_before_is_told_in_a_month_that_has_no_looks_yet() -> None:
    told = Month(DAY.replace(day=1), DAY.replace(day=1), (Tally(DAY.replace(day=1), 7101, "told", 25),), {})
    (looks,) = rows(report([told], 7101), "looks")
    assert (looks["due"], looks["told_median"]) == (0, 25)


def test_months_are_whole_but_at_the_ends() -> None:
    assert months_between(date(2026, 11, 15), date(2027, 1, 2)) == [
        (date(2026, 11, 15), date(2026, 11, 30)),
        (date(2026, 12, 1), date(2026, 12, 31)),
        (date(2027, 1, 1), date(2027, 1, 2)),
    ]


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([(1, 9), (100, 1)], 90) == 1
    assert percentile([(1, 8), (100, 2)], 90) == 100
    assert percentile([], 50) is None
