"""Brings the schema up to date. It is imported only if there is something to do: Alembic costs 7 MB and a tenth of a
second, and a service that starts on a current schema doesn't need it."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from adapter.store.tables import metadata

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(conn: Connection) -> None:
    """Run the migrations that the database lacks, in the transaction of ``conn``."""
    at = config()
    at.attributes["connection"] = conn
    command.upgrade(at, "head")


def create(conn: Connection) -> None:
    """Make the tables from the metadata, which says the same as all migrations together."""
    metadata.create_all(conn)
    MigrationContext.configure(conn).stamp(scripts(), "head")


def config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    found.set_main_option("path_separator", "os")
    return found


@cache
def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())
