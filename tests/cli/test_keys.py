"""The encryption key in the operator's hands: made, changed, lost."""

import pytest

from adapter.bootstrap import open_database
from adapter.demo.stage import Stage
from adapter.settings.load import load_settings
from adapter.store.errors import StoreError
from adapter.store.keys import new_keys
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter, turns
from tests.outside import have_ordered, person

NEXT = "the-key-that-comes-after-the-first-one"


async def test_a_key_is_changed_and_a_lost_one_is_told_before_anything_is_done(
    sims: RunningSimulators, stage: Stage, adapter: Adapter
) -> None:
    have_ordered(sims.lifecare, person(1), ())
    await turns(stage.config, 1)
    file = stage.folder / "secrets" / "store__encryption_key"
    first = file.read_text(encoding="utf-8")
    assert "not everything personal" in await adapter("check")
    assert "nothing left" in await adapter("db", "rekey")
    assert "encrypted by the key" in await adapter("check")

    running = open_database(load_settings(stage.config))
    running.hold_alone()
    file.write_text(f"{NEXT}\n{first}\n", encoding="utf-8")
    for early in (("db", "rekey"), ("case", "list")):
        said = " ".join((await adapter(*early, code=1)).split())
        assert "no adapter has been started with the first key" in said, "one that runs without it could read nothing"
    assert "Restart every adapter" in await adapter("check")
    running.run_sync(new_keys)
    running.close()
    told = await adapter("db", "rekey")
    assert " 0 values" not in told
    file.write_text(NEXT, encoding="utf-8")
    listed = await adapter("case", "list")
    assert "TK-" in listed
    assert "nothing was changed" in await adapter("audit", "verify"), (
        "what is hashed is what was said, not how it is kept"
    )
    assert person(1).encode() not in stage.database.read_bytes()

    for lost, told in ((first, "which has"), ("", "which is empty")):
        file.write_text(lost, encoding="utf-8")
        with pytest.raises(StoreError, match=told):
            await turns(stage.config)
        for command in (("case", "list"), ("db", "rekey"), ("db", "restored"), ("check",)):
            if lost or command != ("db", "rekey"):
                said = " ".join((await adapter(*command, code=1)).split())
                assert "the database is encrypted by the key" in said, command
                assert told in said, command
    assert "store.encryption_key is empty" in await adapter("db", "rekey", code=1)
    file.write_text(NEXT, encoding="utf-8")
    assert await adapter("case", "list") == listed


async def test_without_a_key_check_says_that_nothing_is_encrypted(stage: Stage, adapter: Adapter) -> None:
    (stage.folder / "secrets" / "store__encryption_key").unlink()
    assert "nothing in the database is encrypted" in await adapter("check")
