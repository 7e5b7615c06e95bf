"""``docs/settings.md``, made from the settings' own descriptions: ``python -m adapter.settings.reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from adapter.settings.load import group_of
from adapter.settings.model import PREFIX, OperatorSettings

_INTRO = """\
# Settings

<!-- Made from adapter/settings by `python -m adapter.settings.reference > docs/settings.md`; edit there. -->

What is not set has its default. A value is sought in this order, and the first one found counts:

1. the **environment**: `ADAPTER_` and the setting's name, groups joined by two underscores
   (`ADAPTER_ENGINE__POLL_SECONDS=30`, `ADAPTER_DRY_RUN=true`);
2. a **secret file**: the one named by the setting's `..._file`, or else the one in `secrets_dir` that is named as the
   environment variable is, in lower case and without `ADAPTER_` (`lifecare__key`); white space around it doesn't count;
3. the **configuration file**, TOML: the one given by `--config`, or else by `ADAPTER_CONFIG`, or else
   `config/adapter.toml` if it is there.

An unknown name is refused, wherever it stands: a misspelt setting would otherwise be a default in silence. Relative
paths start from the working directory. The running adapter sees within seconds that the configuration file, a mapping
or a secret file that the configuration names has changed, and reads all of it again then and on SIGHUP. What can't be
used is refused whole, loudly, and the settings before stay. `[store]`, `[ops]` and `pseudonym_key`
want a restart.

One municipality is written at the top level: `tenant`, `mapping_file`, `[lifecare]`, `[phoniro]`, `[mail]`. Several are
written as `[tenants.<name>.lifecare]` and so on instead (`ADAPTER_TENANTS__<NAME>__LIFECARE__KEY`), with
`mapping_file` under `[tenants.<name>]`. A name has lower-case letters, digits and hyphens.

In the tables, *secret* is a value that is never shown or logged.
"""


def settings_reference() -> str:
    """The whole page."""
    top, groups = [], []
    for name, field in OperatorSettings.model_fields.items():
        if name == "tenants":
            continue
        if (group := group_of(field.annotation)) is not None:
            groups.append(f"## `[{name}]`\n\n{(group.__doc__ or '').strip()}\n\n{_table(group, name)}")
        else:
            top.append(_row(name, field, PREFIX + name.upper()))
    return "\n".join([_INTRO, "## At the top level\n", _HEAD + "\n".join(top), "", "\n\n".join(groups), ""])


_HEAD = "| setting | default | what it is | in the environment |\n|---|---|---|---|\n"


def _table(group: type[BaseModel], prefix: str) -> str:
    rows = [_row(n, f, f"{PREFIX}{prefix.upper()}__{n.upper()}") for n, f in group.model_fields.items()]
    return _HEAD + "\n".join(rows)


def _row(name: str, field: FieldInfo, variable: str) -> str:
    secret = " *Secret.*" if field.annotation is SecretStr else ""
    return f"| `{name}` | {_default(field)} | {field.description}{secret} | `{variable}` |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "**required**"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in ("", None):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"


if __name__ == "__main__":
    sys.stdout.write(settings_reference())
