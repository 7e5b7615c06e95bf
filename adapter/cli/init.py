"""``adapter init``: from questions to a configuration that works, as a dry run to begin with."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
from pydantic import TypeAdapter, ValidationError

from adapter.cli.check import run_check
from adapter.cli.failures import CANT_BEGIN, fail
from adapter.settings.load import in_words
from adapter.settings.values import BaseUrl, TenantName

SECRET_FILES = ("lifecare__key", "phoniro__client_secret", "pseudonym_key", "store__encryption_key")

_HEAD = """\
Written by `adapter init`. Every setting is described in docs/settings.md; `adapter config show` shows them all.
Secrets stand in files of their own, in secrets_dir.
"""


def init(
    folder: Annotated[Path, typer.Option(help="Where to write: settings, mapping, secrets, database.")] = Path("local"),
    tenant: Annotated[str | None, typer.Option(help="A short name: lower-case letters, digits, hyphens.")] = None,
    municipality: Annotated[str | None, typer.Option(help="The municipality's name, as people write it.")] = None,
    go_live: Annotated[
        datetime | None, typer.Option(help="Orders from before are left alone.", formats=["%Y-%m-%d"])
    ] = None,
    lifecare_url: Annotated[str | None, typer.Option(help="Lifecare's address.")] = None,
    lifecare_domain: Annotated[str | None, typer.Option(help="The municipality's domain at Lifecare.")] = None,
    lifecare_key_from: Annotated[Path | None, typer.Option(help="A file with Lifecare's API key.")] = None,
    phoniro_url: Annotated[str | None, typer.Option(help="Phoniro's address.")] = None,
    phoniro_client: Annotated[str | None, typer.Option(help="The OAuth 2.0 client at Phoniro.")] = None,
    phoniro_secret_from: Annotated[Path | None, typer.Option(help="A file with the client's secret.")] = None,
    check: Annotated[bool, typer.Option(help="Check it all afterwards.")] = True,
) -> None:
    """Ask for what a municipality's configuration needs, write it, and check it.

    What is given as an option isn't asked for. Nothing that is there already is overwritten. It begins as a dry run:
    everything is read, nothing is written, and what would have been done is told.
    """
    folder = folder.absolute()
    config, mapping, hidden = folder / "adapter.toml", folder / "mapping.toml", folder / "secrets"
    for path in (config, mapping, *(hidden / name for name in SECRET_FILES)):
        if path.exists():
            raise fail(f"{path} is there already, and nothing was written. Choose another --folder.", CANT_BEGIN)
    tenant = _answer(tenant, TenantName, "Short name of the municipality (lower case, stays in the database)")
    name = municipality or typer.prompt("Its name, as people write it", default=str(tenant).capitalize())
    today = date.today().isoformat()  # noqa: DTZ011  # the operator's own calendar
    question = "Go-live: orders dated before are left alone (YYYY-MM-DD)"
    first_day = go_live.date() if go_live else _answer(None, date, question, today)
    lifecare = {
        "base_url": _answer(lifecare_url, BaseUrl, "Lifecare: address (https://...)"),
        "domain": lifecare_domain or typer.prompt("Lifecare: domain"),
    }
    key = _secret(lifecare_key_from, "Lifecare: API key")
    phoniro = {
        "base_url": _answer(phoniro_url, BaseUrl, "Phoniro: address (https://...)"),
        "client_id": phoniro_client or typer.prompt("Phoniro: OAuth client"),
    }
    secret = _secret(phoniro_secret_from, "Phoniro: the client's secret")

    folder.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(mode=0o700, exist_ok=True)
    made = [secrets.token_urlsafe(32) for _ in SECRET_FILES[2:]]
    for file, value in zip(SECRET_FILES, (key, secret, *made), strict=True):
        _write_secret(hidden / file, value)
    mapping.write_text(mapping_text(name, first_day), encoding="utf-8")
    config.write_text(config_text(folder, str(tenant), lifecare, phoniro), encoding="utf-8")
    if not (ignored := folder / ".gitignore").exists():
        ignored.write_text(_NOT_FOR_GIT, encoding="utf-8")
    typer.echo(
        f"\nWritten: {config}, {mapping}, and secrets that only you can read in {hidden}.\n"
        "It is a dry run until dry_run is taken out. The mapping holds the example's codes: replace them by your own\n"
        "(`adapter check` compares them with your Lifecare). For all further commands:\n\n"
        f"  export ADAPTER_CONFIG={config}\n"
    )
    if check:
        raise typer.Exit(run_check(config, as_json=False))


def _answer(given: str | None, kind: Any, question: str, default: str | None = None) -> Any:
    """What was given, or else is asked for until it can be used as this kind of value."""

    def usable(text: str) -> Any:
        try:
            return TypeAdapter(kind).validate_python(text)
        except ValidationError as failure:
            told = in_words(failure.errors(include_url=False)[0])
            what = f"'{question.partition(' (')[0]}'"  # named where an option was given; a question stands there itself
            raise typer.BadParameter(f"{told[:1].lower()}{told[1:]}.", param_hint=what) from None

    return usable(given) if given else typer.prompt(question, default=default, value_proc=usable)


def _secret(source: Path | None, question: str) -> str:
    if source is None:
        return str(typer.prompt(f"{question} (not shown)", hide_input=True))
    try:
        return source.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{source} can't be read: {getattr(error, 'strerror', 'not UTF-8')}", CANT_BEGIN) from None


def _write_secret(path: Path, value: str) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(value + "\n", encoding="utf-8")


def mapping_text(municipality: str, go_live: date) -> str:
    """The example mapping, comments and all, for this municipality."""
    document = tomlkit.parse((files("mappings") / "example.toml").read_text(encoding="utf-8"))
    document["go_live"] = go_live
    section = document["municipality"]
    assert isinstance(section, dict)  # the packaged example has it
    section["name"] = municipality
    return tomlkit.dumps(document)


def config_text(folder: Path, tenant: str, lifecare: dict[str, str], phoniro: dict[str, str]) -> str:
    """``adapter.toml``; its paths are absolute, so that it holds from any working directory."""
    document = tomlkit.document()
    for line in _HEAD.splitlines():
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    document.add("tenant", tenant)
    document.add("mapping_file", str(folder / "mapping.toml"))
    document.add("secrets_dir", str(folder / "secrets"))
    dry_run = tomlkit.item(True)
    dry_run.comment("read and decide, and write nothing; take this line out to go live")
    document.add("dry_run", dry_run)
    document.add("lifecare", lifecare)
    document.add("phoniro", phoniro)
    document.add("store", {"url": f"sqlite:///{folder / 'adapter.db'}"})
    document.add("engine", {name: str(folder / file) for name, file in _FILES.items()})
    return tomlkit.dumps(document)


_NOT_FOR_GIT = """\
# Written by `adapter init`: secrets, and personal data.
/secrets/
/adapter.db*
/adapter.log
"""
_FILES = {"resync_file": "resync.toml", "adopt_file": "adopt.toml"}
