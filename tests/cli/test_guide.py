"""``adapter guide``: the page of a role, with the headings as Lifecare names them."""

from pathlib import Path

from adapter.demo.stage import Stage
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter


async def test_a_guide_is_told_and_printed_before_anything_has_run(
    sims: RunningSimulators, stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    page = await adapter("guide", "coordinator", columns=250)
    assert "under Överenskomna tillsynstider, till exempel" in page
    assert "Skrivs under: Meddelande till koordinator." in page
    assert "S101" not in page
    await adapter("guide", "alarm-team", "-o", tmp_path / "paper" / "lathund.pdf")
    assert (tmp_path / "paper" / "lathund.pdf").read_bytes().startswith(b"%PDF-")
    assert "'coordinator', 'alarm-team', 'assessor'" in await adapter("guide", "nobody", code=2)

    sims.lifecare.settings.unlicensed.add("headlines")
    assert "under Överenskomna tillsynstider (S101)" in await adapter("guide", "coordinator", columns=250)
