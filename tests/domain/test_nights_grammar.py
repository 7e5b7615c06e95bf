"""Texts about times that are refused instead of guessed (I4): the reason, and its place in the text.
``tests/domain/times`` tests what texts mean."""

import time as stopwatch
import tomllib
from datetime import date, time
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.nights import Granted, NightTimes, NightWindow, TimesProblem, Weekday, calendar_days, check_granted
from adapter.domain.times_reading import MAX_TEXT, Reading, read_times, settle
from tests.domain.drawn_nights import WINDOW, every_night, night_times

TEXTS = Path(__file__).parents[2] / "mappings" / "texts.sv.toml"


def parse_times(text: str, window: NightWindow = WINDOW) -> NightTimes | TimesProblem:
    reading = read_times(text, window, date(2026, 11, 29))
    return reading.times if isinstance(reading, Reading) else reading


def times_of(text: str) -> NightTimes:
    """The nights of an accepted text. A refused text fails here with its reason."""
    result = parse_times(text)
    assert isinstance(result, NightTimes), (text, result)
    return result


def problem_of(text: str) -> TimesProblem:
    result = parse_times(text)
    assert isinstance(result, TimesProblem), (text, result)
    return result


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
    "mån/tis 22:30": ("one_night_or_two", {"line": "1", "first": "måndag", "second": "tisdag"}),
    "22:30 . 02:15": ("unknown_sign", {"line": "1", "word": "2"}),
    "22:30: 02:15": ("unknown_sign", {"line": "1", "word": "1"}),
    "19900101TF03 22:30": ("long_number", {"line": "1"}),
    "2026-11-24: 22:30": ("a_date", {"line": "1"}),
    "0701234567": ("long_number", {"line": "1"}),
    "22:30:00": ("long_number", {"line": "1"}),
    "24:30": ("not_a_time", {"line": "1", "token": "24:30"}),
    "25.00": ("not_a_time", {"line": "1", "token": "25.00"}),
    "22:60": ("not_a_time", {"line": "1", "token": "22:60"}),
    "2230": ("not_a_time", {"line": "1", "token": "2230"}),
    "2 rum: 22:30 och 02:15": ("bare_number", {"line": "1", "token": "2"}),
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
    "22:30 och": ("unfinished", {"line": "1"}),
    "22:30\nmån \u200b fre": ("nights_after_times", {"line": "2"}),
    "mån \u200b fre 22:30": ("invisible_sign", {"line": "1", "word": "2"}),
    "från 31 februari 22:30": ("unsure_date", {"line": "1"}),
    "från 28 november 22:30": ("unsure_date", {"line": "1"}),
    "3 tillsyner\n22:30": ("count_differs", {"line": "1"}),
    "2. 22:30\n1. 23:30": ("count_differs", {"line": "1"}),
    "Tor: 22:30": ("name_or_day", {"line": "1", "word": "1"}),
    "Mån-fre   Lör-sön\n22:30     23:30": ("columns", {"line": "1"}),
    "måndag kväll 22:30 02:15": ("part_of_day", {"line": "1"}),
    "22:30.\nNy tid 23:00": ("more_after_times", {"line": "2"}),
    "endast 22:30": ("no_other_nights", {"line": "1"}),
    "mån 22:30, tis 02:15": ("whose_morning", {"line": "1", "first": "måndag", "second": "tisdag", "third": "onsdag"}),
    " ".join(f"23:{m:02}" for m in range(13)): ("too_many", {"day": "måndag", "limit": "12"}),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused_with_the_reason(text: str) -> None:
    problem, (code, params) = problem_of(text), REFUSED[text]
    assert (problem.code, {name: problem.params[name] for name in params}) == (code, params)


def test_twelve_looks_on_a_calendar_day_are_accepted_however_the_nights_share_them() -> None:
    evening, morning = [f"23:{m:02}" for m in range(6)], [f"02:{m:02}" for m in range(7)]
    times_of("alla nätter " + " ".join(evening + morning[:6]))
    assert problem_of("alla nätter " + " ".join(evening + morning)).code == "too_many"
    times_of("mån " + " ".join(evening + morning))  # 6 on Monday, 7 on Tuesday


def test_another_window_is_held_and_named() -> None:
    result = parse_times("21:30", NightWindow(time(22), time(6)))
    assert isinstance(result, TimesProblem)
    assert result.params.items() >= {"time": "21:30", "start": "22:00", "end": "06:00"}.items()


# What a change leaves as it was


def settled(text: str, before: NightTimes | None, *, changed: bool = True) -> NightTimes | TimesProblem:
    reading = read_times(text, WINDOW, date(2026, 11, 29))
    assert isinstance(reading, Reading), reading
    return settle(reading, before, changed=changed)


