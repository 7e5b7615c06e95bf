"""The operator's commands: re-syncs, settings, the log told as a story, forgetting, and a first configuration."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from adapter.cli.app import app
from adapter.cli.logs import json_lines
from adapter.demo.stage import Stage
from adapter.log_events import EVENTS
from adapter.presentation.log_story import _SENTENCES, stories
from adapter.settings.load import load_settings
from connectors.phoniro.client import PhoniroClient
from connectors.rows import BrokenRow
from tests.cli.conftest import Adapter, turns
from tests.conftest import Logs
from tests.world import World

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.mark.usefixtures("ordered")
async def test_a_re_sync_is_asked_for_taken_and_shown(stage: Stage, adapter: Adapter) -> None:
    asked = ("--scope", "open", "--who", "IT on call", "--why", 'a "test" å', "--id", "one")
    await adapter("resync", "add", *asked)
    assert "not taken yet" in await adapter("resync", "list")
    assert "choose another --id" in await adapter("resync", "add", *asked, code=2)
    await turns(stage.config, 1)
    listed = json.loads(await adapter("resync", "list", "--json"))
    (told,) = listed["resyncs"]
    assert (told["id"], told["request"]["mode"], told["report"]["looked_at"]) == ("one", "plan", 1)
    shown = await adapter("resync", "show", "one")
    assert 'asked by IT on call: a "test" å' in shown
    assert "planned" in shown
    assert "done: 1 looked at" in await adapter("resync", "list")
    with closing(sqlite3.connect(stage.database)) as db, db:
        db.execute("UPDATE requests SET content = ?", ('"sealed:0:0"',))
    assert "done: 1 looked at" in await adapter("resync", "list"), "a damaged one is listed too"
    assert "isn't in store.encryption_key" in await adapter("resync", "show", "one")


async def test_where_the_re_sync_file_can_t_be_written_what_belongs_there_is_printed(
    stage: Stage, adapter: Adapter, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, which has its settings read-only, or outside the adapter's own folder."""
    no_folder = tmp_path / "file"
    no_folder.touch()
    for file in (no_folder / "resync.toml", Path("config/resync.toml")):
        monkeypatch.setenv("ADAPTER_ENGINE__RESYNC_FILE", str(file))
        told = await adapter("resync", "add", "--scope", "open", "--who", "IT", "--why", "a test", "--id", "x", code=2)
        assert f"{elsewhere / file} can't be written here" in told
        assert 'scope = "open"' in told
    assert not (elsewhere / "config").exists(), "nobody would read a file in it"


async def test_a_request_that_cannot_be_is_not_written(stage: Stage, adapter: Adapter) -> None:
    tomorrow = datetime.now(STOCKHOLM).date() + timedelta(days=1)
    for scope, told in (
        (("cases",), "needs the key cases"),
        (("since", "--since", tomorrow), f"--since {tomorrow} is still to come"),
    ):
        assert told in await adapter("resync", "add", "--who", "x", "--why", "y", "--scope", *scope, code=2)
    assert not load_settings(stage.config).engine.resync_file.exists()


async def test_config_show_has_everything_that_counts_and_no_secret(stage: Stage, adapter: Adapter) -> None:
    shown = await adapter("config", "show")
    as_json = json.loads(await adapter("config", "show", "--json"))
    assert "poll_seconds = " in shown
    assert as_json["engine"]["reread_hours"] == 24
    settings = load_settings(stage.config)
    assert settings.secrets()
    for secret in settings.secrets():
        assert secret not in shown


async def test_adopt_says_when_there_is_nothing_to_take_over_and_names_a_schedule_that_can_not_be_read(
    stage: Stage, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is nothing to take over" in await adapter("adopt")

    async def rows(_client: PhoniroClient) -> AsyncIterator[BrokenRow]:
        yield BrokenRow("S-7", (("status", "missing"),))

    monkeypatch.setattr(PhoniroClient, "schedules", rows)
    told = await adapter("adopt")
    assert "schedule S-7: can't be read (status (missing)); find its order by hand" in told
    assert "nothing to take over" not in told


async def test_purge_says_which_cases_it_would_be_and_that_one_which_is_not_closed_is_none(
    ref: str, adapter: Adapter
) -> None:
    assert f"No case {ref} is closed and not purged yet" in await adapter("purge", "--case", ref, code=1)
    assert "0 to be purged, closed more than 90 days ago" in await adapter("purge", "--dry-run")


async def test_a_log_is_told_as_the_story_of_each_case(logs: Logs) -> None:
    async with World() as world:
        first = await world.taken_in()
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
    assert any("Decided: active" in line for line in lines)
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
