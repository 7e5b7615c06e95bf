"""The municipality's table: an example, and the error for each fault in it."""

import re
from collections.abc import Sequence
from datetime import time, timedelta
from pathlib import Path

import pytest

from adapter.domain.facts import OPTIONAL, Signal
from adapter.domain.nights import NightWindow
from adapter.domain.policy import Lateness
from mappings.file_faults import MappingError
from mappings.mapping import MunicipalMapping, load_mapping
from mappings.sections import DEFAULT_END_REASONS
from mappings.texts import Texts
from tests.outside import EXAMPLE


@pytest.fixture(scope="module")
def example() -> MunicipalMapping:
    return load_mapping(EXAMPLE)


def test_the_example_says_what_every_signal_is_read_under(example: MunicipalMapping) -> None:
    assert set(example.signals) == set(Signal) - OPTIONAL
    assert example.signal_of("S108") is Signal.READY_FOR_START
    assert example.signal_of("S901") is None


def test_the_example_fits_the_simulated_lifecare(example: MunicipalMapping) -> None:
    from connectors.mock.lifecare import catalogue

    headings = catalogue.HEADINGS
    shown = {n: headings[n].headline_id for n in catalogue.SIGNALS}
    assert {s.value: h for s, h in example.signals.items()}.items() <= shown.items()
    assert shown.keys() == set(Signal)
    of = example.messages
    for heading, key in zip(
        (of.coordinator, of.alarm_team, of.authority, of.plan),
        ("to_coordinator", "to_alarm_team", "to_authority", "plan"),
        strict=True,
    ):
        found = headings[key]
        assert (heading.write_under, heading.read_under) == (found.provider_headline_id, found.headline_id)
    assert example.author.signature == catalogue.ADAPTER.signature
    assert example.author.personnel_id == catalogue.ADAPTER.id
    assert example.units.alarm_team == catalogue.ALARM_TEAM_UNIT.id
    assert example.units.authority == catalogue.AUTHORITY_UNIT.id
    assert example.services.camera.categories == (catalogue.CAMERA.category_id,)
    assert example.services.alarm.categories == (catalogue.ALARM.category_id,)
    assert set(example.services.nightly_units) == {catalogue.DAY, catalogue.NIGHT}


def test_the_example_names_organisations_of_the_simulated_phoniro(example: MunicipalMapping) -> None:
    from connectors.mock.phoniro.state import ORGANISATIONS

    assert {example.organisations.default, *example.organisations.by_unit.values()} <= set(ORGANISATIONS)


@pytest.mark.parametrize(
    ("provider", "company", "unit"),
    [("UTFSODER", 71, 7102), ("NEW", 72, 7102), (None, 71, 7101), (None, None, 7101), ("NEW", 99, 7101)],
)
def test_a_unit_is_found_by_provider_then_company_then_default(
    example: MunicipalMapping, provider: str | None, company: int | None, unit: int
) -> None:
    assert example.unit_of(provider, company) == unit


@pytest.mark.parametrize(
    ("to", "unit", "box"),
    [
        ("coordinator", 7102, "samordning.soder"),
        ("coordinator", 7101, "samordning"),
        ("coordinator", None, "samordning"),
        ("alarm_team", 7102, "larmgruppen"),
        ("assessor", None, "myndighet"),
        ("escalation", 7102, "enhetschef"),
        ("it", None, "it-drift"),
        ("nobody we know", None, "it-drift"),
    ],
)
def test_mail_goes_to_the_mailbox_of_role_and_unit(
    example: MunicipalMapping, to: str, unit: int | None, box: str
) -> None:
    assert example.mailbox(to, unit) == f"{box}@exempelkommun.example"


def test_policy_holds_what_the_file_says_and_the_defaults_for_what_it_does_not(example: MunicipalMapping) -> None:
    policy = example.policy(2026)
    assert policy.window == NightWindow(time(21), time(7))
    assert policy.quiet == (time(20), time(6, 30))
    assert policy.deviation_grace == timedelta(hours=2)
    assert policy.late["I4"] == Lateness(3, 6, 10)
    assert policy.late["I9"] == Lateness(3, 6, 10)
    assert "I11" not in policy.late
    assert str(policy.zone) == "Europe/Stockholm"


def test_each_reason_to_end_has_a_word_that_phoniro_knows(example: MunicipalMapping) -> None:
    reasons = ("order_ended", "order_withdrawn", "deceased", "x")
    assert [example.end_reason(r) for r in reasons] == ["decision_ended", "order_withdrawn", "deceased", "other"]


def test_phoniro_has_a_reason_for_each_that_the_routine_ends_by_and_for_no_other() -> None:
    told = Texts.load().sections["reasons"].keys()
    assert DEFAULT_END_REASONS.keys() == told - {"ended", "other"}


