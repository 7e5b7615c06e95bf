"""``adapter times check``: without settings, and by the exit status a program can rely on."""

import json

import pytest
from typer.testing import CliRunner, Result

from adapter.cli.app import app

WEEK = ["måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"]


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["times", "check", *arguments])


def test_each_night_has_a_line() -> None:
    found = check("mån-fre 22:30 och 02:15")
    assert found.exit_code == 0
    looks = dict.fromkeys(WEEK[:5], "22:30, 02:15") | dict.fromkeys(WEEK[5:], "ingen tillsyn")
    assert found.output.splitlines() == [f"{night}: {told}" for night, told in looks.items()]


def test_a_text_that_is_told_back_ends_with_1_and_the_reason() -> None:
    found = check("22:30-05:00")
    assert found.exit_code == 1
    assert found.output.startswith("På rad 1 står ett streck mellan två klockslag.")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("mån 22:30 02:15",), {"nights": {"mon": ["22:30", "02:15"]}, "from": None}),
        (("fr.o.m. 2026-03-03 sön 23:00",), {"nights": {"sun": ["23:00"]}, "from": "2026-03-03"}),
        ((r"{\rtf1 s\'f6n {\strike 22:30}\strike0  23:00}",), {"nights": {"sun": ["23:00"]}, "from": None}),
        (("- 22:30\n- 02:15", "--granted", "2"), {"nights": None, "from": None}),
        (
            ("mån 23:00, alla andra nätter som förut", "--heading", "changed"),
            {"nights": {"mon": ["23:00"]}, "from": None},
        ),
    ],
)
def test_json_is_for_a_program(arguments: tuple[str, ...], wanted: dict[str, object]) -> None:
    found = check(*arguments, "--json")
    assert found.exit_code == 0, found.output
    answer = json.loads(found.output)
    assert answer == wanted | {"nights": wanted["nights"] or answer["nights"]}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("",), "no_times"),
        (("mån 23:00", "--heading", "changed"), "nights_left_out"),
        (("mån 23:00, alla andra nätter som förut",), "nothing_kept"),
        (("22:30 02:15", "--granted", "1"), "more_than_granted"),
    ],
)
def test_json_names_the_reason(arguments: tuple[str, ...], code: str) -> None:
    found = check(*arguments, "--json")
    assert found.exit_code == 1
    answer = json.loads(found.output)
    assert answer.keys() == {"refused", "reason"}
    assert answer["refused"] == code
