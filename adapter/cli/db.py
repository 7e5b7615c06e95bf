"""``adapter db``: upgrade, status, backup, and what has to be said after a restore."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import typer

from adapter.cli.failures import WRONG, fail, failures_in_words
from adapter.cli.opening import make_database_file, missing_database, quiet_settings
from adapter.settings.values import parsed_url
from adapter.store.backup import back_up, make_careful
from adapter.store.database import Database, usable
from adapter.store.queries import overview


def upgrade(config: Path | None) -> None:
    with failures_in_words():
        settings = quiet_settings(config)
        make_database_file(settings)
        database = Database(settings.store.url.get_secret_value())
        try:
            before, head = database.schema()
            current = usable(before, head)
            if not current:
                database.upgrade()
        finally:
            database.close()
        if current and before != head:
            typer.echo(f"{database.name}: of a newer version's revision {before} already; this version works with it.")
        elif current:
            typer.echo(f"{database.name}: up to date already (revision {head}).")
        else:
            typer.echo(f"{database.name}: brought from revision {before or 'none'} to {head}.")


def status(config: Path | None, *, as_json: bool) -> int:
    with failures_in_words():
        settings = quiet_settings(config)
        if missing := missing_database(settings):
            _tell({"database": str(missing), "exists": False}, f"{missing}: not made yet", as_json=as_json)
            return WRONG
        database = Database(settings.store.url.get_secret_value())
        try:
            current, expected = database.schema()
            value: dict[str, object] = {
                "database": database.name,
                "exists": True,
                "revision": current,
                "expected": expected,
            }
            lines = [f"{database.name}: revision {current or 'none'}, this version needs {expected or 'none'}"]
            if not usable(current, expected):
                lines.append("not up to date: run `adapter db upgrade`")
            else:
                value["cases"] = counts = {}
                for tenant in settings.tenants:
                    found = database.run_sync(lambda c, t=tenant: overview(c, t, datetime.now(UTC)))  # type: ignore[misc]
                    counts[tenant] = found.phases
                    told = ", ".join(f"{count} {phase}" for phase, count in found.phases.items()) or "no cases yet"
                    waiting = sum(row.count for row in found.acts)
                    lines.append(f"{tenant}: {told}; {waiting} acts waiting")
        finally:
            database.close()
        _tell(value, "\n".join(lines), as_json=as_json)
        return 0 if usable(current, expected) else WRONG


def backup(config: Path | None, target: Path) -> None:
    with failures_in_words():
        settings = quiet_settings(config)
        url = parsed_url(settings.store.url)
        if url.get_backend_name() != "sqlite":
            raise fail("This database is PostgreSQL's: back it up with `pg_dump --format=custom` (docs/operations.md).")
        size = back_up(Path(str(url.database)), target)
    typer.echo(f"{target}: {size / 1e6:.1f} MB. Not in it, and needed as well: settings, mapping, secret files.")


def restored(config: Path | None) -> None:
    with failures_in_words():
        settings = quiet_settings(config)
        if missing := missing_database(settings):
            raise fail(f"There is no database: {missing}. Put the backup there first.")
        database = Database(settings.store.url.get_secret_value())
        try:
            if not usable(*database.schema()):
                database.upgrade()
            make_careful(database)
        finally:
            database.close()
        typer.echo(f"{database.name}: whatever waited to be sent is looked for first. Now the adapter can be started.")


def _tell(value: object, text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text)
