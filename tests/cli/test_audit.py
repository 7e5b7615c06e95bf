"""``adapter audit``: who read what, and whether the audit is as it was written."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import typer
from sqlalchemy import delete, update

from adapter.bootstrap import build
from adapter.cli.app import app
from adapter.cli.who_reads import shell_reader
from adapter.demo.persons import CECILIA
from adapter.demo.stage import Stage
from adapter.settings.load import load_settings
from adapter.store.audit_chain import Head, start_of
from adapter.store.events import Event
from adapter.store.tables import events as table
from tests.cli.conftest import Adapter

SHOWS = {
    "case list": ("case list --unfulfilled", "list"),
    "case show": ("case show CASE", "case"),
    "case document": ("case document CASE -o FOLDER/bilaga.pdf", "bilaga-1"),
    "nights": ("nights CASE", "nights"),
    "plan": ("plan CASE", "plan"),
    "resync list": ("resync list", "resync"),
    "resync show": ("resync show some-id", "resync"),
    "compare": ("compare", "compare"),
    "adopt": ("adopt", "adopt"),
    "followup": ("followup", "followup"),
    "audit reads": ("audit reads", "reads"),
    "audit verify": ("audit verify", "audit"),
    "audit export": ("audit export --case CASE", "audit"),
    "purge": ("purge --dry-run", "purge"),
    "db backup": ("db backup FOLDER/copy.db", "backup"),
}
"""Each command that shows cases: how it is called here, and what is noted about the reading."""
SHOWS_NO_CASE = {
    *("init", "check", "run", "health", "config show", "guide", "simulate", "demo"),
    *("times check", "logs explain"),  # they show only their own input
    *("resync add", "db status", "db upgrade", "db rekey", "db restored"),  # they show counts at most
}


def commands(group: Any, name: str = "") -> Iterator[str]:
    for each in group.list_commands(None):
        found = group.get_command(None, each)
        inner = f"{name} {each}".strip()
        yield from commands(found, inner) if hasattr(found, "list_commands") else [inner]


async def test_each_command_is_known_as_one_that_shows_cases_and_writes_it_down_or_one_that_shows_none(
    ref: str, adapter: Adapter, stage: Stage
) -> None:
    assert set(commands(typer.main.get_group(app))) == SHOWS.keys() | SHOWS_NO_CASE, "a new one has to say which it is"
    for called, _ in SHOWS.values():
        words = called.replace("CASE", ref.lower()).replace("FOLDER", str(stage.folder)).split()
        await adapter(*words, code=1 if "some-id" in words else 0)
    await adapter("case", "show", "TK-NOSUCH", code=1)
    told = json.loads(await adapter("audit", "reads", "--json"))
    shown = [(what, ref if "CASE" in called else None) for called, what in SHOWS.values()]
    assert [(read["what"], read["ref"]) for read in told] == [("list", None), *shown]
    assert {(read["who"], read["place"]) for read in told} == {(shell_reader().who, "shell")}
    page = await adapter("audit", "reads", "--case", ref, "--from", told[0]["at"][:10])
    assert [line.split()[-3] for line in page.splitlines() if ref in line] == [ref] * 5
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
    assert "Nothing in the audit" in await adapter("audit", "export", "--case", "TK-AAAAAA", code=1)

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


def event_of(line: dict[str, Any]) -> Event:
    return Event(**line | {"at": datetime.fromisoformat(line["at"])})
