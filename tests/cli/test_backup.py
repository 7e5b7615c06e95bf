"""Backing up and putting back, as docs/operations.md says it."""

from __future__ import annotations

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
    made = await adapter("db", "backup", copy)
    assert made.exit_code == 0, made.output
    assert "secret files" in made.output
    again = await adapter("db", "backup", copy)
    assert (again.exit_code, "never replaces a file" in again.output) == (1, True)

    copy.replace(live)
    for journal in ("-wal", "-shm"):
        live.with_name(live.name + journal).unlink(missing_ok=True)
    async with build(settings) as service:  # as another kind of copy would have it
        await service.runtime.db.run(lambda c: c.execute(update(acts).values(state=ActState.PENDING)))
    told = await adapter("db", "restored")
    assert told.exit_code == 0, told.output
    assert await states(stage.config) == {"unknown"}


async def test_a_database_that_is_not_there_was_not_restored(stage: Stage, adapter: Adapter) -> None:
    told = await adapter("db", "restored")
    assert (told.exit_code, "There is no database" in told.output) == (1, True)
