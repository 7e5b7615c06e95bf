"""``adapter followup``: the tables, the files for Excel, and the second count."""

import json
from pathlib import Path

from sqlalchemy import update

from adapter.bootstrap import build
from adapter.demo.stage import Stage
from adapter.settings.load import load_settings
from adapter.store.tables import counts
from tests.cli.conftest import Adapter


async def test_what_was_done_is_told_to_a_person_to_a_program_and_to_excel_and_counted_again(
    ref: str, stage: Stage, adapter: Adapter, tmp_path: Path
) -> None:
    page = await adapter("followup", columns=250)
    assert "Beställningar in" in page
    narrow = (await adapter("followup", columns=80)).splitlines()
    assert max(map(len, narrow)) <= 80
    assert not [line for line in narrow if "…" in line], "nothing is cut"
    assert [line.split()[-1] for line in narrow if line.startswith("Beställningar in ")][-1] == "1"
    told = json.loads(await adapter("followup", "--json"))
    (tables,) = told.values()
    *earlier, row = tables["cases"]
    assert not any(r["ordered"] for r in earlier)
    assert (row["ordered"], row["started"], row["active"], row["unit"]) == (1, 0, 0, None)
    assert {r["message"]: r["number"] for r in tables["messages"]} == {"received": 1, "install": 1}
    nothing, _, shown = (await adapter("followup", "--json", "--unit", "999")).partition("\n")
    assert nothing == "Nothing is counted of unit 999 on these days. Units that have something: 7101 (Hemtjänst Norr)."
    assert (await adapter("followup", "--json", "--unit", "7101")).startswith("{")
    assert json.loads(shown)[next(iter(told))]["messages"] == []

    await adapter("followup", "--csv", tmp_path / "csv")
    raw = (tmp_path / "csv" / "cases.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel takes it for another encoding otherwise"
    heading, *_, line = raw.decode("utf-8-sig").splitlines()
    assert heading.split(";")[:3] == ["Månad", "Enhet", "Beställningar in"]
    assert line.split(";")[1:3] == ["Alla", "1"]

    both = ("--csv", tmp_path / "both", "--pdf", tmp_path / "paper" / "q4.pdf")
    await adapter("followup", "--from", "2026-01-01", *both)
    assert (tmp_path / "both" / "cases.csv").exists()
    for other in (both, ("--check",)):
        assert "alone" in await adapter("followup", "--json", *other, code=2)
    assert (tmp_path / "paper" / "q4.pdf").read_bytes().startswith(b"%PDF-")

    assert "agrees with its source" in await adapter("followup", "--check")
    async with build(load_settings(stage.config)) as service:
        service.runtime.db.run_sync(
            lambda c: c.execute(update(counts).where(counts.c.what == "message.install").values(number=3))
        )
    assert "message.install: counted 3, found 1" in await adapter("followup", "--check", code=1)

    await adapter("followup", "--from", "2026-05-01", "--to", "2026-04-01", code=2)
    for span in (("--from", "0001-01-01"), ("--to", "9999-12-31")):
        assert "give a day of the years 2000 to 2199" in await adapter("followup", *span, code=2)
