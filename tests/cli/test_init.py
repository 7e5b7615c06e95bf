"""``adapter init``: from questions or options to a configuration that works, with secrets that only its user reads."""

import stat
import subprocess
from pathlib import Path

import pytest

from adapter.settings.load import load_settings
from connectors.mock.lifecare.simulator import DEFAULT_DOMAIN, DEFAULT_KEY
from connectors.mock.phoniro.state import DEFAULT_CLIENT
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter


@pytest.fixture
def vendors(sims: RunningSimulators) -> list[str]:
    """The answers to all questions about the vendors."""
    client, secret = DEFAULT_CLIENT
    return [sims.lifecare_url, DEFAULT_DOMAIN, sims.phoniro_url, client, DEFAULT_KEY, secret]


async def test_it_writes_a_dry_run_that_check_finds_well(
    sims: RunningSimulators, tmp_path: Path, adapter: Adapter
) -> None:
    (tmp_path / "key").write_text(DEFAULT_KEY)
    (tmp_path / "secret").write_text(DEFAULT_CLIENT[1])
    options = {
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
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    assert "All is well." in await adapter("init", *arguments)
    assert load_settings(tmp_path / "here/adapter.toml").dry_run
    mapping = (tmp_path / "here/mapping.toml").read_text(encoding="utf-8")
    assert "go_live = 2026-02-01" in mapping
    assert 'name = "Ex\\"empel"' in mapping
    assert "# Sökordet (id i `headlines`)" in mapping
    assert "is there already" in await adapter("init", *arguments, code=2)


async def test_it_asks_again_for_what_can_not_be_used(vendors: list[str], tmp_path: Path, adapter: Adapter) -> None:
    typed = [
        "Ex Empel",
        "exempel",
        "Exempel",
        "2026-13-01",
        "2026-12-01",
        "127.0.0.1:1",
        "http://far.example",
        *vendors,
    ]
    output = await adapter("init", "--no-check", "--folder", tmp_path, typed=typed)
    told = [line for line in output.splitlines() if line.startswith("Error: ")]
    for line, words in zip(told, ("lower-case letters", "is no day", "must be a URL", "must be https"), strict=True):
        assert words in line
    assert "go_live = 2026-12-01" in (tmp_path / "mapping.toml").read_text(encoding="utf-8")


async def test_it_writes_nothing_with_an_option_that_can_not_be_used(adapter: Adapter, tmp_path: Path) -> None:
    told = await adapter("init", "--folder", tmp_path / "here", "--tenant", "Ex Empel", code=2)
    assert "'--tenant': must be lower-case letters" in told
    assert not (tmp_path / "here").exists()


def git_would_add(folder: Path) -> list[str]:
    subprocess.run(["git", "init", "-q", folder], check=True)
    listed = ["git", "-C", str(folder), "ls-files", "--others", "--exclude-standard"]
    return sorted(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split())


async def test_secrets_and_what_a_first_start_writes_of_persons_are_the_operators_alone(
    vendors: list[str], tmp_path: Path, adapter: Adapter
) -> None:
    folder, copy = tmp_path / "here", tmp_path / "copy.db"
    told = await adapter("init", "--no-check", "--folder", folder, typed=["exempel", "Exempel", "", *vendors])
    assert DEFAULT_KEY not in told
    config = folder / "adapter.toml"
    assert load_settings(config).tenants["exempel"].lifecare.key.get_secret_value() == DEFAULT_KEY
    await adapter("db", "upgrade", "--config", config)
    await adapter("db", "backup", copy, "--config", config)
    for made in (*(folder / "secrets").iterdir(), folder / "adapter.db", copy):
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert git_would_add(tmp_path) == ["copy.db", "here/.gitignore", "here/adapter.toml", "here/mapping.toml"]
