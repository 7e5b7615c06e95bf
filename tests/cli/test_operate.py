"""The operator's commands: re-syncs, settings, the log told as a story, forgetting, and a first configuration."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from adapter.cli.app import app
from adapter.cli.logs import json_lines
from adapter.demo.stage import Stage
from adapter.log_events import EVENTS
from adapter.presentation.story import _SENTENCES, stories
from adapter.settings import load_settings
from connectors.mock.lifecare import DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.phoniro import DEFAULT_CLIENT
from connectors.mock.serve import RunningSimulators
from connectors.phoniro.client import PhoniroClient
from connectors.phoniro.wire import BrokenRow
from tests.cli.conftest import Adapter, turns
from tests.conftest import Logs
from tests.world import World

STOCKHOLM = ZoneInfo("Europe/Stockholm")
PERSON = "19340101TF01"


def order(sims: RunningSimulators) -> str:
    today = datetime.now(UTC).astimezone(STOCKHOLM).date()
    sims.lifecare.seed_person(PERSON)
    return sims.lifecare.order(PERSON, "camera", start=today, order_date=today).order_id


async def test_a_re_sync_is_asked_for_taken_and_shown(sims: RunningSimulators, stage: Stage, adapter: Adapter) -> None:
    order(sims)
    await turns(stage.config, 1)
    asked = ("--scope", "open", "--who", "IT on call", "--why", 'a "test" å', "--id", "one")
    added = await adapter("resync", "add", *asked)
    assert added.exit_code == 0, added.output
    assert "not taken yet" in (await adapter("resync", "list")).output
    again = await adapter("resync", "add", *asked)
    assert (again.exit_code, "choose another --id" in again.output) == (2, True)
    await turns(stage.config, 1)
    listed = json.loads((await adapter("resync", "list", "--json")).output)
    assert [(r["id"], r["request"]["mode"], r["report"]["looked_at"]) for r in listed["resyncs"]] == [
        ("one", "plan", 1)
    ]
    shown = (await adapter("resync", "show", "one")).output
    assert 'asked by IT on call: a "test" å' in shown
    assert "planned" in shown
    assert "done: 1 looked at" in (await adapter("resync", "list")).output


async def test_a_request_that_cannot_be_is_not_written(sims: RunningSimulators, stage: Stage, adapter: Adapter) -> None:
    told = await adapter("resync", "add", "--scope", "cases", "--who", "x", "--why", "y")
    assert (told.exit_code, "needs the key cases" in told.output) == (2, True)
    assert not load_settings(stage.config).engine.resync_file.exists()


async def test_config_show_has_everything_that_counts_and_no_secret(stage: Stage, adapter: Adapter) -> None:
    shown = (await adapter("config", "show")).output
    as_json = json.loads((await adapter("config", "show", "--json")).output)
    assert "poll_seconds = " in shown
    assert as_json["engine"]["reread_hours"] == 24
    settings = load_settings(stage.config)
    assert settings.secrets()
    for secret in settings.secrets():
        assert secret not in shown


async def test_init_writes_a_dry_run_that_check_finds_well(
    sims: RunningSimulators, tmp_path: Path, adapter: Adapter
) -> None:
    (tmp_path / "key").write_text(DEFAULT_KEY)
    (tmp_path / "secret").write_text(DEFAULT_CLIENT[1])
    given = {
        "folder": tmp_path / "here",
        "tenant": "exempel",
        "municipality": 'Ex"empel',
        "go-live": "2026-02-01",
        "lifecare-url": sims.lifecare_url,
        "lifecare-domain": DEFAULT_DOMAIN,
        "lifecare-key-from": tmp_path / "key",
        "phoniro-url": sims.phoniro_url,
        "phoniro-client": DEFAULT_CLIENT[0],
        "phoniro-secret-from": tmp_path / "secret",
    }
    arguments = [str(part) for name, value in given.items() for part in (f"--{name}", value)]
    done = await adapter("init", *arguments)
    assert done.exit_code == 0, done.output
    assert "All is well." in done.output
    settings = load_settings(tmp_path / "here/adapter.toml")
    assert settings.dry_run
    for secret in (tmp_path / "here/secrets").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    mapping = (tmp_path / "here/mapping.toml").read_text(encoding="utf-8")
    assert "go_live = 2026-02-01" in mapping
    assert 'name = "Ex\\"empel"' in mapping
    assert "# Sökordet (id i `headlines`)" in mapping
    again = await adapter("init", *arguments)
    assert (again.exit_code, "is there already" in again.output) == (2, True)


async def test_init_asks_for_what_was_not_given(sims: RunningSimulators, tmp_path: Path) -> None:
    answers = ["exempel", "", "", sims.lifecare_url, DEFAULT_DOMAIN, DEFAULT_KEY, sims.phoniro_url, *DEFAULT_CLIENT]
    done = CliRunner().invoke(app, ["init", "--no-check", "--folder", str(tmp_path)], input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert DEFAULT_KEY not in done.output
    tenant = load_settings(tmp_path / "adapter.toml").tenants["exempel"]
    assert tenant.lifecare.key.get_secret_value() == DEFAULT_KEY


async def test_init_asks_again_for_what_can_not_be_used(sims: RunningSimulators, tmp_path: Path) -> None:
    answers = ["Ex Empel", "exempel", "", "2026-13-01", "2026-12-01", "127.0.0.1:1", "http://far.example"]
    answers += [sims.lifecare_url, DEFAULT_DOMAIN, DEFAULT_KEY, sims.phoniro_url, *DEFAULT_CLIENT]
    done = CliRunner().invoke(app, ["init", "--no-check", "--folder", str(tmp_path)], input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    told = [line.removeprefix("Error: ") for line in done.output.splitlines() if line.startswith("Error: ")]
    for line, words in zip(told, ("lower-case letters", "month value", "must be a URL", "must be https"), strict=True):
        assert words in line
    assert "go_live = 2026-12-01" in (tmp_path / "mapping.toml").read_text(encoding="utf-8")


async def test_init_writes_nothing_with_an_option_that_can_not_be_used(adapter: Adapter, tmp_path: Path) -> None:
    done = await adapter("init", "--folder", tmp_path / "here", "--tenant", "Ex Empel")
    assert done.exit_code == 2
    assert "'Short name of the municipality': must be lower-case letters" in done.output
    assert not (tmp_path / "here").exists()


def git_would_add(folder: Path) -> list[str]:
    subprocess.run(["git", "init", "-q", folder], check=True)
    listed = ["git", "-C", str(folder), "ls-files", "--others", "--exclude-standard"]
    return sorted(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split())


async def test_what_init_and_a_first_start_write_of_persons_and_secrets_is_the_operators_alone(
    sims: RunningSimulators, tmp_path: Path, adapter: Adapter
) -> None:
    folder = tmp_path / "here"
    answers = ["exempel", "", "", sims.lifecare_url, DEFAULT_DOMAIN, DEFAULT_KEY, sims.phoniro_url, *DEFAULT_CLIENT]
    CliRunner().invoke(app, ["init", "--no-check", "--folder", str(folder)], input="\n".join(answers) + "\n")
    config = folder / "adapter.toml"
    assert (await adapter("db", "upgrade", "--config", config)).exit_code == 0
    assert (await adapter("db", "backup", tmp_path / "copy.db", "--config", config)).exit_code == 0
    for made in (folder / "adapter.db", tmp_path / "copy.db"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert git_would_add(tmp_path) == ["copy.db", "here/.gitignore", "here/adapter.toml", "here/mapping.toml"]


async def test_adopt_names_a_schedule_that_can_not_be_read(
    stage: Stage, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rows(_client: PhoniroClient) -> AsyncIterator[BrokenRow]:
        yield BrokenRow(id="S-7", problem="status (missing)")

    monkeypatch.setattr(PhoniroClient, "schedules", rows)
    told = await adapter("adopt")
    assert "schedule S-7: can't be read (status (missing)); find its order by hand" in told.output
    assert "nothing to take over" not in told.output


async def test_without_a_database_nothing_is_compared(stage: Stage, adapter: Adapter) -> None:
    """Everything would look like nobody's, and the file that was made by the way be open to all."""
    told = await adapter("compare")
    assert told.exit_code == 1
    assert "Start the adapter first" in told.output


