"""docs/routine.md names the steps that exist, each with its role."""

import re
from pathlib import Path

from adapter.domain.routine import STEPS

DOCUMENT = Path(__file__).parents[2] / "docs" / "routine.md"


def test_every_step_stands_in_the_document_with_its_role_in_the_routines_order() -> None:
    rows = re.findall(r"^\| ([IA]\d+) \| ([a-z ]+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(step.id, step.role.value.replace("_", " ")) for step in STEPS.values()]
