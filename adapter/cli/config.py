"""``adapter config show``: the settings as they count, wherever they came from."""

from typing import Any

import tomlkit
import typer

from adapter.cli.open_service import command_settings, tell_left_out
from adapter.cli.options import ConfigOption, JsonOption, command_group, print_json
from adapter.settings.load import config_path

app = command_group()


@app.command("show")
def show_config(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, secrets masked.

    As it is in force: the environment goes before secret files, these before the configuration file, and that before
    the defaults.
    """
    settings = command_settings(config)
    tell_left_out(settings.refused)
    shown = settings.masked()
    if as_json:
        print_json(shown)
        return
    path = config_path(config)
    typer.echo(f"# From {path}{'' if path.is_file() else ' (not there)'}, secret files and the environment.\n")
    typer.echo(tomlkit.dumps(_without_none(shown)))


def _without_none(value: Any) -> Any:
    """TOML has no null: what isn't set isn't shown."""
    if isinstance(value, dict):
        return {key: _without_none(child) for key, child in value.items() if child is not None}
    return value