FAULTS = {
    "unknown key": ("retention_days = 90", "retention_day = 90", "routine.retention_day: is unknown; did you mean"),
    "unknown section": ("[author]", "[autor]", "autor: is unknown; did you mean author?"),
    "unknown signal": ('keys_collected = "S103"', 'key_collected = "S103"', "did you mean keys_collected?"),
    "missing signal": ('keys_collected = "S103"', "", "signals.keys_collected: is missing"),
    "a heading that means two things": ('"S105"', '"S101"', "signals.consent_signed: the heading S101 already stands"),
    "a message read under a signal": ('"S202"', '"S103"', "messages.alarm_team.read_under: the heading S103 already"),
    "two messages under one heading": ("5204", "5201", "messages.plan.write_under: the heading 5201 already"),
    "a code twice": ("types = [4110]", "types = [4110, 4110]", "services.alarm.types, number 2: the code 4110 already"),
    "a code of two services": (
        "categories = [41]",
        "categories = [40]",
        "already stands at services.camera.categories",
    ),
    "no unit for the authority": ("authority = 7301", "", "units.authority: is missing: the unit that the authority's"),
    "one unit for two": ("authority = 7301", "authority = 7201", "units.authority: is the same unit as"),
    "no go_live": ("go_live = 2026-01-01", "", "go_live: is missing: the first order date"),
    "go_live is a text": ("= 2026-01-01", '= "2026-01-01"', "go_live: input should be a valid date, without quotation"),
    "go_live is a number": ("go_live = 2026-01-01", "go_live = 20260101", "go_live: input should be a valid date"),
    "an id as text": ("personnel_id = 9001", 'personnel_id = "9001"', "author.personnel_id: input should be a valid"),
    "a heading as number": ('read_under = "S204"', "read_under = 5204", "messages.plan.read_under: input should be"),
    "a zone that is a number": ('"Europe/Stockholm"', "1", "municipality.zone: input should be a valid string"),
    "an unknown zone": ('"Europe/Stockholm"', '"Europe/Stokholm"', "municipality.zone: is not a time zone's name"),
    "not a mail address": ("it-drift@", "it-drift", "mailboxes.it: is not a mail address"),
    "a night that is a number": ('= "21:00"', "= 21", "routine.night.start: is not a time of day; write it"),
    "a night by day": ('start = "21:00"', 'start = "08:00"', "routine.night: a night window begins at noon or later"),
    "an unknown step": ("I4 = { remind", "I44 = { remind", "routine.late.I44: is unknown; did you mean I4?"),
    "patience that falls": ("I4 = { remind = 3", "I4 = { remind = 30", "routine.late.I4: remind, again and escalate"),
    "days beyond any calendar": ("days = 90", f"days = {10**29}", "routine.retention_days: input should"),
    "minutes beyond any clock": ("minutes = 10 #", f"minutes = {10**29} #", "routine.by_hand_after_minutes: input"),
    "a step that waits for nobody": ("I4 = { remind", "I2 = { remind", "routine.late.I2: waits for no person"),
    "a word that Phoniro lacks": ('= "deceased"', '= "dead"', "routine.end_reasons.deceased: input should be"),
    "a company that is no number": ("72 = 7102\n\n# V", "x = 7102\n\n# V", "units.by_company: has a key that is no"),
    "no camera at all": ("categories = [40]", "", "services.camera: names no category and no type"),
}


def faults_of(folder: Path, content: bytes | str) -> Sequence[str]:
    """The errors of a mapping that can't be used."""
    path = folder / "kommun.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(MappingError) as error:
        load_mapping(path)
    assert all(line.startswith("kommun.toml: ") for line in error.value.faults)
    return error.value.faults


def example_but(*changes: tuple[str, str]) -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return text


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_file_key_and_reason(fault: str, tmp_path: Path) -> None:
    before, after, told = FAULTS[fault]
    assert told in "\n".join(faults_of(tmp_path, example_but((before, after))))


def misspelt(name: str) -> str:
    return name[0] + name[2:] if len(name) > 3 else name + "x"


def test_a_misspelt_key_of_any_table_is_told_with_the_name_that_was_meant(tmp_path: Path) -> None:
    lines, table, tried = EXAMPLE.read_text(encoding="utf-8").splitlines(), "", 0
    for n, line in enumerate(lines):
        header, key = re.match(r"\[(?:\w+\.)*(\w+)\]", line), re.match(r"(\w+) = ", line)
        table = line if header else table
        found = header or key
        # Numbers, and the providers' ids, are Lifecare's own names: `adapter check` compares what can be compared.
        own = "by_provider" in table and key is not None
        if found is None or found[1].isdigit() or own:
            continue
        start, end = found.span(1)
        text = "\n".join([*lines[:n], line[:start] + misspelt(found[1]) + line[end:], *lines[n + 1 :]])
        told = f"{misspelt(found[1])}: is unknown; did you mean {found[1]}?"
        assert any(fault.endswith(told) for fault in faults_of(tmp_path, text)), line
        tried += 1
    assert tried > 60


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    three = [FAULTS[name][:2] for name in ("no go_live", "missing signal", "not a mail address")]
    assert len(faults_of(tmp_path, example_but(*three))) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"go_live = 2026-01-01\n[units\n", "is not TOML"),
        (b"a = 1\na = 2\n", "line 2"),
        ("namn = 'å'".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_place(content: bytes, told: str, tmp_path: Path) -> None:
    assert told in "\n".join(faults_of(tmp_path, content))


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"kommun\.toml: can't be read"):
        load_mapping(tmp_path / "kommun.toml")


def test_no_fault_repeats_the_value_that_stood_there(tmp_path: Path) -> None:
    text = example_but(('title = "Systemkonto"', 'titel = "19900101TF03"'))
    assert "TF03" not in str(faults_of(tmp_path, text))
