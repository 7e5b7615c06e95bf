"""``adapter check``: all faults at once, each with its remedy; never a secret, never a traceback."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapter.cli import check as check_module
from adapter.cli import check_files
from adapter.cli.findings import Mark, note
from adapter.demo.stage import Stage
from adapter.settings.model import OpsSettings, TokenSettings
from connectors.mock.lifecare.simulator import DEFAULT_KEY
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter, turns
from tests.outside import edit
from tests.world import settings_for


def marked(told: str) -> list[str]:
    """The lines of the faults. Each must have its remedy."""
    lines = told.splitlines()
    found = [n for n, line in enumerate(lines) if line.startswith("✗")]
    for n in found:
        assert any(line.startswith("    → ") for line in lines[n + 1 : n + 4]), lines[n]
    return [" ".join(lines[n : n + 3]) for n in found]


async def test_all_is_well_and_every_code_is_named(adapter: Adapter, stage: Stage) -> None:
    await turns(stage.config, 1)
    result = await adapter("check")
    assert marked(result) == []
    for told in ("S101 Överenskomna tillsynstider", "5202 Meddelande till larmgruppen", "7301 Myndighet äldre"):
        assert told in result
    assert "40 Trygghetskamera" in result
    assert "hemtjanst-soder Hemtjänst Söder" in result


async def test_a_resource_that_the_key_has_no_licence_for(
    adapter: Adapter, stage: Stage, sims: RunningSimulators
) -> None:
    """Plans are read only if the mapping has them (LA13)."""
    sims.lifecare.settings.unlicensed = {"client_absences", "service_plans"}
    result = await adapter("check", code=1)
    [line] = marked(result)
    assert "Lifecare client_absences" in line
    assert "license the key for client_absences" in line
    assert "12 of 13" in result, "those for looks that are written back among them"
    edit(stage.mapping, "[routine]\n", "[plans]\ncamera_types = [4010]\n\n[routine]\n")
    result = await adapter("check", code=1)
    assert "license the key for service_plans" in marked(result)[1]
    assert "plans.camera_types" in result


def secret(stage: Stage, name: str) -> None:
    (stage.folder / "secrets" / name).write_text(WRONG)


def away(stage: Stage, *urls: str) -> None:
    for url in urls:
        edit(stage.config, url, "http://127.0.0.1:9")


WRONG = "bm90K3RoZS9rZXk="
SPOILED: dict[str, tuple[Callable[[Stage, RunningSimulators], None], list[str]]] = {
    "a key that is not accepted": (lambda stage, _: secret(stage, "lifecare__key"), ["lifecare.key"]),
    "a secret that Phoniro does not know": (
        lambda stage, _: secret(stage, "phoniro__client_secret"),
        ["phoniro.client_secret"],
    ),
    "clocks that differ": (
        lambda _, sims: setattr(sims.lifecare.settings, "skew_seconds", -180),
        [r"Lifecare clock (1[5-9]\d|2[01]\d) s behind ours"],
    ),
    "another address, where no API answers": (
        lambda stage, sims: edit(stage.config, sims.lifecare_url, f"{sims.lifecare_url}/elsewhere"),
        ["^✗ Lifecare .* not JSON → Check lifecare.base_url"],
    ),
    "an empty catalogue": (
        lambda _, sims: sims.lifecare.tables["headlines"].rows.clear(),
        ["Lifecare catalogues empty: headlines.* lifecare.base_url"],
    ),
    "vendors that are not there": (
        lambda stage, sims: away(stage, sims.lifecare_url, sims.phoniro_url),
        ["^✗ Lifecare", "^✗ Phoniro"],
    ),
    "a mail server that is not there": (
        lambda stage, _: edit(
            stage.config, "[store]", '[mail]\nhost = "127.0.0.1"\nport = 9\nsender = "tk@exempel.example"\n[store]'
        ),
        ["^✗ mail"],
    ),
}
CODES = [
    ('times_agreed = "S101"', 'times_agreed = "S177"', "signals.times_agreed S177 is not in headlines"),
    ("write_under = 5202", "write_under = 5299", "messages.alarm_team.write_under 5299 is not in"),
    ("alarm_team = 7201", "alarm_team = 7299", "units.alarm_team 7299 is not in provider_units"),
    ('7102 = "hemtjanst', '7120 = "hemtjanst', "organisations.by_unit 7120 is not in provider_units"),
    ("categories = [40]", "categories = [49]", "services.camera.categories 49 is not in service_configurations"),
    ('default = "hemtjanst-norr"', 'default = "norr"', "organisations.default Phoniro has no organisation norr"),
    ("write_under = 5202", "write_under = 5999", "messages.alarm_team.write_under 5999 Utgått sökord is not active"),
    ("alarm_team = 7201", "alarm_team = 7999", "units.alarm_team 7999 Nedlagd enhet is not active"),
    ('7102 = "samordning', '7120 = "samordning', "mailboxes.by_unit 7120 is not in provider_units"),
]
"""Codes that the mapping has and the catalogues lack, or have as no longer active."""


@pytest.mark.parametrize("fault", SPOILED)
async def test_what_is_wrong_is_told_and_nothing_else(
    fault: str, adapter: Adapter, stage: Stage, sims: RunningSimulators
) -> None:
    spoil, told = SPOILED[fault]
    spoil(stage, sims)
    result = await adapter("check", code=1)
    lines = [" ".join(line.split()) for line in marked(result)]
    assert len(lines) == len(told), lines
    for line, words in zip(lines, told, strict=True):
        assert re.search(words, line), line
    for value in (WRONG, DEFAULT_KEY, "Traceback"):
        assert value not in result


async def test_codes_that_can_not_be_used_are_all_told_at_once(adapter: Adapter, stage: Stage) -> None:
    good = stage.mapping.read_text(encoding="utf-8")
    for codes in (CODES[:6], CODES[6:]):
        stage.mapping.write_text(good, encoding="utf-8")
        for old, new, _ in codes:
            edit(stage.mapping, old, new)
        lines = {" ".join(line.split()) for line in marked(await adapter("check", code=1))}
        for _, _, told in codes:
            lines.remove(next(line for line in lines if told in line))
        assert lines == set()


async def test_faults_of_the_mapping_are_all_told_and_the_database_looked_at_all_the_same(
    adapter: Adapter, stage: Stage
) -> None:
    edit(stage.mapping, 'ready_for_start = "S108"', 'redy_for_start = "S108"')
    result = await adapter("check", code=1)
    assert any("did you mean ready_for_start" in line for line in marked(result))
    assert "database" in result
    assert "not checked" in result


async def test_settings_that_can_not_be_used(adapter: Adapter, tmp_path: Path) -> None:
    result = await adapter("check", "--config", tmp_path / "nowhere.toml", code=1)
    assert marked(result)
    assert "docs/settings.md" in result


async def test_looking_makes_no_database(adapter: Adapter, stage: Stage) -> None:
    result = await adapter("check")
    assert "is not there yet" in " ".join(result.split())
    assert not stage.database.exists()
    stage.database.touch()
    result = " ".join((await adapter("check")).split())
    assert "is there, but has no tables of the adapter's" in result
    assert "`adapter run` makes them by itself" in result


async def test_a_database_that_must_be_made_by_hand(adapter: Adapter, stage: Stage) -> None:
    edit(stage.config, "[store]", "[store]\nauto_upgrade = false")
    before = await adapter("check", code=1)
    assert "adapter db upgrade" in marked(before)[0]
    await adapter("db", "status", code=1)
    await adapter("db", "upgrade")
    await adapter("db", "status")
    assert marked(await adapter("check")) == []


async def test_a_program_gets_the_same_as_json(adapter: Adapter, stage: Stage, sims: RunningSimulators) -> None:
    sims.lifecare.settings.unlicensed = {"orders"}
    result = await adapter("check", "--json", code=1)
    told: dict[str, Any] = json.loads(result)
    assert told["ok"] is False
    assert [f["subject"] for f in told["findings"] if f["mark"] == "fault"] == ["Lifecare orders"]


def test_a_token_is_told_of_from_two_weeks_before_its_last_day_and_is_a_fault_after_it() -> None:
    last = date(2027, 1, 31)
    token = TokenSettings(token=SecretStr("the token of anna"), expires=last)
    ops = OpsSettings(
        enabled=True, tokens={"anna": token, "bo": TokenSettings(token=SecretStr("the token of bo, for ever"))}
    )
    settings = settings_for().model_copy(update={"ops": ops})
    told = {
        days: [(f.subject, f.mark) for f in check_module._tokens(settings, last + timedelta(days))]
        for days in (-15, -14, 0, 1)
    }
    near, over = [("ops.tokens.anna", Mark.NOTE)], [("ops.tokens.anna", Mark.FAULT)]
    assert told == {-15: [], -14: near, 0: near, 1: over}


def test_files_that_others_can_read_or_change_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not if nobody else can reach them, because they are in a folder of the adapter's own."""
    file = tmp_path / "secret"
    file.touch()
    reached = True
    monkeypatch.setattr(check_files, "_reached_by_all", lambda _: reached)
    told = {}
    for mode in (0o600, 0o640, 0o644, 0o602, 0o660):
        file.chmod(mode)
        finding = check_files._finding("secret file", file)
        told[mode] = finding.told.partition("): ")[2] if finding else ""
        assert finding is None or f"chmod go-rwx {file}" in finding.do
    everybody, group = "everybody on this machine can read or change it", "its group can change it"
    assert told == {0o600: "", 0o640: "", 0o644: everybody, 0o602: everybody, 0o660: group}
    reached = False
    file.chmod(0o644)
    assert check_files._finding("secret file", file) is None
    tmp_path.chmod(0o777)
    assert check_files._finding("database", tmp_path) is None, "nobody is told to close a folder to others"


async def test_the_files_that_are_looked_at_are_those_of_the_settings(
    adapter: Adapter, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turns(stage.config, 1)
    monkeypatch.setattr(check_files, "_finding", lambda what, file: note(what, file.name))
    looked_at = " ".join((await adapter("check")).split())
    for told in ("secret file lifecare__key", "secret file pseudonym_key", "database adapter.db"):
        assert told in looked_at
    assert f"secret file {stage.config.name}" not in looked_at, "a path of SQLite's is no secret"
