"""A life begun on the oldest schema goes on after the upgrade; a version works with a newer one's schema."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, create_engine, select, text

from adapter.cli.db import status, upgrade
from adapter.domain.decision import Phase
from adapter.store.database import Database
from adapter.store.keys import reseal
from tests.service import ENCRYPTION_KEY, PSEUDONYM_KEY
from tests.store.test_upgrades import REVISIONS, tables_of
from tests.world import ANNA, SEALING, World

CARRIED = ("cases", "case_links", "acts", "facts", "schedules", "events", "feeds", "persons")


def carry(source: Database, url: str) -> dict[str, int]:
    """Copy a database into one with an older schema. Returns how many rows each of its tables got."""
    engine = create_engine(url)
    known = MetaData()
    counts = {}
    with engine.begin() as target:
        known.reflect(target)
        tables = [table for table in known.sorted_tables if table.name != "alembic_version"]

        def copy(c: Connection) -> None:
            there = MetaData()
            there.reflect(c)
            numbers: dict[str, str] = {}
            for table in tables:
                rows = [dict(row) for row in c.execute(select(there.tables[table.name])).mappings()]
                counts[table.name] = len(rows)
                if table.name == "cases":
                    numbers |= {row["person"]: row["identity_number"] for row in rows}
                if table.name in ("cases", "persons"):
                    rows = [row | {"person_id": numbers[row["person"]]} for row in rows]
                if rows:
                    target.execute(table.insert(), [{c.name: row[c.name] for c in table.c} for row in rows])

        source.run_sync(copy)
    engine.dispose()
    return counts


def raw_files(folder: Path) -> bytes:
    """Everything on disk: the database's file and the write-ahead log."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_a_life_begun_on_the_oldest_schema_ends_well_on_this_one(tmp_path: Path) -> None:
    old = f"sqlite:///{tmp_path}/old.db"
    tables_of(old, REVISIONS[0])
    async with World(db=Database("sqlite://"), poll_seconds=6 * 3600, awaiting_minutes=360) as world:
        order = await world.taken_in()
        execution = world.execute(order)
        world.prepare(execution)
        await world.pass_time(hours=7)
        counts = carry(world.db, old)
        assert {name for name in CARRIED if not counts.get(name)} <= {"persons"}, counts
        world.db.close()

        world.db = Database(old, inline=True, sealing=SEALING)
        assert world.db.schema() == (REVISIONS[0], REVISIONS[-1])
        world.restart()
        await world.service.start_store()
        assert world.db.schema() == (REVISIONS[-1], REVISIONS[-1])
        assert ANNA.encode() in raw_files(tmp_path), "the search finds nothing"
        assert (await reseal(world.db, world.clock.now)).left == 0
        notes = len(world.lifecare.notes_written())
        await world.pass_time(hours=7)
        assert len(world.lifecare.notes_written()) == notes, "nothing is sent twice"
        await world.closes(order, execution)
        assert world.statuses() == ["ended"]
        assert (await world.case()).phase is Phase.CLOSED
        assert (await world.case()).person_id == ANNA
    assert ANNA.encode() not in raw_files(tmp_path)


async def test_a_version_that_is_started_again_on_a_newer_ones_schema_works_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Like a replica of the version before that dies while the new version is installed."""
    url = f"sqlite:///{tmp_path}/a.db"
    async with World(db=Database(url, inline=True, sealing=SEALING)) as world:
        world.db.run_sync(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        world.restart()
        await world.service.start_store()
        await world.taken_in()
        assert len(world.notes()) == 2
    config = tmp_path / "adapter.toml"
    config.write_text(
        f"""mapping_file = "{world.settings.tenants["exempel"].mapping_file}"
tenant = "exempel"
pseudonym_key = "{PSEUDONYM_KEY}"
store = {{url = "{url}", encryption_key = "{ENCRYPTION_KEY}"}}
lifecare = {{base_url = "http://127.0.0.1:1", domain = "d", key = "k"}}
phoniro = {{base_url = "http://127.0.0.1:2", client_id = "c", client_secret = "s"}}
"""
    )
    upgrade(config)
    status(config)
    told = capsys.readouterr().out
    assert "newer version's revision 9999" in told
    assert "1 preparing" in told
