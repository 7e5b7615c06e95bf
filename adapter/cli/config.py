"""``adapter config show``: the settings as they count, wherever they came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tomlkit
import typer

from adapter.cli.failures import failures_in_words
from adapter.cli.opening import quiet_settings, tell_left_out
from adapter.settings.load import config_path


def show_config(config: Path | None, *, as_json: bool) -> None:
    with failures_in_words():
        settings = quiet_settings(config)
    tell_left_out(settings.refused)
    shown = settings.masked()
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    path = config_path(config)
    typer.echo(f"# From {path}{'' if path.is_file() else ' (not there)'}, secret files and the environment.\n")
    typer.echo(tomlkit.dumps(_without_none(shown)))


def _without_none(value: Any) -> Any:
    """TOML has no word for nothing: what isn't set isn't shown."""
    if isinstance(value, dict):
        return {key: _without_none(child) for key, child in value.items() if child is not None}
    return value
