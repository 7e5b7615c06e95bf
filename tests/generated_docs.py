"""The documents that are made from the code: ``python -m tests.generated_docs`` writes them again."""

import logging
from logging import DEBUG, ERROR, INFO, WARNING
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from adapter.log_events import EVENTS
from adapter.settings.load import group_of
from adapter.settings.model import PREFIX, OperatorSettings
from mappings.messages.examples import examples
from mappings.messages.render import render_letter, render_mail
from mappings.texts import Texts

DOCS = Path(__file__).parents[1] / "docs"

_SETTINGS = """\
# Settings

<!-- Made from adapter/settings by `python -m tests.generated_docs`; edit there. -->

A setting that isn't set has its default. A value is looked for in this order, and the first one counts:

1. the **environment**: `ADAPTER_` and the setting's name, groups joined by two underscores
   (`ADAPTER_ENGINE__POLL_SECONDS=30`, `ADAPTER_DRY_RUN=true`);
2. a **secret file**: the file that the setting's `..._file` names, otherwise the one in `secrets_dir` with the name of
   the environment variable in lower case and without `ADAPTER_` (`lifecare__key`); white space around the value doesn't
   count;
3. the **configuration file**, TOML: given by `--config`, otherwise by `ADAPTER_CONFIG`, otherwise `local/adapter.toml`
   if it is there.

An unknown name is refused everywhere, because a misspelt setting would silently have its default. Relative paths start
from the working directory. The running adapter sees within seconds that the configuration file, a mapping or a secret
file named in the configuration has changed, and then reads all of it again, as also on SIGHUP. If something can't be
used, the whole change is refused with an error, and the old settings stay. `[store]`, `pseudonym_key` and, in `[ops]`,
`enabled`, `host`, `port` and `hang_seconds` need a restart.

A single municipality is set at the top level: `tenant`, `mapping_file`, `[lifecare]`, `[phoniro]`, `[mail]`. Several
municipalities are set with `[tenants.<name>.lifecare]` and so on (`ADAPTER_TENANTS__<NAME>__LIFECARE__KEY`), with
`mapping_file` under `[tenants.<name>]`. A name has lower-case letters, digits and hyphens.
No two have the same Lifecare.

In the tables, *secret* is a value that is never shown or logged.
"""

_EVENTS = """\
# Log events

<!-- Made from adapter/log_events.py by `python -m tests.generated_docs`; edit there. -->

The adapter writes one line per event to standard output: JSON lines, or a readable form on a terminal. Every line has
`timestamp` (UTC, ISO 8601), `level`, `event` and `logger`; if they are known, also `tenant`, `case` (its reference)
and `correlation` (the same on all lines of one piece of work). Durations are in seconds. Of the same warning or error
at most ten lines a minute are written; the next one says in `repeated` how many were left out.

The levels: **ERROR**: a person must act, otherwise something isn't done; each has an alert rule. **WARNING**: something
went wrong and the adapter copes; look at it if it repeats. **INFO**: what the adapter did. **DEBUG**: how it did it.

No line holds anything personal or secret. A person is a pseudonym (`p-` and ten characters), which only the holder of
the pseudonym key can make. Identity numbers, keys and URLs are replaced by `[redacted]`, and values under names such as
`name`, `address` or `password` by `[refused]`. `exception` names errors, files and lines, never local variables.

Libraries are logged from WARNING on. The `logger` of their lines doesn't begin with `adapter`.
"""


def settings_reference() -> str:
    """``docs/settings.md``."""
    top, groups = [], []
    for name, field in OperatorSettings.model_fields.items():
        if name == "tenants":
            continue
        if (group := group_of(field.annotation)) is not None:
            groups += _groups(group, name)
        else:
            top.append(_row(name, field, PREFIX + name.upper()))
    return "\n".join([_SETTINGS, "## At the top level\n", _HEAD + "\n".join(top), "", "\n\n".join(groups), ""])


def _groups(group: type[BaseModel], name: str) -> list[str]:
    """A group, and those within it."""
    found = [f"## `[{name}]`\n\n{(group.__doc__ or '').strip()}\n\n{_table(group, name)}"]
    for inner, field in group.model_fields.items():
        if (below := group_of(field.annotation)) is not None:
            found += _groups(below, f"{name}.{inner}" + (".<name>" if get_origin(field.annotation) is dict else ""))
    return found


_HEAD = "| setting | default | what it is | in the environment |\n|---|---|---|---|\n"


def _table(group: type[BaseModel], prefix: str) -> str:
    start = PREFIX + prefix.upper().replace(".", "__")
    rows = [
        _row(n, f, f"{start}__{n.upper()}") for n, f in group.model_fields.items() if group_of(f.annotation) is None
    ]
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


def events_reference() -> str:
    """``docs/log-events.md``."""
    lines = [_EVENTS]
    for level in (ERROR, WARNING, INFO, DEBUG):
        more = (" alert |", "---|") if level == ERROR else ("", "")
        lines += [f"## {logging.getLevelName(level)}", "", "| event | means | fields | do |" + more[0]]
        lines += ["|---|---|---|---|" + more[1]]
        lines += [
            f"| `{e.name}` | {e.meaning} | {', '.join(f'`{f}`' for f in e.fields) or '–'} | {e.do} |"
            + (f" `{e.alert}` |" if e.alert else "")
            for e in EVENTS.values()
            if e.level == level
        ]
        lines.append("")
    return "\n".join(lines)


_MESSAGES = """\
# Meddelandena, som deras läsare får dem

Ett exempel för varje läge som skiljer sig. Texterna är de som skickas; de skrivs av
`python -m tests.generated_docs`. Inget meddelande nämner någon vid namn.
"""


def messages_shown() -> str:
    """``docs/messages.md``: every message and mail as its reader gets it."""
    texts, reference = Texts.load(strict=True), "TK-7F3K2M"
    lines = [_MESSAGES, "## Anteckningar i Lifecare"]
    for what in examples("letters"):
        reader = "genomförandeplanen" if what["to"] == "plan" else texts.say("roles", str(what["to"]))
        text = render_letter(str(what["letter"]), what, reference=reference, act="07-K4QX", texts=texts)
        lines += ["", f"### {what['situation']}: till {reader}", "", _quoted(text)]
    lines += ["", "## Mejl"]
    for what in examples("mails"):
        about = str(what["id"]) if what["mail"] == "order" else reference
        subject, body = render_mail(what, reference=about, texts=texts)
        lines += ["", f"### {what['situation']}: till {texts.say('roles', str(what['to']))}", ""]
        lines += [_quoted(f"Ämne: {subject}\n\n{body.strip()}")]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


REFERENCES = {"settings.md": settings_reference, "log-events.md": events_reference, "messages.md": messages_shown}

if __name__ == "__main__":
    for file, made in REFERENCES.items():
        (DOCS / file).write_text(made(), encoding="utf-8")
