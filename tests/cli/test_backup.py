"""Backing up and putting back, as docs/operations.md says it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import select, update

from adapter.bootstrap import build
from adapter.demo.stage import Stage
from adapter.domain.ledger import ActState
from adapter.settings import load_settings
from adapter.store.tables import acts
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter, turns
from tests.outside import person


async def states(config: Path) -> set[str]:
    async with build(load_settings(config)) as service:
        return await service.runtime.db.run(lambda c: {str(ActState(s)) for s in c.scalars(select(acts.c.state))})


async def test_a_backup_is_made_beside_the_running_adapter_and_put_back(
    sims: RunningSimulators, stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    lifecare = sims.lifecare
    lifecare.seed_person(person(1))
    order = lifecare.order(person(1), "camera", start=lifecare.today(), order_date=lifecare.today())
    lifecare.accept(order.order_id)
    await turns(stage.config, 2)
    settings = load_settings(stage.config)
    live = Path(settings.store.url.get_secret_value().removeprefix("sqlite:///"))
    copy = tmp_path / "backup.db"
    assert "secret files" in await adapter("db", "backup", copy)
    assert "never replaces a file" in await adapter("db", "backup", copy, code=1)

    copy.replace(live)
    for journal in ("-wal", "-shm"):
        live.with_name(live.name + journal).unlink(missing_ok=True)
    async with build(settings) as service:  # as another kind of copy would have it
        await service.runtime.db.run(lambda c: c.execute(update(acts).values(state=ActState.PENDING)))
    await adapter("db", "restored")
    assert await states(stage.config) == {"unknown"}


async def test_a_backup_is_made_though_it_can_t_be_written_down_who_makes_it_and_that_is_said(
    stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    """As on a full disk, or just before an upgrade."""
    await turns(stage.config, 1)
    with closing(sqlite3.connect(stage.database)) as live:
        live.execute("DROP TABLE reads")
    told = await adapter("db", "backup", tmp_path / "backup.db")
    assert "is not written down" in told
    assert (tmp_path / "backup.db").exists()


async def test_a_database_that_is_not_there_was_not_restored(stage: Stage, adapter: Adapter) -> None:
    assert "There is no database" in await adapter("db", "restored", code=1)


async def test_a_database_is_not_said_to_be_restored_beside_the_adapter_that_works_on_it(
    stage: Stage, adapter: Adapter
) -> None:
    async with build(load_settings(stage.config)) as service:
        await service.start_store()
        assert "is worked on by another adapter" in await adapter("db", "restored", code=1)
        assert "0 schedules listed" in await adapter("compare"), "which may be looked at beside it"
    assert "Now the adapter can be started" in await adapter("db", "restored")
