"""Reads the settings: environment over secret files over the configuration file over the defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from adapter.settings.errors import SettingsError
from adapter.settings.model import (
    DEFAULT_TENANT,
    LifecareSettings,
    MailSettings,
    PhoniroSettings,
    Settings,
    TenantSettings,
)

PREFIX = "ADAPTER_"
DEFAULT_CONFIG = Path("config/adapter.toml")
CONFIG_VARIABLE = "ADAPTER_CONFIG"
# Kubernetes gives every process such variables for a service of the name "adapter" in its namespace.
_NOT_OURS = ("ADAPTER_SERVICE_HOST", "ADAPTER_SERVICE_PORT", "ADAPTER_PORT")

Layer = dict[str, Any]
Path_ = tuple[str, ...]


class Written(Settings, BaseSettings):
    """The settings as people write them: one municipality at the top level, or several under ``tenants``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")

    tenant: str = Field(
        DEFAULT_TENANT, description="The municipality's name; it stays in the database, so choose once."
    )
    lifecare: LifecareSettings | None = Field(None, description="The case system.")
    phoniro: PhoniroSettings | None = Field(None, description="The camera platform.")
    mail: MailSettings | None = Field(None, description="Mail.")
    mapping_file: Path | None = Field(None, description=TenantSettings.model_fields["mapping_file"].description)
    secrets_dir: Path | None = Field(
        None, description="A folder with one file per secret, named as `lifecare__key` or `pseudonym_key`."
    )


TENANT_KEYS = tuple(TenantSettings.model_fields)
HIDDEN = ("demo",)
_GROUP = "is a group of settings, not a value"
_MESSAGES = {
    "missing": "is required",
    "string_pattern_mismatch": "must be lower-case letters, digits and hyphens, beginning with a letter",
    "string_too_short": "is empty",
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "dict_type": _GROUP,
}


@dataclass(frozen=True, slots=True)
class _Source:
    """Where values came from; ``name`` is a file's path, or empty for the environment."""

    name: str
    values: Layer

    def called(self, path: Path_) -> str:
        """The place and the key, as its writer knows them."""
        if not self.name:
            return f"environment: {PREFIX}{'__'.join(path).upper()}"
        return f"{self.name}: {dotted(path)}"


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
    written = _merged(_read_toml(config).values, _read_environment().values).get("tenants")
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
    toml, environment = (_without(source, without) for source in (_read_toml(config), _read_environment()))
    above = _merged(toml.values, environment.values)
    problems = [*_unknown(toml), *_unknown_variables(without)]
    files = _read_secret_files(above, without, problems)
    sources = [environment, *reversed(files), toml]
    merged: Layer = {}
    for source in reversed(sources):
        merged = _merged(merged, source.values)
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


def dotted(path: Path_) -> str:
    """``[engine] poll_seconds`` or ``[engine]``, as it stands in TOML."""
    if len(path) == 1:
        return f"[{path[0]}]" if known().get(path[0]) else path[0]
    return f"[{'.'.join(path[:-1])}] {path[-1]}"


def known(model: type[BaseModel] = Written) -> dict[str, Any]:
    """All keys that may be written, as a tree; ``None`` is a leaf, ``*`` stands for a municipality's name."""
    tree: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name in HIDDEN:
            continue
        group = group_of(field.annotation)
        tree[name] = {"*": known(TenantSettings)} if name == "tenants" else known(group) if group else None
    return tree


