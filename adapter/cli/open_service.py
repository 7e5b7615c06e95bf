"""What most commands begin with: the settings, quiet logging, and a database that is there and current."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import typer

from adapter import bootstrap
from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.cli.who_reads import noted
from adapter.observability import configure_logging
from adapter.settings.load import load_settings
from adapter.settings.model import Settings
from adapter.settings.values import parsed_url
from adapter.store.database import Database, usable
from adapter.store.keys import known_keys


def command_settings(config: Path | None) -> Settings:
    """The settings, and logging that shows only errors, redacted. Of several municipalities, those whose
    own settings can't be used are left out. A dry run is said on standard error. Raises ``SettingsError``."""
    settings = load_settings(config)
    configure_logging("ERROR", json=False, stream=sys.stderr, secrets=settings.secrets())
    if settings.dry_run:
        typer.echo("Dry run (dry_run = true): the adapter only tells what it would do.", err=True)
    return settings


def tell_left_out(refused: Mapping[str, Sequence[str]]) -> None:
    """Say on standard error which municipalities a command can't speak of, and what to mend."""
    for name, problems in refused.items():
        lines = "\n".join(f"  - {problem}" for problem in problems)
        typer.echo(f"{name} is left out, because its settings or mapping can't be used. To mend:\n{lines}", err=True)


@contextmanager
def open_database(
    settings: Settings, keys: Callable[[Database], None] = lambda database: database.run_sync(known_keys)
) -> Iterator[Database]:
    """The database, which has to be there, current, and of our keys (``keys`` holds them against it). Raises the
    command's failure, ``StoreError``."""
    if missing := missing_database(settings):
        raise fail(f"There is no database yet: {missing}. `adapter run` or `adapter db upgrade` makes it.")
    with closing(bootstrap.open_database(settings)) as database:
        current, expected = database.schema()
        if not usable(current, expected):
            raise fail(
                f"The database's tables are of revision {current or 'none'}, and this version of the adapter needs "
                f"{expected}. Run `adapter db upgrade`."
            )
        keys(database)
        yield database


@contextmanager
def open_service(config: Path | None, shows: str | None = None) -> Iterator[Service]:
    """A service for a command. What it ``shows`` of all cases is written down first."""
    settings = command_settings(config)
    with open_database(settings) as database:
        service = bootstrap.build(settings, db=database)
        tell_left_out(service.runtime.refused)
        if shows is not None:
            database.run_sync(lambda c: noted(c, service, shows))
        yield service


def missing_database(settings: Settings) -> Path | None:
    """The SQLite file that isn't there; looking at it through the driver would make it."""
    path = sqlite_file(settings)
    return None if path is None or path.exists() else path


def sqlite_file(settings: Settings) -> Path | None:
    """The database's file; None where it is PostgreSQL's."""
    url = parsed_url(settings.store.url)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def make_database_file(settings: Settings) -> None:
    """Make the SQLite file if there is none, readable by its owner alone: it holds identity numbers. If that fails,
    opening the database says why."""
    if missing := missing_database(settings):
        with suppress(OSError):
            missing.parent.mkdir(parents=True, exist_ok=True)
            missing.touch(mode=0o600)
