"""``adapter audit``: who read what."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from adapter.cli.reader import shell_reader
from adapter.demo.persons import CECILIA, seed_fields
from adapter.demo.stage import Stage
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter, turns


@pytest.fixture
async def ref(sims: RunningSimulators, stage: Stage, adapter: Adapter) -> str:
    """A case that the adapter has taken in."""
    sims.lifecare.seed_person(CECILIA.person_id, **seed_fields(CECILIA))
    sims.lifecare.order(CECILIA.person_id, start=sims.lifecare.today() - timedelta(days=1))
    await turns(stage.config)
    (case,) = json.loads(await adapter("case", "list", "--json"))["cases"]
    return str(case["case"])


async def test_what_commands_show_is_written_down_with_the_system_s_user_and_shown(
    ref: str, adapter: Adapter, stage: Stage
) -> None:
    await adapter("case", "show", ref.lower())
    await adapter("plan", ref)
    await adapter("nights", ref)
    await adapter("case", "document", ref, "-o", stage.folder / "bilaga.pdf")
    await adapter("case", "show", "TK-NOSUCH", code=1)
    told = json.loads(await adapter("audit", "reads", "--json"))
    what = [("list", None), ("case", ref), ("plan", ref), ("nights", ref), ("bilaga-1", ref)]
    assert [(read["what"], read["ref"]) for read in told] == what
    assert {(read["who"], read["place"]) for read in told} == {(shell_reader().who, "shell")}
    page = await adapter("audit", "reads", "--case", ref, "--from", told[0]["at"][:10])
    assert [line.split()[-3] for line in page.splitlines() if ref in line] == [ref] * 4
    assert "nights" in page
    assert ref not in await adapter("audit", "reads", "--to", "2001-01-01")
    assert CECILIA.person_id not in page
