"""The tables in docs/nights.md agree with the code. Run this file (from the checkout) to write them again."""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapter.domain.nights import CalendarRule, NightTimes, NightWindow, TimesProblem, Weekday, calendar_rules
from adapter.domain.times_reading import Reading, read_times
from adapter.domain.wall_clock import day_end, day_start, last_look, looks, next_look, window_start

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "nights.md"
ZONE = ZoneInfo("Europe/Stockholm")
WINDOW = NightWindow()
MONDAY, SPRING, AUTUMN = date(2026, 11, 30), date(2027, 3, 28), date(2027, 10, 31)

ACCEPTED = (
    "22.30, 02:15 och 05.00",
    "mån-fre 23:00 03:00; lör-sön 00:30 04:30",
    "Överenskomna tider för tillsyn: kl 23 och 03",
    "måndagar 22:30, 02:15",
    "söndag 05:00",
    "fre–mån kl. 23.30",
    "22:30 och 02:15 alla nätter",
    "3 tillsyner per natt: 22:30, 02:15, 05:00",
    "1. 22:30⏎2. 02:15",
    "mån-tor 22:30 02:15, fre samma, lör-sön 23:30",
    "mån 22:30, övriga nätter 23:00",
    "tisdag morgon 05:00",
    "endast mån/ons/fre 22:30",
    "mån, ons och fre:⏎- 22:30⏎- 24.00",
)
REFUSED = (
    "ca 23:00 och 03:00",
    "3 tillsyner: 22:30 och 02:15",
    "23 och 03",
    "mån 23:00, tis 02:15",
    "Tor: 23:00",
    "Mån-fre   Lör-sön⏎22:30     23:30",
    "22:30 och",
    "Tid 22:30. Ny tid 23:00",
    "22.30-05.00",
    "kl 22,05",
    "1.12: 22:30",
    "19:00 och 02:15",
    "vardagar 23:00",
    "natt mot lördag 23:00",
    "natten mån-tis 23:00",
    "22:30 och 02:15 mån-fre",
    "mån 23:00; 02:15",
    "mån-ons 23:00, ons-fre 22:00",
)


def days(members: Sequence[Weekday]) -> str:
    return "alla" if len(members) == 7 else ", ".join(day.swedish[:3] for day in members)


def clock(times: Iterable[time]) -> str:
    return " ".join(f"{t:%H:%M}" for t in times)


def when(instant: datetime) -> str:
    local = instant.astimezone(ZONE)
    return f"{Weekday(local.weekday()).swedish[:3]} {local:%Y-%m-%d %H:%M}"


def read(text: str) -> NightTimes:
    reading = read_times(text.replace("⏎", "\n"), WINDOW, MONDAY)
    assert isinstance(reading, Reading), text
    return reading.times


def rules_text(rules: Iterable[CalendarRule]) -> str:
    return "; ".join(f"{days(rule.weekdays)}: {clock(rule.times)}" for rule in rules)


def table(headings: str, rows: Iterable[Sequence[str]]) -> str:
    names = headings.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def accepted() -> str:
    rows = []
    for text in ACCEPTED:
        times = read(text)
        nights = "; ".join(f"{days(group)}: {clock(at)}" for group, at in times.groups())
        rows.append((f"`{text}`", nights, rules_text(calendar_rules(times, WINDOW))))
    return table("Anteckningens text|Nätter (efter kvällen då de börjar)|Kalenderdagar i Phoniro", rows)


def refused() -> str:
    with (ROOT / "mappings" / "texts.sv.toml").open("rb") as file:
        texts = tomllib.load(file)["times"]
    rows = []
    for text in REFUSED:
        problem = read_times(text.replace("⏎", "\n"), WINDOW, MONDAY)
        assert isinstance(problem, TimesProblem), text
        rows.append((f"`{text}`", texts[problem.code].format(**problem.params)))
    return table("Anteckningens text|Svar till koordinatorn", rows)


def validity() -> str:
    rows = []
    for text, first, last in (
        ("22:30 02:15", MONDAY, MONDAY + timedelta(days=2)),
        ("22:30 02:15", MONDAY, MONDAY),
        ("måndagar 22:30, 02:15", MONDAY, MONDAY + timedelta(days=6)),
        ("söndagar 02:15", MONDAY, MONDAY + timedelta(days=6)),
        ("22:30 02:15", MONDAY, None),
    ):
        times = read(text)
        found = list(looks(times, WINDOW, first, last, ZONE, day_start(first, ZONE), day_end(MONDAY, ZONE) + 7 * DAY))
        start = next_look(times, WINDOW, first, last, ZONE, day_start(first, ZONE))
        end = last_look(times, WINDOW, first, last, ZONE)
        rows.append(
            (
                f"`{text}`",
                f"{first}",
                f"{last or 'tills vidare'}",
                f"{start:%Y-%m-%d %H:%M}" if start else "ingen",
                f"{end:%Y-%m-%d %H:%M}" if end else "–",
                str(len(found)) if last else "–",
            )
        )
    return table("Tider|Första dag|Sista dag|Första tillsyn|Sista tillsyn|Antal tillsyner", rows)


DAY = timedelta(days=1)


def absence() -> str:
    rows = []
    for first, last in ((MONDAY, MONDAY + 2 * DAY), (MONDAY, MONDAY)):
        pause, resume = window_start(first, WINDOW, ZONE), window_start(last, WINDOW, ZONE)
        times, start = read("22:30 02:15"), day_start(first, ZONE)
        due = list(looks(times, WINDOW, first, None, ZONE, start, day_end(last, ZONE)))
        made = [when(i) for i in due if not pause <= i < resume]
        left_out = [when(i) for i in due if pause <= i < resume]
        rows.append((f"{first} – {last}", when(pause), when(resume), "; ".join(left_out) or "inga", "; ".join(made)))
    return table("Frånvaro|Pausas|Återupptas|Uteblivna tillsyner (22:30 02:15)|Tillsyner som görs de dagarna", rows)


def clock_changes() -> str:
    rows = []
    for day, what in ((SPRING, "vintertid till sommartid"), (AUTUMN, "sommartid till vintertid")):
        for at in ("01:45", "02:30", "03:15"):
            found = list(looks(read(at), WINDOW, day, day, ZONE, day_start(day, ZONE), day_end(day, ZONE)))
            local = [f"{i.astimezone(ZONE):%H:%M} ({i.astimezone(ZONE).tzname()})" for i in found]
            rows.append(
                (f"{day}, {what}", at, ", ".join(local), ", ".join(f"{i.astimezone(UTC):%H:%M}" for i in found))
            )
    return table("Söndag|Överenskommen tid|Tillsyn|UTC", rows)


TABLES: dict[str, Callable[[], str]] = {
    "accepted": accepted,
    "refused": refused,
    "validity": validity,
    "absence": absence,
    "clock changes": clock_changes,
}


def section(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- table: {name} -->\n)[^<]*(?=<!-- end of table -->)")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_says_what_the_code_does(name: str) -> None:
    found = section(name).search(PAGE.read_text(encoding="utf-8"))
    assert found, f"docs/nights.md has no table {name!r}"
    assert found.group() == TABLES[name](), "write it anew: PYTHONPATH=. python tests/domain/test_nights_docs.py"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for each, make in TABLES.items():
        page = section(each).sub(make().replace("\\", r"\\"), page)
    PAGE.write_text(page, encoding="utf-8")
