"""Every test of the store's contract runs against each database that the adapter supports."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from adapter.store.database import Database
from adapter.store.sealing import PLAIN
from tests.postgres import Postgres
from tests.store.backends import Store
from tests.world import SEALING


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A schema of its own in the throw-away server, dropped afterwards."""
    schema = f"t_{secrets.token_hex(6)}"
    engine = create_engine(postgres.url)
    with engine.begin() as conn:
        conn.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        own = make_url(postgres.url).update_query_dict({"options": f"-csearch_path={schema}"})
        yield own.render_as_string(hide_password=False)
    finally:
        with engine.begin() as conn:
            conn.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@pytest.fixture(params=["memory", "file", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "memory":
        yield "sqlite://"
    elif request.param == "file":
        yield f"sqlite:///{tmp_path}/store.db"
    else:
        yield request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Encrypted, except the one in memory: the contract holds with a key and without one."""
    db = Database(url, sealing=PLAIN if url == "sqlite://" else SEALING)
    db.upgrade()
    yield Store(db)
    db.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Store]:
    """A SQLite file, worked on in the test's own thread."""
    db = Database(f"sqlite:///{tmp_path}/store.db", inline=True)
    db.upgrade()
    yield Store(db)
    db.close()


@pytest.fixture
def shared_store(url: str) -> Iterator[Store]:
    """A database that two owners can use at the same moment. One in memory can't be."""
    if url == "sqlite://":
        pytest.skip("an in-memory database has one connection")
    db = Database(url, sealing=SEALING)
    db.upgrade()
    yield Store(db)
    db.close()


@pytest.fixture
def other(shared_store: Store, url: str) -> Iterator[Store]:
    """Another process's connection to that database."""
    db = Database(url, inline=True, sealing=SEALING)
    yield Store(db)
    db.close()
