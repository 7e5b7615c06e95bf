"""Backup and restore, as docs/operations.md says."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import select, update

from adapter.bootstrap import build
from adapter.demo.stage import Stage
from adapter.domain.ledger import ActState
from adapter.settings.load import load_settings
from adapter.store.tables import acts
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter, turns
from tests.outside import READY, have_ordered, person, write


async def states(config: Path) -> set[str]:
    async with build(load_settings(config)) as service:
        return await service.runtime.db.run(lambda c: {str(ActState(s)) for s in c.scalars(select(acts.c.state))})


async def test_a_backup_is_made_beside_the_running_adapter_and_put_back(
    sims: RunningSimulators, stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    have_ordered(sims.lifecare, person(1), ())
    await turns(stage.config, 2)
    settings = load_settings(stage.config)
    live = Path(settings.store.url.get_secret_value().removeprefix("sqlite:///"))
    copy = tmp_path / "backup.db"
    assert "secret files" in await adapter("db", "backup", copy)
    assert "never replaces a file" in await adapter("db", "backup", copy, code=1)
    read = json.loads(await adapter("audit", "reads", "--json"))
    assert [line["what"] for line in read] == ["backup"], "what was refused was not read"

    copy.replace(live)
    for journal in ("-wal", "-shm"):
        live.with_name(live.name + journal).unlink(missing_ok=True)
    async with build(settings) as service:  # like another kind of copy
        await service.runtime.db.run(lambda c: c.execute(update(acts).values(state=ActState.PENDING)))
    await adapter("db", "restored")
    assert await states(stage.config) == {"unknown"}


async def test_what_was_begun_after_a_backup_is_found_again_when_it_is_put_back(
    sims: RunningSimulators, stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    """One case had no schedule yet, and the other didn't exist. Both find their schedules again, under the same
    reference, and each person has one customer."""
    lifecare, phoniro = sims.lifecare, sims.phoniro
    copy, orders = tmp_path / "backup.db", []
    for n in (1, 2):
        lifecare.seed_person(person(n))
        ordered = lifecare.order(person(n), "camera", start=lifecare.today(), order_date=lifecare.today())
        lifecare.accept(ordered.order_id)
        orders.append(ordered.order_id)
        if n == 1:
            await turns(stage.config, 2)
            await adapter("db", "backup", copy)
    for order in orders:
        execution = lifecare.start_execution(order)  # a feed shows it, so that the case is read at once
        write(lifecare, execution, READY)
    await turns(stage.config, 4)
    before = {s.new.external_reference: s.new.customer_external_id for s in phoniro.schedules}
    assert len(before) == 2

    copy.replace(stage.database)
    for journal in ("-wal", "-shm"):
        stage.database.with_name(stage.database.name + journal).unlink(missing_ok=True)
    await adapter("db", "restored")
    await turns(stage.config, 4)
    after = {s.new.external_reference: s.new.customer_external_id for s in phoniro.schedules}
    assert after == before
    assert len(phoniro.customers) == 2
    assert "2 schedules listed: 2 as they should be, 0 of somebody else" in await adapter("compare")


async def test_a_backup_is_made_though_it_can_t_be_written_down_who_makes_it_and_that_is_said(
    stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    """Like a full disk, or just before an upgrade."""
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
        assert "is used by another adapter" in await adapter("db", "restored", code=1)
        assert "0 schedules listed" in await adapter("compare"), "which may be looked at beside it"
    assert "Now the adapter can be started" in await adapter("db", "restored")