async def test_adopt_says_when_there_is_nothing_to_take_over(stage: Stage, adapter: Adapter) -> None:
    told = await adapter("adopt")
    assert told.exit_code == 0
    assert "there is nothing to take over" in told.output


async def test_purge_of_a_case_that_is_not_closed_says_so(
    sims: RunningSimulators, stage: Stage, adapter: Adapter
) -> None:
    sims.lifecare.seed_person("19900101TF03")
    sims.lifecare.order("19900101TF03", "camera", start=sims.lifecare.today(), order_date=sims.lifecare.today())
    await turns(stage.config, 1)
    [case] = json.loads((await adapter("case", "list", "--json")).stdout)["cases"]
    told = await adapter("purge", "--case", case["case"])
    assert told.exit_code == 1
    assert f"No case {case['case']} is closed and not purged yet" in told.output


async def test_purge_says_which_cases_it_would_be(sims: RunningSimulators, stage: Stage, adapter: Adapter) -> None:
    await turns(stage.config, 1)
    told = await adapter("purge", "--dry-run")
    assert told.exit_code == 0
    assert "0 to be purged, closed more than 90 days ago" in told.output


async def test_a_log_is_told_as_the_story_of_each_case(logs: Logs) -> None:
    async with World() as world:
        world.person()
        first = world.order()
        await world.settle()
        world.prepare(world.execute(first))
        await world.pass_time(hours=1)
        ref = (await world.case()).ref
    docker = "adapter-1  | "
    told = CliRunner().invoke(
        app, ["logs", "explain"], input="".join(docker + li + "\n" for li in logs.getvalue().splitlines())
    )
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert lines[0] == f"{ref} of exempel"
    assert "The case was opened for order" in lines[1]
    assert any("was carried out at phoniro" in line for line in lines)
    assert any("Judged: active" in line for line in lines)
    other = CliRunner().invoke(app, ["logs", "explain", "--case", "TK-ZZZZZZ"], input=logs.getvalue())
    assert other.exit_code == 1


