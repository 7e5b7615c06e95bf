"""The follow-up's sections with sentences, charts and rows, the same on paper and on the page."""

from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from adapter.followup.report import SPAN, Month, Table, by_span
from adapter.followup.suppression import suppressed
from adapter.followup.tallies import ALL, Tally
from adapter.presentation.followup_view import Section, paper, sections, span_text
from adapter.presentation.words import Words
from mappings.documents import FOLLOW_UP, render
from mappings.messages.swedish import number
from mappings.texts import Texts
from tests.documents.test_documents import words_in

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
FIRST, LAST = OCTOBER, date(2026, 11, 30)
NORTH, SOUTH = 7101, 7102
WORDS = Words(Texts.load("sv", strict=True).plus(units={"7101": "Hemtjänst Norr"}))


def month(first: date, last: date, ordered: int, ended: int, missed: int) -> Month:
    tallies = [
        *(Tally(first, NORTH, what, 0, n) for what, n in (("ordered", ordered), ("started", 6), ("active", 6))),
        *(Tally(first, SOUTH, what, 0, n) for what, n in (("ordered", 9), ("ended.deceased", ended))),
        *(Tally(first, NORTH, f"look.{outcome}", 0, n) for outcome, n in (("ok", 1490), ("missed", missed))),
        *(Tally(first, NORTH, "lead", days, 3) for days in (4, 9)),
        *(Tally(first, NORTH, "step.I4", hours, 3) for hours in (20, 240)),
        Tally(first, SOUTH, "unwatched.not_started", 0, 12),
        Tally(first, SOUTH, "unwatched.consent_withdrawn", 0, 3),
    ]
    return Month(first, last, tallies, {})


MONTHS = [month(OCTOBER, date(2026, 10, 31), 8, 2, 10), month(NOVEMBER, LAST, 7, 0, 20)]


def shown(below: int = 0, unit: int = ALL, months: list[Month] = MONTHS) -> dict[str, Section]:
    tables = suppressed(by_span(months), below)
    return {s.name: s for s in sections(tables, months[0].first, months[-1].last, unit, WORDS)}


def drawn(svg: str) -> list[str]:
    """The words and numbers of a chart."""
    return [text.text or "" for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_sentences_charts_and_rows_say_the_same_in_swedish() -> None:
    cases, looks, steps = (shown()[name] for name in ("cases", "looks", "steps"))
    assert cases.told[0] == "Beställningar in: 33. Starter: 12. Avslut: 2."
    assert "Av 3\u202f010 tillsyner som skulle göras blev 99,0 % gjorda." in looks.told
    assert cases.charts[0].told == "Beställningar in: 33 under perioden, som mest 17 i oktober 2026."
    assert drawn(cases.charts[0].svg) == ["17", "okt", "2026", "16", "nov"]
    by_month, by_unit = cases.grids
    assert [row[:2] for row in by_month.rows] == [("oktober 2026", "17"), ("november 2026", "16")]
    assert [row[:2] for row in by_unit.rows] == [("Enhet 7102", "18"), ("Hemtjänst Norr", "15")]
    assert steps.grids[0].rows == (("I4 tider för tillsyn", "koordinatorn", "12", "20 tim", "10 dygn"),)
    assert drawn(steps.charts[0].svg) == ["I4 tider för tillsyn, koordinatorn", "20 tim / 10 dygn"]


def test_a_number_that_is_left_out_is_in_no_sentence_chart_or_row() -> None:
    section = shown(below=5)["cases"]
    assert not any("Avslut" in line for line in section.told)
    assert all("Avslut" not in chart.told for chart in section.charts), "nothing is left to draw"
    assert [row[5] for row in section.grids[0].rows] == ["..", "0"]
    unwatched = shown(below=5)["unwatched"]
    assert unwatched.grids[0].rows[0] == ("e-tillsyn har inte börjat", "24")


def test_one_unit_is_told_alone_and_one_month_draws_no_line_of_months() -> None:
    (by_month,) = shown(unit=NORTH)["cases"].grids
    assert [row[:2] for row in by_month.rows] == [("oktober 2026", "8"), ("november 2026", "7")]
    assert shown(months=MONTHS[:1])["cases"].charts == ()
    nothing = shown(months=[Month(OCTOBER, date(2026, 10, 31), (), {})])
    assert nothing["looks"].told == ("Inget under perioden.",)


def test_a_table_that_nobody_has_heard_of_is_shown_by_its_columns() -> None:
    rows = [(m, ALL, vendor, n, 99) for m in ("2026-10", "2026-11", SPAN) for vendor, n in (("lifecare", 2), ("x", 7))]
    new = Table("new", ("month", "unit", "vendor", "outages", "share"), tuple(rows))
    (section,) = sections([new], FIRST, LAST, ALL, Words(Texts.load("sv")))
    assert section.grids[0].rows == (("x", "7", "99"), ("lifecare", "2", "99"))
    assert drawn(section.charts[0].svg) == ["x", "7", "lifecare", "2"]


def test_what_is_no_unit_s_is_told_whatever_unit_is_asked_for_and_never_left_out() -> None:
    rows = tuple((month, ALL, "phoniro", 4000, 1, 99.97) for month in ("2026-10", SPAN))
    service = Table("service", ("month", "unit", "system", "calls", "outage_minutes", "available"), rows)
    (section,) = sections(suppressed([service], 5), OCTOBER, date(2026, 10, 31), NORTH, WORDS)
    assert section.grids[0].rows == (("Phoniro", "4\u202f000", "1", "99,97"),)


def test_the_paper_is_printed_with_its_charts_and_says_what_is_left_out(tmp_path: Path) -> None:
    data = paper(suppressed(by_span(MONTHS), 5), FIRST, LAST, ALL, WORDS, today=LAST, below=5)
    pdf = render(FOLLOW_UP, {"municipality": "Exempelkommun", **data})
    assert b"pdfuaid:part" in pdf
    text = words_in(pdf, tmp_path)
    told = ("Exempelkommun", "alla enheter", "oktober 2026 – november 2026", "antal under 5 utelämnade", "17", "nov")
    assert [word for word in told if word not in text] == []


def test_numbers_and_spans_are_written_as_swedish_is() -> None:
    assert (number(1234567), number(99.25), number(0)) == ("1\u202f234\u202f567", "99,2", "0")
    assert span_text(OCTOBER, date(2026, 10, 31), WORDS) == "oktober 2026"
    assert span_text(OCTOBER, date(2026, 11, 3), WORDS) == "1 okt 2026 – 3 nov 2026"
