"""``adapter db``: upgrade, status, backup, and what has to be said after a restore."""

import asyncio
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from adapter import bootstrap
from adapter.cli.failures import WRONG, fail
from adapter.cli.open_service import command_settings, make_database_file, missing_database, open_database, sqlite_file
from adapter.cli.options import ConfigOption, JsonOption, command_group, print_json
from adapter.cli.who_reads import noted_if_possible
from adapter.store.backup import back_up, make_careful
from adapter.store.database import Database, usable
from adapter.store.errors import StoreError
from adapter.store.keys import known_keys, new_keys, note_keys, reseal
from adapter.store.queries import overview

app = command_group()


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the database's tables up to date.

    Makes the database if it isn't there. It can be repeated safely.
    """
    settings = command_settings(config)
    make_database_file(settings)
    with closing(bootstrap.open_database(settings)) as database:
        before, head = database.schema()
        current = usable(before, head)
        if current:
            database.run_sync(new_keys)
        else:
            database.upgrade()
            database.run_sync(partial(note_keys, now=datetime.now(UTC)))
    if not current:
        told = f"brought from revision {before or 'none'} to {head}."
    elif before == head:
        told = f"up to date already (revision {head})."
    else:
        told = f"of a newer version's revision {before} already; this version works with it."
    typer.echo(f"{database.name}: {told}")


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show which database it is and what is in it.

    Whether its tables are up to date, the cases by phase, and the acts that wait.
    """
    settings = command_settings(config)
    if missing := missing_database(settings):
        _tell({"database": missing, "exists": False}, [f"{missing}: not made yet"], as_json=as_json)
        raise typer.Exit(WRONG)
    with closing(bootstrap.open_database(settings)) as database:
        current, expected = database.schema()
        value = {"database": database.name, "exists": True, "revision": current, "expected": expected}
        lines = [f"{database.name}: revision {current or 'none'}, this version needs {expected or 'none'}"]
        if usable(current, expected):
            value["cases"] = counts = {}
            for tenant in settings.tenants:
                found = database.run_sync(partial(overview, tenant=tenant, now=datetime.now(UTC)))
                counts[tenant] = found.phases
                told = ", ".join(f"{count} {phase}" for phase, count in found.phases.items()) or "no cases yet"
                lines.append(f"{tenant}: {told}; {sum(row.count for row in found.acts)} acts waiting")
        else:
            lines.append("not up to date: run `adapter db upgrade`")
    _tell(value, lines, as_json=as_json)
    if not usable(current, expected):
        raise typer.Exit(WRONG)


def _tell(value: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        typer.echo("\n".join(lines))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    config: ConfigOption = None,
) -> None:
    """Copy an SQLite database while the adapter runs.

    For PostgreSQL use pg_dump.
    """
    settings = command_settings(config)
    file = sqlite_file(settings)
    if file is None:
        raise fail("This database is PostgreSQL's: back it up with `pg_dump --format=custom` (docs/operations.md).")
    if file.exists() and not target.exists():
        with closing(bootstrap.open_database(settings)) as database:
            noted_if_possible(database, settings.tenants, "backup")
    target.parent.mkdir(parents=True, exist_ok=True)
    size = back_up(file, target)
    typer.echo(f"{target}: {size / 1e6:.1f} MB. Not in it, and needed as well: settings, mapping, secret files.")


@app.command()
def rekey(config: ConfigOption = None) -> None:
    """Encrypt everything by the first key of store.encryption_key.

    An adapter that was started with this key may run meanwhile; it does the same by itself after its start. While an
    adapter runs without this key, the command doesn't begin. You can stop it and repeat it safely. When nothing is
    left, the older keys aren't needed any more.
    """
    settings = command_settings(config)
    if not settings.store.encryption_key.get_secret_value():
        raise fail("store.encryption_key is empty: there is nothing to encrypt with (docs/operations.md).")
    with open_database(settings, keys=_take_up_keys) as database:
        done = asyncio.run(reseal(database, partial(datetime.now, UTC), at_once=True))
    told = f"{database.name}: {done.changed} values encrypted by the key {database.sealing.current}"
    if done.left:
        raise fail(
            f"{told}, {done.left} rows left: an adapter that hasn't got the key wrote them meanwhile, or they are "
            "damaged. Restart every adapter, and run this again; keep the older keys until nothing is left."
        )
    typer.echo(f"{told}, nothing left. Older keys are needed for older backups only.")


def _take_up_keys(database: Database) -> None:
    """Note a new first key if no adapter runs on the database, because an adapter without that key could read nothing
    any more. Raises ``StoreError`` if one runs, or if that can't be known (PostgreSQL)."""
    with suppress(StoreError):
        database.hold_alone()
    database.run_sync(partial(note_keys, now=datetime.now(UTC)) if database.alone else known_keys)


@app.command()
def restored(config: ConfigOption = None) -> None:
    """Tell the adapter that the database was put back from a backup.

    Type this before you start the adapter on it. What waited to be sent may have been sent since the backup, so the
    adapter looks it up before it sends anything again.
    """
    settings = command_settings(config)
    if missing := missing_database(settings):
        raise fail(f"There is no database: {missing}. Put the backup there first.")
    with closing(bootstrap.open_database(settings)) as database:
        database.hold_alone()  # refused while an adapter runs on it
        if not usable(*database.schema()):
            database.upgrade()
        database.run_sync(partial(note_keys, now=datetime.now(UTC)))
        make_careful(database)
    typer.echo(f"{database.name}: whatever waited to be sent is looked for first. Now the adapter can be started.")