def test_what_repeats_is_told_once_with_how_often() -> None:
    lines = [
        {
            "event": "act_retry",
            "case": "TK-AAAAAA",
            "act": "01 x",
            "timestamp": f"2026-03-02T10:0{n}:00Z",
            "level": "warning",
        }
        for n in range(3)
    ]
    (story,) = stories(json_lines(json.dumps(line) for line in lines), STOCKHOLM)
    (line,) = story.lines
    assert (line.times, line.level) == (3, "warning")
    assert str(line).endswith("(3 times, last at 2026-03-02 11:02)")


def test_calls_that_failed_are_not_told_as_repeats_of_one_that_went_well() -> None:
    of = {"event": "vendor_call", "case": "TK-AAAAAA", "timestamp": "2026-03-02T10:00:00Z", "vendor": "lifecare"}
    lines = [
        {**of, "call": "GET orders", "outcome": "ok"},
        {**of, "call": "POST note", "outcome": "ok"},
        {**of, "call": "POST note", "outcome": "Unauthorised"},
    ]
    (story,) = stories(json_lines(json.dumps(line) for line in lines), STOCKHOLM)
    assert len(story.lines) == 3


def test_every_sentence_is_about_an_event_of_the_catalogue_and_its_own_fields() -> None:
    from string import Formatter

    for name, sentence in _SENTENCES.items():
        named = {field for _, field, _, _ in Formatter().parse(sentence) if field}
        assert named <= set(EVENTS[name].fields), name
