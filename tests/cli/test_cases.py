"""``adapter case list``, ``adapter case show`` and ``adapter plan``: they answer every question of P9, and show nothing
personal."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from adapter.demo.persons import CECILIA
from adapter.demo.stage import Stage
from connectors.mock.lifecare.acts import Ordered
from connectors.mock.serve import RunningSimulators
from tests.cli.conftest import Adapter, turns
from tests.outside import edit


async def known(adapter: Adapter, ref: str) -> list[object]:
    """The case in the adapter's database."""
    told = json.loads(await adapter("case", "show", ref, "--json"))
    return [told[name] for name in ("steps", "acts", "facts_read_at", "read_again_at")]


@pytest.mark.usefixtures("ordered")
async def test_what_is_not_executed_for_long_has_a_list_of_its_own(
    adapter: Adapter, stage: Stage, tmp_path: Path
) -> None:
    assert "Inget beslut har varit utan tillsyn i 60 dagar" in await adapter("case", "list", "--unfulfilled")
    assert json.loads(await adapter("case", "list", "--unfulfilled", "--json")) == {"unfulfilled": []}
    file = tmp_path / "new" / "list.csv"
    assert str(file) in (await adapter("case", "list", "--unfulfilled", "--csv", file)).replace("\n", "")
    assert file.read_text(encoding="utf-8-sig").startswith("Ärende;Kommun;Beställning;Enhet;Läge;Sedan;Dagar")
    assert "goes with --unfulfilled" in await adapter("case", "list", "--csv", file, code=2)


async def test_the_list_names_an_order_that_can_not_be_used(
    ref: str, adapter: Adapter, stage: Stage, sims: RunningSimulators
) -> None:
    made = sims.lifecare.order(CECILIA.person_id, start=sims.lifecare.today())
    sims.lifecare.change("orders", made.order_id, PersonId=None)
    await turns(stage.config)
    told = await adapter("case", "list", "--late")
    assert made.order_id in told
    assert "anger raden" in told
    listed = json.loads(await adapter("case", "list", "--json"))
    assert [case["case"] for case in listed["cases"]] == [ref]
    (order,) = listed["orders_unusable"]
    assert (order["order"], order["code"]) == (made.order_id, "no_person")
    assert order["text"] in " ".join(told.split())


