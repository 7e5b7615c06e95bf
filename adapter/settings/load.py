"""Reads the settings: environment over secret files over the configuration file over the defaults.

pydantic-settings' own sources do the reading. They are asked one by one, because an error has to name the place where
the wrong value stands.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, NestedSecretsSettingsSource
from pydantic_settings import SettingsError as SourceError

from adapter.settings.model import PREFIX, OperatorSettings, Settings

DEFAULT_CONFIG = Path("local/adapter.toml")
"""Where ``adapter init`` writes it; the example in ``config`` is never used unasked."""
CONFIG_VARIABLE = "ADAPTER_CONFIG"
# Kubernetes gives every process variables for the services of its namespace: ADAPTER_OPS_PORT=tcp://10.0.0.1:8080 and
# six more for one of the name "adapter-ops". A slip of our own (ADAPTER_OPS_PORT=8080) is no such thing.
_OF_KUBERNETES = re.compile(
    r"ADAPTER_(\w+_)?(SERVICE_HOST=.*|SERVICE_PORT(_\w+)?=\d+|PORT(_\d+_(TCP|UDP|SCTP))?=\w+://.*"
    r"|PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=.*)"
)
_BYTE_ORDER_MARK = "\ufeff"
"""What Notepad and PowerShell put before UTF-8 text."""

_GROUP = "is a group of settings, not a value"
_MESSAGES = {
    "missing": "is required",
    "string_pattern_mismatch": "must be lower-case letters, digits and hyphens, beginning with a letter",
    "string_too_short": "is empty",
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "dict_type": _GROUP,
}
_MORE_ON_MISSING = {
    "mapping_file": ": copy the example mapping and make it the municipality's own",
    "pseudonym_key": ", with at least 16 random characters",
}

Keys = tuple[str, ...]
"""Where a setting stands: its groups' names and its own."""
Values = dict[Keys, Any]
"""Settings by their place. An empty group counts as a value: an empty one."""


class SettingsError(Exception):
    """The settings can't be used. ``problems`` has one line per thing to mend, each naming where and what; never a
    value, which could be a secret."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        many = "1 thing" if len(self.problems) == 1 else f"{len(self.problems)} things"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(
            f"The settings can't be used. {many} to mend:\n{lines}\n"
            "All settings are described in docs/settings.md. An adapter that runs goes on with those that it has."
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and with which setting; the path is empty where it is no single one."""

    path: Keys
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Values, and how the place of one of them is named."""

    values: Values
    place: Callable[[Keys], str]

    def holds(self, path: Keys) -> bool:
        """Whether the setting, or any of the group, stands here."""
        return any(each[: len(path)] == path for each in self.values)


def load_settings(config: Path | None = None) -> Settings:
    """The settings of this process. ``config`` is the file given on the command line. Of several municipalities, those
    whose own settings can't be used are left out, and named in ``refused``.

    Raises ``SettingsError``, whose text is for the operator and holds no values. Relative paths are relative to the
    working directory.
    """
    sources, problems = _read_sources(config)
    values = {path: value for source in reversed(sources) for path, value in source.values.items()}
    read, faults = _validated(values, sources)
    unreadable = {problem.path for problem in problems}
    problems += [fault for fault in faults if not _follows(fault.path, unreadable, values)]
    if refused := _refused(problems, values):
        left_out = {("tenants", name) for name in refused}
        values = {path: value for path, value in values.items() if path[:2] not in left_out}
        read, problems = _validated(values, sources)
    if read is None or problems:
        raise SettingsError([*_no_file(config, values), *(problem.text for problem in problems)])
    settings = read.settings(refused)
    if len(settings.tenants) == 1 and not refused:  # of several, a missing mapping is its own municipality's fault
        ((name, tenant),) = settings.tenants.items()
        if not (file := tenant.mapping_file).is_file():
            told = f"mapping_file of {name}: {file} is not there; copy mappings/example.toml and make it your own"
            raise SettingsError([told])
    return settings


def config_path(config: Path | None) -> Path:
    """The configuration file of this process, whether it is there or not."""
    return config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def secret_files(config: Path | None = None) -> list[Path]:
    """The files that hold secrets: those that the settings name, those of ``secrets_dir``, and the configuration file
    if one stands in it. Raises ``SettingsError``."""
    toml = _toml(config).values
    values = toml | _environment()
    files = [Path(str(file)) for _, file in _named_secrets(values)]
    if folder := values.get(("secrets_dir",)):
        files += [file for file in sorted(Path(str(folder)).iterdir()) if _no_such(_path(file.name)) is None]
    # A SQLite URL has no password.
    secret = any(_is_secret(path) and not str(value).startswith("sqlite:") for path, value in toml.items())
    return [*files, config_path(config)] if secret else files


def named_files(config: Path | None = None) -> list[Path]:
    """The mappings and secrets that the configuration file names, none where it can't be read. The re-sync and adopt
    files aren't among them: another part watches those."""
    try:
        values = _toml(config).values
    except SettingsError:
        return []
    requests = {("engine", "resync_file"), ("engine", "adopt_file")}
    return [Path(str(file)) for path, file in values.items() if path[-1].endswith("_file") and path not in requests]


