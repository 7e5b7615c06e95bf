"""The last fourteen nights on page and terminal: every due look is there, with what is known of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

from rich.console import Console

from adapter.domain.ledger import Ledger, Look, LookOutcome, ScheduleRecord, ScheduleStatus
from adapter.domain.nights import NightTimes, Weekday
from adapter.domain.policy import Policy
from adapter.presentation.nights_page import SHOWN, as_json, nights, nights_page, picture
from adapter.presentation.words import Words
from mappings.texts import Texts

ZONE = ZoneInfo("Europe/Stockholm")
POLICY, WORDS = Policy(ZONE), Words(Texts.load(), ZONE)
TIMES = NightTimes.of({day: [time(22, 30), time(2, 15)] for day in Weekday})
RECORD = ScheduleRecord(1, ScheduleStatus.OPEN, date(2026, 3, 1), None, TIMES, datetime(2026, 3, 1, tzinfo=UTC))
LEDGER = Ledger(RECORD.seen_at, schedule=RECORD)
FIRST = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
SECOND = datetime(2026, 3, 3, 1, 15, tzinfo=UTC)


def known(at: datetime, outcome: LookOutcome) -> Look:
    return Look(1, at, outcome, judged_at=at)


def codes(looks: list[Look], now: datetime, ledger: Ledger = LEDGER) -> dict[date, list[str]]:
    return {n.evening: [m.code for m in n.marks] for n in nights(looks, ledger, POLICY, now) if n.marks}


def test_fourteen_nights_are_shown_the_newest_first_those_without_looks_too() -> None:
    shown = nights([known(FIRST, LookOutcome.OK)], Ledger(FIRST), POLICY, SECOND)
    assert [night.evening for night in shown] == [date(2026, 3, 2) - timedelta(days=n) for n in range(SHOWN)]
    assert [len(night.marks) for night in shown] == [1] + [0] * 13


def test_what_is_known_of_a_look_is_said_and_what_is_not_known_is_never_taken_for_done() -> None:
    looks = [known(FIRST, LookOutcome.CAMERA_OFFLINE), Look(1, SECOND, LookOutcome.PENDING)]
    night = date(2026, 3, 2)
    assert codes(looks, SECOND + timedelta(minutes=34))[night] == ["camera_offline", "open"]
    assert codes(looks, SECOND + timedelta(minutes=35))[night] == ["camera_offline", "unknown"]
    assert codes([replace(looks[0], entitled=False)], FIRST)[night] == ["unentitled"]


def test_looks_of_which_nothing_was_read_are_unknown_and_not_left_out() -> None:
    read = [known(FIRST, LookOutcome.OK)]
    assert codes(read, SECOND + timedelta(days=1, minutes=2)) == {
        date(2026, 3, 2): ["ok", "unknown"],
        date(2026, 3, 3): ["unknown", "open"],
    }
    paused = replace(LEDGER, schedule=replace(RECORD, status=ScheduleStatus.PAUSED))
    assert codes(read, SECOND + timedelta(days=1, minutes=2), paused) == {date(2026, 3, 2): ["ok"]}


def test_a_terminal_shows_each_look_in_its_quarter_and_says_what_is_not_done() -> None:
    looks = [known(FIRST, LookOutcome.MISSED), known(SECOND, LookOutcome.OK)]
    shown = nights(looks, LEDGER, POLICY, SECOND + timedelta(minutes=2))
    console = Console(width=120, record=True, file=StringIO())
    console.print(nights_page("TK-7F3K2M", shown, POLICY, WORDS))
    line = next(line for line in console.export_text().splitlines() if line.startswith("mån 2 mars"))
    assert line.index("✗") == 13 + 6
    assert line.index("✓") == 13 + 21
    assert line.rstrip().endswith("22:30 ingen tittade")


def test_the_page_draws_the_same_and_a_program_gets_it_by_instants() -> None:
    shown = nights([known(FIRST, LookOutcome.OK)], LEDGER, POLICY, FIRST)
    drawn = picture(shown, POLICY, WORDS)
    assert [hour for _, hour in drawn["hours"]] == ["21", "22", "23", "00", "01", "02", "03", "04", "05", "06"]
    assert drawn["nights"][0]["told"] == "22:30 gjord"
    (look,) = as_json(shown, WORDS)[0]["looks"]
    assert look == {"schedule": 1, "due_at": FIRST, "outcome": "ok", "text": "gjord"}