async def test_the_list_says_who_is_awaited_and_can_be_narrowed(ref: str, adapter: Adapter, stage: Stage) -> None:
    told = await adapter("case", "list")
    for words in (ref, "tider för tillsyn", "(koordinatorn, sedan i dag)", "1 ärende"):
        assert words in told
    narrow = await adapter("case", "list", columns=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "Väntar på att beställningen verkställs (koordinatorn, sedan i dag)" in narrow, "no word is cut"
    for narrowed in (("--late",), ("--unsafe",), ("--phase", "active")):
        assert ref not in await adapter("case", "list", *narrowed)
    assert ref in await adapter("case", "list", "--phase", "preparing")
    assert ref in await adapter("case", "list", "--phase", "Förbereds"), "as the list shows it"
    paper = stage.folder / "not" / "there" / "yet" / "bilaga.pdf"
    await adapter("case", "document", ref, "-o", paper)
    assert paper.read_bytes().startswith(b"%PDF")
    edit(stage.config, "tenant =", "dry_run = true\ntenant =")
    assert "Dry run" in await adapter("case", "list")
    edit(stage.config, "dry_run = true\n", "")
    unwatched = await adapter("case", "list", "--unwatched")
    assert ref in unwatched
    assert "börjat, sedan" in unwatched, "e-tillsyn har inte börjat"
    (listed,) = json.loads(await adapter("case", "list", "--unwatched", "--json"))["cases"]
    assert {"I4", "I10"} <= {*listed["awaits"]}, "what is awaited without a note, too"
    assert (listed["unwatched"], listed["runs_still"]) == ("not_started", False)
    assert "preparing" in await adapter("case", "list", "--phase", "sleeping", code=2)


async def test_a_case_shows_what_is_done_what_is_awaited_and_what_comes_next(
    ref: str, adapter: Adapter, stage: Stage
) -> None:
    told = await adapter("case", "show", ref.lower().removeprefix("tk-"))
    assert "✓ I3  larmgruppen har fått besked om installationen" in told
    assert "gjort automatiskt 02" in told
    assert "väntar på koordinatorn sedan" in told
    assert "Det finns inga överenskomna tider" in told
    assert "Nästa gång tiden ändrar något" in told
    assert "besked om ny beställning → koordinatorn" in told
    assert "✓ larmgruppen har fått uppdraget att installera" in told
    assert "E-tillsyn har aldrig lagts in" in await adapter("nights", ref)
    assert json.loads(await adapter("nights", ref, "--json")) == {"case": ref, "nights": []}
    for columns, side_by_side in ((132, True), (80, False)):
        told = await adapter("case", "show", ref, columns=columns)
        [way_in] = [line for line in told.splitlines() if "VÄGEN IN" in line]
        assert max(map(len, told.splitlines())) <= columns
        assert ("VÄGEN UT" in way_in) is side_by_side
    as_json = json.loads(await adapter("case", "show", ref, "--json"))
    steps = {step["id"]: step for step in as_json["steps"]}
    assert steps["I2"]["state"] == "done"
    assert steps["I4"] == {**steps["I4"], "state": "awaited", "role": "coordinator"}
    assert steps["I4"]["since"].endswith("Z")
    assert [act["key"] for act in as_json["acts"]] == ["received:0", "assignment:0"]
    assert {row["pair"]: row["even"] for row in as_json["balance"]}["install"] is False


async def test_the_plan_says_what_would_be_done_and_does_nothing(
    ref: str, adapter: Adapter, stage: Stage, sims: RunningSimulators, ordered: Ordered
) -> None:
    sims.lifecare.accept(ordered.order_id)
    execution = sims.lifecare.start_execution(ordered.order_id, start=sims.lifecare.today() - timedelta(days=1))
    sims.lifecare.note_as("coordinator", execution, "times_agreed", "Varje natt 22:30 och 02:15")
    for heading in ("installation_booked", "keys_collected", "consent_signed", "liability_signed", "ready_for_start"):
        sims.lifecare.note_as("alarm_team", execution, heading, "Klart.")
    written, before = len(sims.lifecare.notes_written()), await known(adapter, ref)
    told = await adapter("plan", ref)
    assert "lägg in e-tillsyn i Phoniro" in told
    assert "allt som krävs för start är klart" in told
    assert "22:30 och 02:15 (2 tillsyner)" in told
    assert "tider till bilaga 1 → larmgruppen" in told
    wanted = json.loads(await adapter("plan", ref, "--json"))["wanted"]
    assert "create" in {w["kind"] for w in wanted}
    assert len(sims.lifecare.notes_written()) == written
    assert not sims.phoniro.schedules
    assert await known(adapter, ref) == before


async def test_nothing_personal_is_shown(ref: str, adapter: Adapter, stage: Stage) -> None:
    for command in (("case", "list"), ("case", "show", ref), ("plan", ref)):
        for form in ((), ("--json",)):
            told = await adapter(*command, *form)
            assert ref in told
            assert not [value for value in CECILIA.personal_values() if value in told]


async def test_schedules_that_can_not_be_listed_are_told_in_words(
    adapter: Adapter, stage: Stage, sims: RunningSimulators
) -> None:
    await turns(stage.config, 1)
    edit(stage.config, sims.phoniro_url, "http://127.0.0.1:9")
    for command in ("adopt", "compare"):
        assert "phoniro" in await adapter(command, code=1)


async def test_what_is_not_there_is_told_with_what_to_do(adapter: Adapter, stage: Stage, tmp_path: Path) -> None:
    for command in (("case", "list"), ("compare",)):
        assert "no database yet" in await adapter(*command, code=1)
    assert not stage.database.exists(), "a file that a look made would be open to all"
    await turns(stage.config, 1)
    assert "adapter case list" in await adapter("case", "show", "TK-AAAAAA", code=1)
    assert "'checklista-hamtning'" in await adapter("case", "document", "TK-AAAAAA", "--kind", "bilaga", code=2)
    assert "no day; write it as 2026-11-29" in await adapter("audit", "reads", "--from", "igår", code=2)
    assert "is after" in await adapter("audit", "reads", "--from", "2026-02-02", "--to", "2026-02-01", code=2)
    (tmp_path / "file").touch()
    told = await adapter("followup", "--csv", tmp_path / "file", code=1)
    assert told == f"{tmp_path / 'file'} can't be read or written: File exists.\n"


async def test_a_case_can_be_shown_while_the_vendors_are_away(
    ref: str, adapter: Adapter, stage: Stage, sims: RunningSimulators
) -> None:
    edit(stage.config, sims.lifecare_url, "http://127.0.0.1:9")
    assert ref in await adapter("case", "show", ref)
    assert "Det går inte att läsa allt i Lifecare just nu (beställningar" in await adapter("plan", ref)