def _no_file(config: Path | None, values: Values) -> list[str]:
    """What to say first if there is no file. Raises ``SettingsError`` with that alone if the environment sets nothing
    either."""
    if config is not None or os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG.is_file():
        return []
    told = (
        f"there is no settings file: {DEFAULT_CONFIG} is not there, and neither --config nor {CONFIG_VARIABLE} names "
        "another. `adapter init` writes one, with a mapping"
    )
    if not values.keys() - {("pseudonym_key",)}:
        raise SettingsError([told])
    return [told]


def in_words(error: ErrorDetails) -> str:
    """What is wrong with a value, without the value."""
    message = _MESSAGES.get(error["type"], error["msg"].removeprefix("Value error, "))
    return message[:1].lower() + message[1:]


def group_of(annotation: object) -> type[BaseModel] | None:
    """The group of settings that a field's annotation names, if it does."""
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _read_sources(config: Path | None) -> tuple[list[Source], list[Problem]]:
    """All sources, the strongest first, and what can't be read or is unknown in them."""
    environment = Source(_environment(), lambda path: f"environment: {_variable(path)}")
    toml = _toml(config)
    problems = [
        Problem(path, f"environment: {name}: {text}")
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX) and name != CONFIG_VARIABLE
        if not _OF_KUBERNETES.fullmatch(f"{name}={os.environ[name]}")
        for path in [_path(name[len(PREFIX) :])]
        if (text := _no_such(path))
    ]
    values = toml.values | environment.values
    sources = [environment]
    for path, file in _named_secrets(values):
        try:
            text = Path(str(file)).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(path, f"{file} (for {_dotted(path)}): can't be read: {_reason(error)}"))
        else:
            sources.append(Source({path: text}, _place_in(file)))
    if folder := values.get(("secrets_dir",)):
        try:
            sources.append(_secrets_dir(Path(str(folder))))
            problems += _unknown_secrets(Path(str(folder)))
        except (SourceError, OSError, UnicodeDecodeError) as error:
            problems.append(Problem(("secrets_dir",), f"secrets_dir: can't be read: {_reason(error)}"))
    return [*sources, toml], problems


def _environment() -> Values:
    return dict(_flat(EnvSettingsSource(OperatorSettings)()))


def _toml(config: Path | None) -> Source:
    path = config_path(config)
    if config is None and not os.environ.get(CONFIG_VARIABLE) and not path.is_file():
        return Source({}, _place_in(path))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        problem = f"{path}: can't be read: {_reason(error)}"
    except UnicodeDecodeError:
        problem = f"{path}: is not UTF-8 text"
    except RecursionError:
        problem = f"{path}: is nested too deeply"
    except ValueError as error:  # TOMLDecodeError, and what else it raises: for a number of thousands of digits, say
        problem = f"{path}: is not TOML: {error}"
    else:
        return Source(dict(_flat(values)), _place_in(path))
    raise SettingsError([problem])


def _secrets_dir(folder: Path) -> Source:
    read = NestedSecretsSettingsSource(
        OperatorSettings,  # type: ignore[arg-type]  # it takes a settings class as well, as its own comment says
        secrets_dir=folder,
        secrets_dir_missing="error",
        secrets_prefix="",
        secrets_nested_delimiter="__",
    )
    values = {path: str(text).removeprefix(_BYTE_ORDER_MARK).strip() for path, text in _flat(read())}
    return Source(values, lambda keys: str(folder / "__".join(keys)))


def _unknown_secrets(folder: Path) -> Iterator[Problem]:
    """Files that look like a setting of a group and are none. Others may lie there; they are somebody else's."""
    for file in sorted(folder.iterdir()):
        path = _path(file.name)
        if len(path) > 1 and not file.name.startswith(".") and (text := _no_such(path)):
            yield Problem(path, f"{file}: {text}")


