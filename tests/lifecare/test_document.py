"""The places that ``docs/lifecare.md`` names for each quirk, assumption and broken value exist in the code."""

import re
from pathlib import Path

import pytest

from mappings.texts import Texts

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "lifecare.md").read_text("utf-8")
ROWS = re.findall(r"^\| (LA?\d+) \| (.+) \|$", DOCS, re.MULTILINE)


def test_each_quirk_and_each_assumption_stands_there_once() -> None:
    assumptions = range(1, 15)
    assert [name for name, _ in ROWS] == [*(f"L{n}" for n in range(1, 17)), *(f"LA{n}" for n in assumptions)]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_the_places_that_it_names_are_there(name: str, row: str) -> None:
    files = [part for part in re.findall(r"`([^`]+\.py)`[^`|;]*((?:`[^`]+`[, ]*(?:and )?)*)", row) if part]
    assert files or name == "LA5", f"{name} names no place"
    for path, names in files:
        found = next((p for p in (ROOT / path, ROOT / "adapter" / path) if p.exists()), None)
        assert found, f"{name}: there is no {path}"
        text = found.read_text("utf-8")
        for each in (each.rpartition(".")[2] for each in re.findall(r"`([\w.]+)`", names)):
            assert re.search(rf"\b(def|class) {each}\b|^ *{each}:", text, re.MULTILINE), f"{path} has no {each}"


def test_each_reason_for_what_is_broken_has_words() -> None:
    section = DOCS.split("## Broken data\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\|.*\|.*\| ([^|]*)\|$", section, re.MULTILINE)
    codes = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert len(codes) >= 9
    assert [code for code in sorted(codes) if not Texts.load().has("attention", code)] == []
