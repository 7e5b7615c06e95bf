"""Where settings come from: environment, secret files and the configuration file, each read as a tree of values."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as SourceError

from adapter.settings.errors import SettingsError
from adapter.settings.written import PREFIX, Keys, Written, dotted, known, nearest, no_such

DEFAULT_CONFIG = Path("config/adapter.toml")
CONFIG_VARIABLE = "ADAPTER_CONFIG"
# Kubernetes gives every process such variables for a service of the name "adapter" in its namespace.
_NOT_OURS = ("ADAPTER_SERVICE_HOST", "ADAPTER_SERVICE_PORT", "ADAPTER_PORT")

Layer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where values came from; ``name`` is a file's path, or empty for the environment."""

    name: str
    values: Layer

    def called(self, path: Keys) -> str:
        """The place and the key, as its writer knows them."""
        if not self.name:
            return f"environment: {PREFIX}{'__'.join(path).upper()}"
        return f"{self.name}: {dotted(path)}"


def config_path(config: Path | None) -> Path:
    """The configuration file of this process, whether it is there or not."""
    return config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def read_toml(config: Path | None) -> Source:
    path = config_path(config)
    if config is None and not os.environ.get(CONFIG_VARIABLE) and not path.is_file():
        return Source(str(path), {})
    try:
        return Source(str(path), tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        problem = f"{path}: can't be read: {error.strerror or type(error).__name__}"
    except UnicodeDecodeError:
        problem = f"{path}: is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = f"{path}: is not TOML: {error}"
    raise SettingsError([problem])


def read_environment() -> Source:
    try:
        return Source("", EnvSettingsSource(Written)())
    except SourceError:
        groups = [name for name, sub in known().items() if sub]
        wrong = [f"{PREFIX}{name.upper()}" for name in groups if f"{PREFIX}{name.upper()}" in os.environ]
    raise SettingsError([f"environment: {name}: is a group; name a setting in it, {name}__..." for name in wrong])


def without_tenants(source: Source, tenants: frozenset[str]) -> Source:
    """What is written for others than these municipalities."""
    written = source.values.get("tenants")
    if not isinstance(written, dict) or not tenants:
        return source
    left = {name: values for name, values in written.items() if name not in tenants}
    return Source(source.name, source.values | {"tenants": left})


def read_secret_files(above: Layer, without: frozenset[str], problems: list[str]) -> list[Source]:
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
            if nearest(path) is None:
                sources.append((path, file))
            elif len(path) > 1:
                problems.append(f"{file}: {no_such(path)}")
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
            read.append(Source(str(file), _nest(path, text)))
    return read


def _is_secret(path: Keys) -> bool:
    """Whether a ``..._file`` setting stands for a secret: then the secret itself is a setting beside it."""
    return nearest((*path[:-1], path[-1].removesuffix("_file"))) is None


def unknown(source: Source) -> list[str]:
    return [f"{source.called(path)}: {no_such(path)}" for path, _ in _leaves(source.values) if nearest(path)]


def unknown_variables(without: frozenset[str]) -> list[str]:
    problems = []
    for name in sorted(os.environ):
        if not name.upper().startswith(PREFIX) or name == CONFIG_VARIABLE or name.startswith(_NOT_OURS):
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        if not _concerns(path, without) and nearest(path):
            problems.append(f"environment: {name}: {no_such(path)}")
    return problems


def _concerns(path: Keys, tenants: frozenset[str]) -> bool:
    return path[0] == "tenants" and len(path) > 1 and path[1] in tenants


def merged_layers(below: Mapping[str, Any], above: Mapping[str, Any]) -> Layer:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merged_layers(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _leaves(values: Layer, path: Keys = ()) -> Iterator[tuple[Keys, object]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _nest(path: Keys, value: object) -> Layer:
    return {path[0]: _nest(path[1:], value) if len(path) > 1 else value}