WEEK = every_night("22:00", "02:00")
ONE = NightTimes.of({Weekday.MON: [time(23)]})
ONE_OF_WEEK = NightTimes.of({day: [time(23)] if day is Weekday.MON else [time(22), time(2)] for day in Weekday})


@pytest.mark.parametrize(
    ("text", "before", "wanted"),
    [
        ("Ny tid måndag: 23:00", WEEK, "nights_left_out"),
        ("Ny tid måndag: 23:00", ONE, ONE),
        ("Ny tid måndag: 23:00", None, ONE),
        ("måndag: 23:00, alla andra nätter som förut", WEEK, ONE_OF_WEEK),
        ("måndag: 23:00. Tis-sön oförändrat", WEEK, ONE_OF_WEEK),
        ("måndag: 23:00, alla andra nätter som förut", None, "nothing_kept"),
        ("endast måndag: 23:00", WEEK, ONE),
        ("måndag: 23:00, inga tillsyner övriga nätter", WEEK, ONE),
        ("måndag: 23:00, tis-sön ingen tillsyn", WEEK, ONE),
        ("22:00 och 02:00", ONE, WEEK),
    ],
)
def test_a_change_says_what_becomes_of_every_night_that_has_looks(
    text: str, before: NightTimes | None, wanted: NightTimes | str
) -> None:
    found = settled(text, before)
    assert (found.code if isinstance(found, TimesProblem) else found) == wanted


def test_newly_agreed_times_may_leave_nights_out() -> None:
    assert settled("måndag: 23:00", WEEK, changed=False) == ONE


# Granted


GRANTED_PROBLEMS = {
    ("22:30 02:15", Granted(1, None)): TimesProblem(
        "more_than_granted", {"nights": "alla nätter", "found": "2", "granted": "1"}
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
    assert check_granted(times_of(text), granted) == GRANTED_PROBLEMS[text, granted]


@pytest.mark.parametrize("granted", [Granted(2, frozenset(Weekday)), Granted(3, None), Granted(None, None)])
def test_as_many_as_granted_or_fewer_and_what_cannot_be_checked_are_accepted(granted: Granted) -> None:
    assert check_granted(times_of("mån 22:30 02:15"), granted) is None


# Texts of the problems


SAID: dict[str, str] = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["times"]


def test_every_problem_has_an_example_and_a_sentence_with_its_parameters_and_every_sentence_a_problem() -> None:
    shown = {code: set(params) for code, params in REFUSED.values()}
    shown |= {problem.code: set(problem.params) for problem in GRANTED_PROBLEMS.values()}
    shown |= {"nights_left_out": {"nights"}, "nothing_kept": set(), "two_readings": set()}
    assert shown == {code: {name for _, name, _, _ in Formatter().parse(text) if name} for code, text in SAID.items()}


def test_the_examples_in_the_sentences_are_themselves_accepted() -> None:
    for text in SAID.values():
        _, found, example = text.partition("till exempel: ")
        if found:
            times_of(example.removesuffix("."))


# Any text


PIECES = (
    "mån fre- lör-sön tisdagar kl klockan och samt , ; - – . : 22:30 02.15 23 03 2 24:00 1.12 22,30 alla nätter natt "
    "varje mot vardagar tillsyn xyz • ( 0701234567"
)
WORDS = st.sampled_from([*PIECES.split(), "\n"])
SALAD = st.lists(WORDS, max_size=14).flatmap(lambda ws: st.sampled_from([" ", ""]).map(lambda gap: gap.join(ws)))


def written(times: NightTimes) -> str:
    """By halves of the night, the only form that is clear for any times."""
    parts = []
    for day, at in zip(Weekday, times.nights, strict=True):
        late = [t for t in at if t.hour >= 12]
        parts += [(f"{day.swedish} kväll", late), (f"{day.plus(1).swedish} morgon", at[len(late) :])]
    return "; ".join(f"{name} {' '.join(f'{t:%H:%M}' for t in at)}" for name, at in parts if at)


@given(st.text() | SALAD)
def test_no_text_raises_and_what_is_accepted_reads_the_same_when_written_out(text: str) -> None:
    result = parse_times(text)
    if isinstance(result, NightTimes):
        assert all(WINDOW.contains(t) for at in result.nights for t in at)
        assert max(map(len, calendar_days(result, WINDOW).values())) <= 12
        assert parse_times(written(result)) == result


@settings(max_examples=30)  # each is a long text
@given(night_times.filter(lambda times: times.max_per_night > 0))
def test_all_times_can_be_written_and_read(times: NightTimes) -> None:
    assert parse_times(written(times)) == times


@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=3), SALAD)
def test_free_text_is_never_repeated(name: str, text: str) -> None:
    result = parse_times(f"{text} {name}")
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
