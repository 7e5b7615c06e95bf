"""Reads the settings: environment over secret files over the configuration file over the defaults."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapter.settings.errors import SettingsError
from adapter.settings.model import DEFAULT_TENANT, Settings
from adapter.settings.sources import (
    Layer,
    Source,
    merged_layers,
    read_environment,
    read_secret_files,
    read_toml,
    unknown,
    unknown_variables,
    without_tenants,
)
from adapter.settings.written import PREFIX, TENANT_KEYS, Keys, dotted, nearest

_GROUP = "is a group of settings, not a value"
_MESSAGES = {
    "missing": "is required",
    "string_pattern_mismatch": "must be lower-case letters, digits and hyphens, beginning with a letter",
    "string_too_short": "is empty",
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "dict_type": _GROUP,
}


def load_settings(config: Path | None = None, *, lenient: bool = False) -> Settings:
    """The settings of this process. ``config`` is the file given on the command line. Of several municipalities,
    ``lenient`` leaves out those whose own settings can't be used, and names them in ``refused``.

    Raises ``SettingsError``, whose text is for the operator and holds no values. Relative paths are relative to the
    working directory.
    """
    try:
        return _load(config, lenient=lenient)
    except SettingsError:
        refused = _refused(config) if lenient else {}
        if not refused:
            raise
    return _load(config, frozenset(refused), lenient=True).without(refused)


def _refused(config: Path | None) -> dict[str, tuple[str, ...]]:
    """The municipalities that can't be used even without the others, and what to mend of each; empty if all can't."""
    written = merged_layers(read_toml(config).values, read_environment().values).get("tenants")
    names = frozenset(written) if isinstance(written, dict) else frozenset()
    refused: dict[str, tuple[str, ...]] = {}
    for name in sorted(names):
        try:
            _load(config, names - {name}, lenient=True)
        except SettingsError as error:
            refused[name] = error.problems
    return refused if len(refused) < len(names) else {}


def _load(config: Path | None, without: frozenset[str] = frozenset(), *, lenient: bool) -> Settings:
    """``without`` these municipalities. ``lenient`` leaves a missing mapping to whoever reads it."""
    toml, environment = (without_tenants(source, without) for source in (read_toml(config), read_environment()))
    above = merged_layers(toml.values, environment.values)
    problems = [*unknown(toml), *unknown_variables(without)]
    files = read_secret_files(above, without, problems)
    sources = [environment, *reversed(files), toml]
    merged: Layer = {}
    for source in reversed(sources):
        merged = merged_layers(merged, source.values)
    merged.pop("secrets_dir", None)
    single = _fold(merged, problems)
    try:
        settings = Settings(**merged)
    except ValidationError as failure:
        faults = failure.errors(include_url=False, include_input=False)
        # an unknown key has been told already, and better
        problems += [_told(fault, sources, single) for fault in faults if fault["type"] != "extra_forbidden"]
    else:
        if not lenient or (len(settings.tenants) == 1 and not without):
            problems += _missing_files(settings)
        if not problems:
            return settings
    raise SettingsError(list(dict.fromkeys(problems))) from None


def _fold(merged: Layer, problems: list[str]) -> str | None:
    """Bring the top level's municipality under ``tenants``; its name, or None where ``tenants`` is written."""
    name = str(merged.pop("tenant", DEFAULT_TENANT))
    top = {key: merged.pop(key) for key in TENANT_KEYS if key in merged}
    if merged.get("tenants"):
        if top:
            written = ", ".join(sorted(top))
            problems.append(f"{written}: stands both at the top level and under [tenants]; choose one of the two")
        return None
    merged["tenants"] = {name: {"lifecare": {}, "phoniro": {}} | top}
    return name


def _told(error: ErrorDetails, sources: list[Source], single: str | None) -> str:
    """One line for one fault, in the place where the faulty value stands."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    if single and path[:2] == ("tenants", single):
        path = path[2:] or ("tenant",)
    message = in_words(error)
    origin = next((source for source in sources if _holds(source.values, path)), None)
    if error["type"] == "missing" or origin is None:
        if not path:
            return message
        variable = f"{PREFIX}{'__'.join(path).upper()}"
        file = f", or a file named by {path[-1]}_file" if nearest((*path[:-1], f"{path[-1]}_file")) is None else ""
        return f"{dotted(path)}: {message} (give it there, as {variable}{file})"
    return f"{origin.called(path)}: {message[:1].lower()}{message[1:]}"


def in_words(error: ErrorDetails) -> str:
    """What is wrong with a value, without the value."""
    return _MESSAGES.get(error["type"], error["msg"].removeprefix("Value error, "))


def _holds(values: object, path: Keys) -> bool:
    for part in path:
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def _missing_files(settings: Settings) -> list[str]:
    return [
        f"mapping_file of {name}: {tenant.mapping} is not there; copy mappings/example.toml and make it your own"
        for name, tenant in settings.tenants.items()
        if not tenant.mapping.is_file()
    ]
