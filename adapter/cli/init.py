"""``adapter init``: from questions to a configuration that works, as a dry run to begin with."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
from pydantic import TypeAdapter, ValidationError

from adapter.cli.check import check_and_tell
from adapter.cli.failures import CANT_BEGIN, fail
from adapter.cli.options import day
from adapter.settings.load import in_words
from adapter.settings.values import BaseUrl, TenantName

SECRET_FILES = ("lifecare__key", "phoniro__client_secret", "pseudonym_key", "store__encryption_key")

_HEAD = """\
# Written by `adapter init`. Every setting is described in docs/settings.md; `adapter config show` shows them all.
# Secrets stand in files of their own, in secrets_dir.

"""


def _asked(question: str, kind: Any = str, metavar: str = "TEXT", **more: Any) -> Any:
    """An option that is asked for if it isn't given, and again until its value is of this kind. Errors have the same
    words as those of the settings."""

    def usable(text: str) -> Any:
        try:
            return TypeAdapter(kind).validate_python(text)
        except ValidationError as failure:
            raise typer.BadParameter(f"{in_words(failure.errors(include_url=False)[0])}.") from None

    return typer.Option(
        prompt=question, help=f"{question}.", parser=more.pop("parser", usable), metavar=metavar, **more
    )


def _free(folder: Path) -> Path:
    """Refuses, before anything is asked, a folder that holds a configuration."""
    folder = folder.absolute()
    for path in (
        folder / "adapter.toml",
        folder / "mapping.toml",
        *(folder / "secrets" / name for name in SECRET_FILES),
    ):
        if path.exists():
            raise fail(
                f"{path} is there already, and nothing was written. Edit it, or choose another --folder.", CANT_BEGIN
            )
    return folder


_TODAY: dict[str, Any] = {
    "parser": day,
    "show_default": "today",
    "default_factory": lambda: date.today().isoformat(),  # noqa: DTZ011  # the operator's own calendar
}


def init(
    tenant: Annotated[
        str, _asked("Short name of the municipality (lower case, stays in the database)", TenantName, "NAME")
    ],
    municipality: Annotated[str, _asked("Its name, as people write it")],
    go_live: Annotated[date, _asked("Go-live: orders dated before are left alone", date, "YYYY-MM-DD", **_TODAY)],
    lifecare_url: Annotated[str, _asked("Lifecare: address (https://...)", BaseUrl, "URL")],
    lifecare_domain: Annotated[str, _asked("Lifecare: domain")],
    phoniro_url: Annotated[str, _asked("Phoniro: address (https://...)", BaseUrl, "URL")],
    phoniro_client: Annotated[str, _asked("Phoniro: OAuth 2.0 client")],
    lifecare_key_from: Annotated[Path | None, typer.Option(help="A file with Lifecare's API key.")] = None,
    phoniro_secret_from: Annotated[Path | None, typer.Option(help="A file with the client's secret.")] = None,
    folder: Annotated[
        Path,
        typer.Option(is_eager=True, callback=_free, help="Where to write: settings, mapping, secrets, database."),
    ] = Path("local"),
    check: Annotated[bool, typer.Option(help="Check it all afterwards.")] = True,
) -> None:
    """Ask what a municipality's configuration needs, write it and check it.

    It doesn't ask for what you give as an option, and overwrites no file. The adapter then begins with a dry run: it
    reads everything, writes nothing, and logs what it would have done.
    """
    key = _secret(lifecare_key_from, "Lifecare: API key")
    secret = _secret(phoniro_secret_from, "Phoniro: the client's secret")
    config, mapping, hidden = folder / "adapter.toml", folder / "mapping.toml", folder / "secrets"
    lifecare = {"base_url": lifecare_url, "domain": lifecare_domain}
    phoniro = {"base_url": phoniro_url, "client_id": phoniro_client}
    write_secrets(hidden, key, secret)
    mapping.write_text(mapping_text(municipality, go_live), encoding="utf-8")
    config.write_text(config_text(folder, tenant, lifecare, phoniro), encoding="utf-8")
    if not (ignored := folder / ".gitignore").exists():
        ignored.write_text(_NOT_FOR_GIT, encoding="utf-8")
    typer.echo(
        f"\nWritten: {config}, {mapping}, and secrets that only you can read in {hidden}.\n"
        "It is a dry run until dry_run is taken out. The mapping holds the example's codes: replace them by your own\n"
        "(`adapter check` compares them with your Lifecare). For all further commands:\n\n"
        f"  export ADAPTER_CONFIG={config}\n"
    )
    if check:
        raise typer.Exit(asyncio.run(check_and_tell(config, as_json=False)))


def _secret(source: Path | None, question: str) -> str:
    if source is None:
        return str(typer.prompt(f"{question} (not shown)", hide_input=True))
    try:
        return source.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise fail(f"{source} can't be read: not UTF-8 text.", CANT_BEGIN) from None


def write_secrets(folder: Path, lifecare_key: str, phoniro_secret: str) -> None:
    """A file for each secret, that only its owner can read; the adapter's own are made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [secrets.token_urlsafe(32) for _ in SECRET_FILES[2:]]
    for name, value in zip(SECRET_FILES, (lifecare_key, phoniro_secret, *made), strict=True):
        (folder / name).touch(mode=0o600, exist_ok=False)
        (folder / name).write_text(value + "\n", encoding="utf-8")


def mapping_text(municipality: str, go_live: date) -> str:
    """The example mapping, comments and all, for this municipality."""
    document = tomlkit.parse((files("mappings") / "example.toml").read_text(encoding="utf-8"))
    document["go_live"] = go_live
    section = document["municipality"]
    assert isinstance(section, dict)  # the packaged example has it
    section["name"] = municipality
    return tomlkit.dumps(document)


def config_text(folder: Path, tenant: str, lifecare: Mapping[str, object], phoniro: Mapping[str, object]) -> str:
    """``adapter.toml``; its paths are absolute, so that it holds from any working directory."""
    settings = {
        "tenant": tenant,
        "mapping_file": str(folder / "mapping.toml"),
        "secrets_dir": str(folder / "secrets"),
        "dry_run": tomlkit.item(True).comment("read and decide, and write nothing; take this line out to go live"),
        "lifecare": lifecare,
        "phoniro": phoniro,
        "store": {"url": f"sqlite:///{folder / 'adapter.db'}"},
        "engine": {name: str(folder / file) for name, file in _FILES.items()},
    }
    return _HEAD + tomlkit.dumps(settings)


_NOT_FOR_GIT = """\
# Written by `adapter init`: secrets, and personal data.
/secrets/
/adapter.db*
/adapter.log
"""
_FILES = {"resync_file": "resync.toml", "adopt_file": "adopt.toml"}
