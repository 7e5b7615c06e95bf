"""Bilaga 1 and the checklist of the installation visit: printable, accessible, and with nothing personal in them."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.bootstrap import build
from adapter.domain.facts import Signal
from adapter.domain.ledger import What
from adapter.domain.routine import Letter
from adapter.presentation.printing import document_data
from adapter.presentation.words import Words
from adapter.settings.model import OpsSettings
from adapter.store.database import Database
from mappings.documents import KINDS, DocumentError, render
from mappings.messages.render import render_letter
from tests.world import ANNA, World, settings_for

DATA = {
    "reference": "TK-7F3K2M",
    "municipality": "Exempelkommun",
    "times": [{"nights": "varje natt", "number": 3, "times": "22:30, 02:15 och 05:00"}],
    "first_look": "2 mars 2026 kl. 22:30",
    "last_look": "tills vidare",
    "keys": "needed",
    "executed": True,
    "collect": {
        "over": True,
        "scheduled": True,
        "stopped": True,
        "deceased": False,
        "last_day": "30 april 2026",
        "collected": False,
        "camera": "up",
        "keys": True,
        "appendix": True,
        "liability": True,
    },
    "gates": [],
}


def words_in(pdf: bytes, tmp_path: Path) -> str:
    (tmp_path / "document.pdf").write_bytes(pdf)
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("DOCUMENTS NOT READ: pdftotext isn't here (Debian's package poppler-utils has it)")
    done = subprocess.run([tool, "-layout", "document.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


async def document(world: World, kind: str) -> bytes:
    case, printer = await world.case(), world.service.printers["exempel"]
    now, words = world.clock.now(), printer.words
    data = await world.db.run(lambda c: document_data(c, case, world.tenant.policy, now, words))
    assert data is not None
    return printer.pdf(kind, data)


async def test_bilaga_1_has_two_copies_with_the_agreed_times(tmp_path: Path) -> None:
    async with World() as world:
        world.person()
        order = world.order()
        world.prepare(world.execute(order), "mån-fre 23:00 03:00; lör-sön 00:30")
        await world.pass_time(hours=1)
        bilaga = await document(world, "bilaga-1")
        text = words_in(bilaga, tmp_path)
        ref = (await world.case()).ref
        for told in (ref, "Exempelkommun", "måndag till fredag", "23:00 och 03:00", "00:30", "tills vidare"):
            assert text.count(told) >= 2, told
        assert "Exemplar 1 av 2: brukaren" in text
        assert "Exemplar 2 av 2: larmgruppen" in text
        row = world.lifecare.row("clients", ANNA)
        for value in (ANNA, "Testsson", row["Addresses"][0]["StreetAddress"]):
            assert value not in text


async def test_bilaga_1_leaves_the_first_look_to_the_pen_until_it_is_known_and_then_has_the_plan_s() -> None:
    """02:15 of the first day has passed when everything is ready."""
    async with World(datetime(2026, 3, 2, 23, 30, tzinfo=UTC)) as world:
        order = await world.taken_in()

        async def printed() -> tuple[object, object]:
            case, service = await world.case(), world.service
            words = Words(service.tenants["exempel"].texts, world.tenant.policy.zone)
            now = world.clock.now()
            data = await world.db.run(lambda c: document_data(c, case, world.tenant.policy, now, words))
            assert data is not None
            return data["times"], data["first_look"]

        (other,) = world.lifecare.tables["executions"].rows
        world.prepare(int(other), "22:30 02:15")
        await world.pass_time(hours=9)
        agreed = [{"nights": "varje natt", "number": 2, "times": "22:30 och 02:15"}]
        assert await printed() == (agreed, "")
        world.execute(order)
        await world.pass_time(hours=2)
        assert await printed() == (agreed, "3 mars 2026 kl. 22:30")
        plan = next(n for n in world.lifecare.notes_written() if n.heading == "plan")
        assert "Första tillsyn enligt dessa tider: tisdag den 3 mars 2026 klockan 22:30" in plan.text


async def test_the_checklist_says_whether_keys_are_needed(tmp_path: Path) -> None:
    async with World() as world:
        world.person(other_service=False)
        world.order()
        await world.settle()
        text = words_in(await document(world, "checklista"), tmp_path)
        assert "Nycklar är inhämtade mot kvittens" in text
        assert "inte ännu enligt Lifecare" in text


async def test_the_checklist_of_the_collecting_visit_has_what_was_in_fact_handed_out(tmp_path: Path) -> None:
    async with World() as world:
        order, execution = world.ready()
        world.note(execution, Signal.KEYS_COLLECTED)
        await world.pass_time(hours=2)
        text = words_in(await document(world, "checklista-hamtning"), tmp_path)
        assert "Myndigheten har inte avslutat insatsen enligt Lifecare" in text
        world.lifecare.decision_end(order.decision_id, world.today)
        await world.pass_time(hours=20)
        text = words_in(await document(world, "checklista-hamtning"), tmp_path)
        for told in ("klart enligt Phoniro", "sista dag: 2 mars 2026", "Ta ned kameran", "nycklarna till brukaren mot"):
            assert told in text
        assert "Myndigheten har inte" not in text


COLLECTED: list[tuple[dict[str, object], str, str]] = [
    ({"keys": False}, "Inga nycklar är antecknade som inhämtade", "Lämna tillbaka"),
    ({"keys": True, "deceased": True}, "till den ni har kommit överens med, mot nyckelkvittensen", "till brukaren mot"),
    ({"deceased": True}, "överenskommen med anhörig", "överenskommen med brukaren"),
    ({"camera": "maybe"}, "Se efter om kameran är uppsatt", "Ta ned kameran"),
    ({"camera": "no"}, "Ingen installation är antecknad", "Ta ned kameran"),
    ({"appendix": False}, "Ta ned kameran", "Bilaga 1"),
    ({"liability": False}, "Bilden på vad paketet innehåller", "Ansvarsförbindelsen"),
    ({"scheduled": False}, "Ingen e-tillsyn har lagts in", "klart enligt Phoniro"),
    ({"stopped": False}, "inte ännu enligt Phoniro", "klart enligt Phoniro"),
    ({"collected": True}, "redan antecknat som hämtat", "klart enligt Phoniro"),
]


@pytest.mark.parametrize(("given", "told", "untold"), COLLECTED)
def test_what_was_not_handed_out_is_not_asked_for(
    given: dict[str, object], told: str, untold: str, tmp_path: Path
) -> None:
    collect = {**DATA["collect"], **given}  # type: ignore[dict-item]  # a dict
    text = words_in(render("checklista-hamtning", {**DATA, "collect": collect}), tmp_path)
    assert told in text
    assert untold not in text


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a4_swedish_titled_and_tagged(kind: str) -> None:
    pdf = render(kind, DATA)
    assert pdf.startswith(b"%PDF-")
    assert b"/MarkInfo" in pdf
    assert b"/StructTreeRoot" in pdf
    assert re.search(rb"/Lang ?\(sv", pdf)
    assert b"595." in pdf
    assert b"pdfuaid:part" in pdf
    bare = {**DATA, "times": [], "keys": "alarm", "executed": False, "gates": ["Lämna informationsbladet."]}
    assert render(kind, bare).startswith(b"%PDF-"), "also while there are no times"


def test_a_municipality_s_own_template_goes_first_and_a_broken_one_is_told(tmp_path: Path) -> None:
    own = tmp_path / "bilaga-1.typ"
    own.write_text('#set document(title: "Vår egen")\n#set text(lang: "sv")\n= Vår egen', encoding="utf-8")
    assert render("bilaga-1", DATA, folder=tmp_path) != render("bilaga-1", DATA)
    own.write_text("#let", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"bilaga-1\.typ"):
        render("bilaga-1", DATA, folder=tmp_path)


@pytest.mark.parametrize("url", ["https://tk.kommun.example", ""])
def test_messages_link_to_the_documents_where_the_setting_says_where_the_page_is(url: str) -> None:
    ops = OpsSettings(enabled=True, public_url=url)
    service = build(settings_for().model_copy(update={"ops": ops}), db=Database("sqlite://"))
    what: What = {"to": "alarm_team", "times": '{"mon": ["22:30"]}'}
    text = render_letter(Letter.TIMES, what, reference="TK-7F3K2M", act="01", texts=service.tenants["exempel"].texts)
    assert (f"{url}/cases/TK-7F3K2M/bilaga-1" in text) is bool(url)
