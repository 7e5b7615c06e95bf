"""``adapter db upgrade`` and ``adapter db status``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import typer

from adapter.cli.failures import WRONG, failures_in_words
from adapter.cli.opening import missing_database, quiet_settings
from adapter.store.database import Database
from adapter.store.queries import overview


def upgrade(config: Path | None) -> None:
    with failures_in_words():
        settings = quiet_settings(config)
        if missing := missing_database(settings):
            missing.parent.mkdir(parents=True, exist_ok=True)
        database = Database(settings.store.url.get_secret_value())
        try:
            before, head = database.schema()
            database.upgrade()
        finally:
            database.close()
        if before == head:
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
            if current != expected:
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
        return 0 if current == expected else WRONG


def _tell(value: object, text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text)
