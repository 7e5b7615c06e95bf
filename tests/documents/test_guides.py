"""The guide of each role agrees with the municipality's mapping, and its examples are read as it promises."""

from dataclasses import asdict, replace
from datetime import date, time
from pathlib import Path

import pytest

from adapter.domain.facts import OPTIONAL, Signal
from adapter.domain.nights import NightWindow, TimesProblem
from adapter.domain.times_reading import read_times
from adapter.presentation.guide_page import GUIDES, Guide, Part, examples, guide
from adapter.presentation.words import Words
from mappings.documents import GUIDE, render
from mappings.mapping import MunicipalMapping, load_mapping
from mappings.sections import Night
from mappings.texts import Texts

EXAMPLE = load_mapping(Path(__file__).parents[2] / "mappings" / "example.toml")
OWN = {"times_agreed": "Tillsynstider natt", "messages.coordinator": "Meddelande till samordningen"}
WORDS = Words(Texts.load("sv", strict=True).plus(headings=OWN, units={"7201": "Larmgruppen Centrum"}))


def part(made: Guide, code: str) -> Part:
    return next(part for part in made.parts if part.title == WORDS.say("guide", f"{code}_title"))


def made(role: str, mapping: MunicipalMapping = EXAMPLE) -> Guide:
    return guide(role, mapping, WORDS)


def mapped(*more: Signal, **routine: object) -> MunicipalMapping:
    signals = EXAMPLE.signals | {signal: f"X{n}" for n, signal in enumerate(more)}
    return EXAMPLE.model_copy(update={"signals": signals, "routine": EXAMPLE.routine.model_copy(update=routine)})


def test_each_example_is_read_or_told_back_by_the_reader_of_the_notes_as_the_guide_says() -> None:
    said = WORDS.texts.sections["guide_times"]
    read = [*said["agreed"].splitlines(), *said["changed"].splitlines()]
    assert [text for text, _ in examples(EXAMPLE, WORDS)] == read + said["refused"].splitlines()
    coordinator = made("coordinator")
    assert [row[0] for row in part(coordinator, "times").rows] == read, "none is told back"
    assert [row[0] for row in part(coordinator, "not_times").rows] == said["refused"].splitlines()
    for text in read:
        assert not isinstance(read_times(text, EXAMPLE.window, date(2027, 1, 4)), TimesProblem), text
    for text in said["refused"].splitlines():
        assert isinstance(read_times(text, EXAMPLE.window, date(2027, 1, 4)), TimesProblem), text
    assert (
        "mån-fre 23:00 och 03:00; lör-sön 00:30",
        "måndag till fredag: 23:00 och 03:00; lördag och söndag: 00:30",
    ) in (part(coordinator, "times").rows)


def test_an_example_outside_of_the_municipality_s_night_is_left_out() -> None:
    late = mapped(night=Night(start=time(23), end=time(6)))
    assert late.window == NightWindow(time(23), time(6))
    shown = part(made("coordinator", late), "times")
    assert "Natten räknas från 23:00 fram till 06:00." in shown.text[0]
    assert shown.rows[0][0] == "mån-fre 23:00 och 03:00; lör-sön 00:30"


def test_headings_are_named_as_the_case_system_names_them_else_by_our_name_and_the_code() -> None:
    headings = [row[0] for row in part(made("coordinator"), "headings").rows]
    assert headings == [
        "Tillsynstider natt",
        "Samtycke återkallat (S106)",
        "Uppgift om avslut har kommit till utföraren (S109)",
        "Ändrade tillsynstider (S110)",
    ]
    assert "Meddelande till samordningen" in part(made("coordinator"), "back").text[0]
    assert "Tillsynstider natt" in part(made("coordinator"), "tasks").rows[0][0]


def test_a_heading_that_isn_t_mapped_has_no_line() -> None:
    def lines(mapping: MunicipalMapping) -> int:
        return len(part(made("alarm-team", mapping), "headings").rows)

    assert not OPTIONAL & EXAMPLE.signals.keys()
    assert lines(mapped(*sorted(OPTIONAL))) == lines(EXAMPLE) + len(OPTIONAL)


def test_every_signal_stands_in_somebody_s_guide() -> None:
    everything = mapped(*sorted(OPTIONAL))
    told = {row[1] for role in GUIDES[:2] for row in part(made(role, everything), "headings").rows}
    assert told == {WORDS.say("signal_when", signal.value) for signal in Signal}


def test_whom_to_ask_are_the_units_and_mailboxes_of_the_mapping_and_nobody_is_sent_to_oneself() -> None:
    asked = part(made("assessor"), "ask").rows
    assert ("koordinatorn", "Enhet 7102", "samordning.soder@exempelkommun.example") in asked
    assert ("larmgruppen", "Larmgruppen Centrum", "larmgruppen@exempelkommun.example") in asked
    assert not any(row[0] == "myndigheten" for row in asked)
    assert part(made("assessor"), "more").items == ("kategori 40",)


@pytest.mark.parametrize("role", GUIDES)
def test_each_is_printed_and_says_when_it_reminds(role: str) -> None:
    pdf = render(GUIDE, {"municipality": "Exempelkommun", **asdict(made(role))})
    assert b"pdfuaid:part" in pdf
    assert all(row[-1].endswith("arbetsdagar") for row in part(made(role), "tasks").rows)


def test_a_municipality_s_own_template_goes_first(tmp_path: Path) -> None:
    (tmp_path / f"{GUIDE}.typ").write_text(
        '#set document(title: [Egen])\n#set text(lang: "sv")\n= Egen', encoding="utf-8"
    )
    data = {"municipality": "Exempelkommun", **asdict(replace(made("assessor"), title="Annan"))}
    assert len(render(GUIDE, data, folder=tmp_path)) < len(render(GUIDE, data))


def test_who_has_a_step_is_told_that_a_reminder_may_come() -> None:
    reminder = WORDS.say("mails", "reminder")
    assert [role for role in GUIDES if reminder not in part(made(role), "mails").items] == []