def _named_secrets(values: Values) -> list[tuple[Keys, object]]:
    """The secrets for which a ``..._file`` setting names a file: such a setting has the secret itself beside it."""
    named = [
        ((*path[:-1], path[-1].removesuffix("_file")), file)
        for path, file in values.items()
        if path[-1].endswith("_file")
    ]
    return [(secret, file) for secret, file in named if _no_such(secret) is None]


def _validated(values: Values, sources: list[Source]) -> tuple[OperatorSettings | None, list[Problem]]:
    try:
        return OperatorSettings(**_nested(values)), []
    except ValidationError as failure:
        errors = failure.errors(include_url=False, include_input=False)
        # A misspelt setting is told before the one that is missing for it.
        errors.sort(key=lambda error: error["type"] != "extra_forbidden")
        return None, [_problem(error, sources) for error in errors]


def _problem(error: ErrorDetails, sources: list[Source]) -> Problem:
    """What is wrong with one setting, and the place where its value is, or could be given."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    message = (error["type"] == "extra_forbidden" and _no_such(path)) or in_words(error)
    # If a value is given where a group belongs, the fault is there, and not where the group's settings are.
    source = next((each for each in sources if path in each.values), None)
    source = source or next((each for each in sources if each.holds(path)), None)
    if not path:
        return Problem(path, message)
    if source is not None:
        return Problem(path, f"{source.place(path)}: {message}")
    named = (*path[:-1], f"{path[-1]}_file")
    file = "" if _no_such(named) else f", or a file named by {named[-1]}"
    more = _MORE_ON_MISSING.get(path[-1], "")
    return Problem(path, f"{_dotted(path)}: {message}{more} (give it there, as {_variable(path)}{file})")


def _follows(path: Keys, unreadable: set[Keys], values: Values) -> bool:
    """Whether a secret is missing only because the file or the folder that it is in can't be read."""
    return path not in values and _is_secret(path) and not unreadable.isdisjoint({path, ("secrets_dir",)})


def _refused(problems: list[Problem], values: Values) -> dict[str, tuple[str, ...]]:
    """The municipalities that have problems, and these; empty if something else has one, or nobody would be left."""
    if not all(problem.path[:1] == ("tenants",) and len(problem.path) > 1 for problem in problems):
        return {}
    names = dict.fromkeys(problem.path[1] for problem in problems)
    if names.keys() >= {path[1] for path in values if path[0] == "tenants" and len(path) > 1}:
        return {}
    return {name: tuple(dict.fromkeys(p.text for p in problems if p.path[1] == name)) for name in sorted(names)}


def _is_secret(path: Keys) -> bool:
    """Whether a setting may stand in a file of its own as well."""
    return bool(path) and _no_such((*path[:-1], f"{path[-1]}_file")) is None


def _no_such(path: Keys) -> str | None:
    """What to say of a path that names no setting, with the known name that is most like it; None if it names one."""
    group: type[BaseModel] | None = OperatorSettings
    parts = iter(path)
    for part in parts:
        known = group.model_fields if group else {}
        if part not in known:
            nearest = get_close_matches(part, known, 1, 0.5)
            return f"there is no setting {part}" + (f"; did you mean {nearest[0]}?" if nearest else "")
        group = group_of(known[part].annotation)
        if get_origin(known[part].annotation) is dict:
            next(parts, None)  # a name, which may be any
    return None


def _dotted(path: Keys) -> str:
    """``[engine] poll_seconds`` or ``[engine]``, as it stands in TOML."""
    if len(path) > 1:
        return f"[{'.'.join(path[:-1])}] {path[-1]}"
    field = OperatorSettings.model_fields.get(path[0])
    return f"[{path[0]}]" if field and group_of(field.annotation) else path[0]


def _variable(path: Keys) -> str:
    return PREFIX + "__".join(path).upper()


def _place_in(file: object) -> Callable[[Keys], str]:
    return lambda path: f"{file}: {_dotted(path)}"


def _path(name: str) -> Keys:
    """The setting that a variable without its prefix, or a secret file, names."""
    return tuple(name.lower().split("__"))


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, PermissionError):
        return "only another user may; run this as the adapter's user"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _flat(values: Mapping[str, Any], path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, (*path, name))
        else:
            yield (*path, name), value


def _nested(values: Values) -> dict[str, Any]:
    """By groups again. A value where a group belongs stays, and is refused."""
    whole: dict[str, Any] = {}
    for (*groups, name), value in values.items():
        at: Any = whole
        for group in groups:
            at = at.setdefault(group, {}) if isinstance(at, dict) else at
        if isinstance(at, dict) and not (value == {} and name in at):
            at[name] = {} if value == {} else value
    return whole
