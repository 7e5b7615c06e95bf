"""What a note's text means as night times, and what is told back instead of guessed (I4)."""

from __future__ import annotations

import time as stopwatch
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.nights import (
    PROBLEM_PARAMS,
    Granted,
    NightTimes,
    NightWindow,
    TimesProblem,
    Weekday,
    calendar_days,
    check_granted,
)
from adapter.domain.times_grammar import MAX_TEXT, parse_times

WINDOW = NightWindow()
TEXTS = Path(__file__).parents[2] / "mappings" / "texts.sv.toml"
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def times_of(text: str) -> dict[str, str]:
    """The nights of an accepted text with their times; a text refused fails here with its reason."""
    result = parse_times(text, WINDOW)
    assert isinstance(result, NightTimes), (text, result)
    return {night: " ".join(at) for night, at in result.to_json().items()}


def problem_of(text: str) -> TimesProblem:
    result = parse_times(text, WINDOW)
    assert isinstance(result, TimesProblem), (text, result)
    return result


EVERY_NIGHT = {
    "22.30, 02:15 och 05.00": "22:30 02:15 05:00",
    "05.00 22.30 02:15": "22:30 02:15 05:00",
    "22:30,02:15.": "22:30 02:15",
    "kl 23 och 03": "23:00 03:00",
    "kl. 23": "23:00",
    "kl.23:15": "23:15",
    "Klockan 22.30 samt kl 2": "22:30 02:00",
    "kl 22, 01 & 04": "22:00 01:00 04:00",
    "kl 23 och 03 varje natt": "23:00 03:00",
    "22:30 och 02:15 alla nätter": "22:30 02:15",
    "Alla nätter: 22:30 och 02:15": "22:30 02:15",
    "dagligen 22.30": "22:30",
    "Nya tider: 22:30": "22:30",
    "Överenskomna tider för tillsyn:\n- 22:30\n– 02:15\n• 05:00": "22:30 02:15 05:00",
    "TIDER\r\n22.30;\r\n2.15": "22:30 02:15",
    "24.00": "00:00",
    "kl 24": "00:00",
    "kl 22.10, 02:15": "22:10 02:15",
    "22.10 och 02.15": "22:10 02:15",
    "21:00 06:59": "21:00 06:59",
    "22:30\u00a0\u2003och\u200b 02:15": "22:30 02:15",
}


@pytest.mark.parametrize("text", EVERY_NIGHT)
def test_a_text_that_names_no_night_means_every_night(text: str) -> None:
    assert times_of(text) == dict.fromkeys(DAYS, EVERY_NIGHT[text])


SOME_NIGHTS: dict[str, dict[str, str]] = {
    "mån-fre 23:00 03:00; lör-sön 00:30 04:30": dict.fromkeys(DAYS[:5], "23:00 03:00")
    | dict.fromkeys(DAYS[5:], "00:30 04:30"),
    "MÅN.–FRE. kl 23 och 03, LÖR och SÖN 00.30": dict.fromkeys(DAYS[:5], "23:00 03:00")
    | dict.fromkeys(DAYS[5:], "00:30"),
    "Måndagar, onsdagar och fredagarna: 22:30. Tisdagen - 23:00": {
        "mon": "22:30",
        "wed": "22:30",
        "fri": "22:30",
        "tue": "23:00",
    },
    "fre-mån 22:00": dict.fromkeys(["fri", "sat", "sun", "mon"], "22:00"),
    "lör — tis 22:00": dict.fromkeys(["sat", "sun", "mon", "tue"], "22:00"),
    "sön–lör 22:00": dict.fromkeys(DAYS, "22:00"),
    "tors 22:00": {"thu": "22:00"},
    "varje måndag 02:15": {"mon": "02:15"},
    "mån-tors:\n- 23:00\n- 03:00\n\nlör:\n- 00:30": dict.fromkeys(DAYS[:4], "23:00 03:00") | {"sat": "00:30"},
    "nätter lör-sön 22:00": {"sat": "22:00", "sun": "22:00"},
    unicodedata.normalize("NFD", "månd 22:00; sönd 23:00"): {"mon": "22:00", "sun": "23:00"},
}


@pytest.mark.parametrize("text", SOME_NIGHTS)
def test_nights_are_named_by_their_evening_and_those_not_named_have_no_looks(text: str) -> None:
    assert times_of(text) == SOME_NIGHTS[text]


