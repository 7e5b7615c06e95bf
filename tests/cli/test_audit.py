"""``adapter audit``: who read what, and whether the audit is as it was written."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, update

from adapter.bootstrap import build
from adapter.cli.reader import shell_reader
from adapter.demo.persons import CECILIA, seed_fields
from adapter.demo.stage import Stage
from adapter.settings import load_settings
from adapter.store.audit_chain import Head, start_of
from adapter.store.events import ChainedEvent
from adapter.store.tables import events as table
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


async def test_the_audit_is_verified_and_exported_and_what_was_done_to_it_is_said(
    ref: str, adapter: Adapter, stage: Stage
) -> None:
    assert "nothing was changed" in await adapter("audit", "verify")
    lines = [json.loads(line) for line in (await adapter("audit", "export", "--case", ref)).splitlines()]
    assert [lines[0]["name"], lines[0]["previous"]] == ["case.opened", start_of(lines[0]["tenant"], ref)]
    assert all(line["previous"] == before["hash"] for before, line in pairwise(lines))
    assert {line["ref"] for line in lines} == {ref}
    assert json.loads(await adapter("audit", "reads", "--case", ref, "--json"))[-1]["what"] == "audit"
    assert await adapter("audit", "export", "--to", "2001-01-01") == ""

    kept = stage.folder / "heads"
    whole = Head().plus(event_of(line) for line in map(json.loads, (await adapter("audit", "export")).splitlines()))
    kept.write_text(json.dumps({"tenant": lines[0]["tenant"], **asdict(whole)}) + "\nanother line of a log\n")
    assert "1 daily heads agree" in await adapter("audit", "verify", "--heads", kept)
    async with build(load_settings(stage.config)) as service:
        change = update(table).where(table.c.id == lines[1]["id"]).values(data={"key": "another"})
        service.runtime.db.run_sync(lambda c: c.execute(change))
        told = await adapter("audit", "verify", "--heads", kept, code=1)
        assert f"event {lines[1]['id']} ({ref}, {lines[1]['name']}) was changed" in told
        service.runtime.db.run_sync(lambda c: c.execute(delete(table).where(table.c.id == lines[-1]["id"])))
    told = await adapter("audit", "verify", "--heads", kept, "--json", code=1)
    (audit,) = json.loads(told).values()
    assert [finding["what"] for finding in audit["findings"]] == ["changed", "head"]
    assert "holds no head" in await adapter("audit", "verify", "--heads", stage.config, code=1)


def event_of(line: dict[str, Any]) -> ChainedEvent:
    return ChainedEvent(**line | {"at": datetime.fromisoformat(line["at"])})
