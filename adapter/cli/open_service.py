"""What most commands begin with: the settings, quiet logging, and a database that is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import typer

from adapter import bootstrap
from adapter.bootstrap import Service
from adapter.cli.failures import fail
from adapter.observability import configure_logging
from adapter.settings import Settings, load_settings
from adapter.settings.values import parsed_url
from adapter.store.database import usable
from adapter.store.keys import note_keys


def command_settings(config: Path | None) -> Settings:
    """The settings, with logging set up so that only errors are heard, redacted. Of several municipalities, those whose
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
def open_service(config: Path | None) -> Iterator[Service]:
    """A service for a command that looks and changes nothing: its database has to be there, and current."""
    settings = command_settings(config)
    if missing := missing_database(settings):
        raise fail(f"There is no database yet: {missing}. `adapter run` or `adapter db upgrade` makes it.")
    service = bootstrap.build(settings)
    tell_left_out(service.runtime.refused)
    try:
        current, expected = service.runtime.db.schema()
        if not usable(current, expected):
            raise fail(
                f"The database's tables are of revision {current or 'none'}, and this version of the adapter needs "
                f"{expected}. Run `adapter db upgrade`."
            )
        service.runtime.db.run_sync(partial(note_keys, now=service.runtime.clock.now()))
        yield service
    finally:
        service.runtime.db.close()


def missing_database(settings: Settings) -> Path | None:
    """The SQLite file that isn't there; looking at it through the driver would make it."""
    url = parsed_url(settings.store.url)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    path = Path(str(url.database))
    return None if path.exists() else path


def make_database_file(settings: Settings) -> None:
    """An SQLite file, where there is none, that nobody but its owner can read: it holds identity numbers. What keeps it
    from being made is told by whoever opens it."""
    if missing := missing_database(settings):
        with suppress(OSError):
            missing.parent.mkdir(parents=True, exist_ok=True)
            missing.touch(mode=0o600)