def group_of(annotation: object) -> type[BaseModel] | None:
    """The group of settings that a field's annotation names, if it does."""
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def config_path(config: Path | None) -> Path:
    """The configuration file of this process, whether it is there or not."""
    return config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def _read_toml(config: Path | None) -> _Source:
    path = config_path(config)
    if config is None and not os.environ.get(CONFIG_VARIABLE) and not path.is_file():
        return _Source(str(path), {})
    try:
        return _Source(str(path), tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        problem = f"{path}: can't be read: {error.strerror or type(error).__name__}"
    except UnicodeDecodeError:
        problem = f"{path}: is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = f"{path}: is not TOML: {error}"
    raise SettingsError([problem])


def _read_environment() -> _Source:
    try:
        return _Source("", EnvSettingsSource(Written)())
    except SourceError:
        groups = [name for name, sub in known().items() if sub]
        wrong = [f"{PREFIX}{name.upper()}" for name in groups if f"{PREFIX}{name.upper()}" in os.environ]
    raise SettingsError([f"environment: {name}: is a group; name a setting in it, {name}__..." for name in wrong])


def _without(source: _Source, tenants: frozenset[str]) -> _Source:
    """What is written for others than these municipalities."""
    written = source.values.get("tenants")
    if not isinstance(written, dict) or not tenants:
        return source
    left = {name: values for name, values in written.items() if name not in tenants}
    return _Source(source.name, source.values | {"tenants": left})


def _concerns(path: Path_, tenants: frozenset[str]) -> bool:
    return path[0] == "tenants" and len(path) > 1 and path[1] in tenants


def _read_secret_files(above: Layer, without: frozenset[str], problems: list[str]) -> list[_Source]:
    """Those of ``secrets_dir``, and over them those that a ``..._file`` setting names."""
    sources = []
    if folder := above.get("secrets_dir"):
        try:
            found = [p for p in sorted(Path(str(folder)).iterdir()) if p.is_file() and not p.name.startswith(".")]
        except OSError as error:
            problems.append(f"secrets_dir: can't be read: {error.strerror or type(error).__name__}")
            found = []
        for file in found:
            path = tuple(file.name.lower().split("__"))
            if _concerns(path, without):
                continue
            if _nearest(path) is None:
                sources.append((path, file))
            elif len(path) > 1:
                problems.append(f"{file}: {_no_such(path)}")
    for path, file_name in list(_leaves(above)):
        if path[-1].endswith("_file") and path[-1] != "mapping_file" and _is_secret(path):
            sources.append(((*path[:-1], path[-1].removesuffix("_file")), Path(str(file_name))))
    read = []
    for path, file in sources:
        try:
            text = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file} (for {dotted(path)}): can't be read: {getattr(error, 'strerror', 'not UTF-8')}")
        else:
            read.append(_Source(str(file), _nest(path, text)))
    return read


def _is_secret(path: Path_) -> bool:
    """Whether a ``..._file`` setting stands for a secret: then the secret itself is a setting beside it."""
    return _nearest((*path[:-1], path[-1].removesuffix("_file"))) is None


def _nest(path: Path_, value: object) -> Layer:
    return {path[0]: _nest(path[1:], value) if len(path) > 1 else value}


def _leaves(values: Layer, path: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Layer:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


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


def _nearest(path: Path_) -> tuple[str, str | None] | None:
    """The unknown part of the path and the known name that is most like it; None if the path names a setting."""
    tree: dict[str, Any] | None = known()
    for part in path:
        if tree is None:
            return part, None
        if "*" not in tree and part not in tree:
            return part, next(iter(get_close_matches(part, tree, 1, 0.5)), None)
        tree = tree["*"] if "*" in tree else tree[part]
    return None


def _no_such(path: Path_) -> str:
    part, nearest = _nearest(path) or (path[-1], None)
    return f"there is no setting {part}" + (f"; did you mean {nearest}?" if nearest else "")


def _unknown(source: _Source) -> list[str]:
    return [f"{source.called(path)}: {_no_such(path)}" for path, _ in _leaves(source.values) if _nearest(path)]


def _unknown_variables(without: frozenset[str]) -> list[str]:
    problems = []
    for name in sorted(os.environ):
        if not name.upper().startswith(PREFIX) or name == CONFIG_VARIABLE or name.startswith(_NOT_OURS):
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        if not _concerns(path, without) and _nearest(path):
            problems.append(f"environment: {name}: {_no_such(path)}")
    return problems


def _told(error: ErrorDetails, sources: list[_Source], single: str | None) -> str:
    """One line for one fault, in the place where the faulty value stands."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    if single and path[:2] == ("tenants", single):
        path = path[2:] or ("tenant",)
    message = _MESSAGES.get(error["type"], error["msg"].removeprefix("Value error, "))
    origin = next((source for source in sources if _holds(source.values, path)), None)
    if error["type"] == "missing" or origin is None:
        if not path:
            return message
        variable = f"{PREFIX}{'__'.join(path).upper()}"
        file = f", or a file named by {path[-1]}_file" if _nearest((*path[:-1], f"{path[-1]}_file")) is None else ""
        return f"{dotted(path)}: {message} (give it there, as {variable}{file})"
    return f"{origin.called(path)}: {message[:1].lower()}{message[1:]}"


def _holds(values: object, path: Path_) -> bool:
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