REFUSED: dict[str, tuple[str, dict[str, str]]] = {
    "x" * (MAX_TEXT + 1): ("too_long", {"limit": "2000"}),
    "": ("no_times", {}),
    "Överenskomna tider:": ("no_times", {}),
    "22:30\nca 02:15": ("unknown_word", {"line": "2", "word": "1"}),
    "22:30 men inte lör": ("unknown_word", {"line": "1", "word": "2"}),
    "man 22:30": ("unknown_word", {"line": "1", "word": "1"}),
    "23:00h": ("unknown_word", {"line": "1", "word": "1"}),
    "22:30 kl": ("unknown_word", {"line": "1", "word": "2"}),
    "varannan natt 22:30": ("unknown_word", {"line": "1", "word": "1"}),
    "22:30 (02:15)": ("unknown_sign", {"line": "1", "word": "2"}),
    "２２:30": ("unknown_sign", {"line": "1", "word": "1"}),
    "22:30?": ("unknown_sign", {"line": "1", "word": "1"}),
    "mån/tis 22:30": ("unknown_sign", {"line": "1", "word": "1"}),
    "22:30 . 02:15": ("unknown_sign", {"line": "1", "word": "2"}),
    "22:30: 02:15": ("unknown_sign", {"line": "1", "word": "1"}),
    "19900101TF03 22:30": ("long_number", {"line": "1"}),
    "2026-11-24: 22:30": ("not_a_time", {"line": "1", "token": "2026"}),
    "0701234567": ("long_number", {"line": "1"}),
    "22:30:00": ("long_number", {"line": "1"}),
    "24:30": ("not_a_time", {"line": "1", "token": "24:30"}),
    "25.00": ("not_a_time", {"line": "1", "token": "25.00"}),
    "22:60": ("not_a_time", {"line": "1", "token": "22:60"}),
    "2230": ("not_a_time", {"line": "1", "token": "2230"}),
    "2 tillsyner: 22:30 och 02:15": ("bare_number", {"line": "1", "token": "2"}),
    "kl 22:30 och 2 tillsyner": ("bare_number", {"line": "1", "token": "2"}),
    "kl 23, 2 varje natt": ("bare_number", {"line": "1", "token": "2"}),
    "kl 22 30": ("bare_number", {"line": "1", "token": "22"}),
    "23 och 03": ("bare_number", {"line": "1", "token": "23"}),
    "kl 23. 03": ("bare_number", {"line": "1", "token": "03"}),
    "kl 22,05": ("comma_in_time", {"line": "1", "token": "22,05"}),
    "22,30": ("comma_in_time", {"line": "1", "token": "22,30"}),
    "1.12 22.30": ("maybe_date", {"line": "1", "token": "1.12"}),
    "22.10 22:30": ("maybe_date", {"line": "1", "token": "22.10"}),
    "22.30-05.00": ("time_range", {"line": "1"}),
    "kl 23 – kl 03": ("time_range", {"line": "1"}),
    "mån-fre-sön 22:30": ("loose_dash", {"line": "1", "word": "1"}),
    "-\n22:30": ("loose_dash", {"line": "1", "word": "1"}),
    "22:30 -": ("loose_dash", {"line": "1", "word": "2"}),
    "mån -\nfre 22:30": ("loose_dash", {"line": "1", "word": "2"}),
    "07:00": ("outside_window", {"line": "1", "time": "07:00", "start": "21:00", "end": "07:00"}),
    "20:59": ("outside_window", {"line": "1", "time": "20:59", "start": "21:00", "end": "07:00"}),
    "22:30\n22.30": ("duplicate_time", {"line": "2", "time": "22:30"}),
    "24:00 00:00": ("duplicate_time", {"line": "1", "time": "00:00"}),
    "mån 22:30; sön-tis 23:00": ("weekday_twice", {"line": "1", "night": "måndag"}),
    "alla nätter 22:30; lör 23:00": ("weekday_twice", {"line": "1", "night": "lördag"}),
    "mån-mån 22:30": ("weekday_twice", {"line": "1", "night": "måndag"}),
    "Vardagar 22:30": ("vague_days", {"line": "1", "token": "vardagar"}),
    "helger 22:30": ("vague_days", {"line": "1", "token": "helger"}),
    "natt mot lördag 22:30": ("night_towards", {"line": "1"}),
    "natten mån-tis 22:30": ("one_night_or_two", {"line": "1", "first": "måndag", "second": "tisdag"}),
    "mån\ntis 22:30": ("nights_without_times", {"line": "1"}),
    "mån 22:30\ntis": ("nights_without_times", {"line": "2"}),
    "mån 22:30; 02:15": ("times_without_nights", {"line": "1"}),
    "22:30 alla nätter 02:15": ("times_without_nights", {"line": "1"}),
    "22:30 och 02:15 mån-fre": ("nights_after_times", {"line": "1"}),
    " ".join(f"23:{m:02}" for m in range(13)): ("too_many", {"day": "måndag", "limit": "12"}),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused_with_the_reason(text: str) -> None:
    assert problem_of(text) == TimesProblem(*REFUSED[text])


def test_twelve_looks_on_a_calendar_day_are_accepted_however_the_nights_share_them() -> None:
    evening, morning = [f"23:{m:02}" for m in range(6)], [f"02:{m:02}" for m in range(7)]
    assert times_of("alla nätter " + " ".join(evening + morning[:6]))
    assert problem_of("alla nätter " + " ".join(evening + morning)).code == "too_many"
    assert times_of("mån " + " ".join(evening + morning))  # 6 on Monday, 7 on Tuesday


def test_another_window_is_held_and_named() -> None:
    result = parse_times("21:30", NightWindow(time(22), time(6)))
    assert result == TimesProblem("outside_window", {"line": "1", "time": "21:30", "start": "22:00", "end": "06:00"})


# Granted


GRANTED_PROBLEMS = {
    ("22:30 02:15", Granted(1, None)): TimesProblem(
        "more_than_granted",
        {
            "nights": "alla nätter",
            "found": "2",
            "granted": "1",
        },
    ),
    ("mån 22:30; tis 22:30 02:15", Granted(1, None)): TimesProblem(
        "more_than_granted", {"nights": "tisdag", "found": "2", "granted": "1"}
    ),
    ("mån 22:30; fre 02:15", Granted(3, frozenset({Weekday.MON}))): TimesProblem(
        "night_not_granted", {"nights": "fredag"}
    ),
}


@pytest.mark.parametrize(("text", "granted"), GRANTED_PROBLEMS)
def test_more_than_was_granted_is_told(text: str, granted: Granted) -> None:
    times = parse_times(text, WINDOW)
    assert isinstance(times, NightTimes)
    assert check_granted(times, granted) == GRANTED_PROBLEMS[text, granted]


@pytest.mark.parametrize("granted", [Granted(2, frozenset(Weekday)), Granted(3, None), Granted(None, None)])
def test_as_many_as_granted_or_fewer_and_what_cannot_be_checked_are_accepted(granted: Granted) -> None:
    times = parse_times("mån 22:30 02:15", WINDOW)
    assert isinstance(times, NightTimes)
    assert check_granted(times, granted) is None


# Texts of the problems


def sentences() -> Mapping[str, str]:
    with TEXTS.open("rb") as file:
        table = tomllib.load(file)["times"]
    assert isinstance(table, dict)
    return table


def test_every_problem_has_a_swedish_sentence_with_its_parameters_and_every_sentence_a_problem() -> None:
    placeholders = {
        code: {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        for code, text in sentences().items()
    }
    assert placeholders == PROBLEM_PARAMS


def test_every_problem_is_shown_by_an_example_here() -> None:
    shown = {code for code, _ in REFUSED.values()} | {p.code for p in GRANTED_PROBLEMS.values()}
    assert shown == set(PROBLEM_PARAMS)


def test_the_examples_in_the_sentences_are_themselves_accepted() -> None:
    for code, text in sentences().items():
        _, found, example = text.partition("till exempel: ")
        if found:
            assert times_of(example.removesuffix(".")), code


def test_a_problem_with_other_parameters_than_its_sentence_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no_times"):
        TimesProblem("no_times", {"name": "x"})


# Any text


PIECES = (
    "mån fre- lör-sön tisdagar kl klockan och samt , ; - – . : 22:30 02.15 23 03 2 24:00 1.12 22,30 alla nätter natt "
    "varje mot vardagar tillsyn xyz • ( 0701234567"
)
WORDS = st.sampled_from([*PIECES.split(), "\n"])
SALAD = st.lists(WORDS, max_size=14).flatmap(lambda ws: st.sampled_from([" ", ""]).map(lambda gap: gap.join(ws)))
times_in_window = st.builds(time, st.sampled_from([21, 22, 23, 0, 1, 2, 3, 4, 5, 6]), st.integers(0, 59))
night_times = (
    st.lists(st.lists(times_in_window, max_size=6, unique=True), min_size=7, max_size=7)
    .map(lambda nights: NightTimes.of(dict(zip(Weekday, nights, strict=True))))
    .filter(lambda times: times.max_per_night > 0)
)


def written(times: NightTimes) -> str:
    """As a coordinator would write them."""
    return "; ".join(
        f"{' '.join(night.swedish for night in nights)} {' '.join(f'{t:%H:%M}' for t in at)}"
        for nights, at in times.groups()
    )


@given(st.text() | SALAD)
def test_no_text_raises_and_what_is_accepted_reads_the_same_when_written_out(text: str) -> None:
    result = parse_times(text, WINDOW)
    if isinstance(result, NightTimes):
        assert all(WINDOW.contains(t) for at in result.nights for t in at)
        assert max(map(len, calendar_days(result, WINDOW).values())) <= 12
        assert parse_times(written(result), WINDOW) == result


@given(night_times)
def test_all_times_can_be_written_and_read(times: NightTimes) -> None:
    assert parse_times(written(times), WINDOW) == times


@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=3), SALAD)
def test_free_text_is_never_repeated(name: str, text: str) -> None:
    result = parse_times(f"{text} {name}", WINDOW)
    if isinstance(result, TimesProblem) and not name.isdecimal():
        allowed = ("line", "word", "night", "first", "second", "start", "end", "limit", "day", "time")
        for param, value in result.params.items():
            if param not in allowed:
                assert value.strip("0123456789.:,") in ("", "vardagar")


@pytest.mark.parametrize("sign", ["2", "22:30 ", "mån ", "\n", "a\u0301", "-"])
def test_a_text_of_five_megabytes_is_answered_at_once(sign: str) -> None:
    text = sign * (5_000_000 // len(sign))
    began = stopwatch.process_time()
    assert problem_of(text).code == "too_long"
    problem_of(text[:MAX_TEXT])
    assert stopwatch.process_time() - began < 1
