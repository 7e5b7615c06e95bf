"""Bilaga 1 and the checklist of the installation visit: printable, accessible, and with nothing personal in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.bootstrap import Service
from adapter.cli.documents import gather_document
from adapter.ops.context import Document
from adapter.presentation.documents import document_data
from adapter.presentation.words import Words
from mappings.documents import KINDS, DocumentError, render
from tests.world import ANNA, World

DATA = {
    "reference": "TK-7F3K2M",
    "municipality": "Exempelkommun",
    "times": [{"nights": "varje natt", "number": 3, "times": "22:30, 02:15 och 05:00"}],
    "first_look": "2 mars 2026 kl. 22:30",
    "last_look": "tills vidare",
    "keys": "needed",
    "executed": True,
    "gates": [],
}


def words_in(pdf: bytes, tmp_path: Path) -> str:
    (tmp_path / "document.pdf").write_bytes(pdf)
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("DOCUMENTS NOT READ: pdftotext isn't here (Debian's package poppler-utils has it)")
    done = subprocess.run([tool, "-layout", "document.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


async def document(world: World, kind: str) -> Document:
    service: Service = world.service
    ref = (await world.case()).ref
    printed = await world.db.run(lambda c: gather_document(c, service, ref, kind))
    assert printed is not None
    return printed()


async def test_bilaga_1_has_two_copies_with_the_agreed_times(tmp_path: Path) -> None:
    async with World() as world:
        world.person()
        order = world.order()
        world.prepare(world.execute(order), "mån-fre 23:00 03:00; lör-sön 00:30")
        await world.pass_time(hours=1)
        bilaga = await document(world, "bilaga-1")
        text = words_in(bilaga.content, tmp_path)
        ref = (await world.case()).ref
        assert bilaga.name == f"{ref}-bilaga-1.pdf"
        for told in (ref, "Exempelkommun", "måndag till fredag", "23:00 och 03:00", "00:30", "tills vidare"):
            assert text.count(told) >= 2, told
        assert "Exemplar 1 av 2: brukaren" in text
        assert "Exemplar 2 av 2: larmgruppen" in text
        row = world.lifecare.row("clients", ANNA)
        for value in (ANNA, "Testsson", row["Addresses"][0]["StreetAddress"]):
            assert value not in text


async def test_bilaga_1_leaves_the_first_look_to_the_pen_until_it_is_known_and_then_has_the_plan_s() -> None:
    """02:15 of the first day is over when everything is ready."""
    async with World(datetime(2026, 3, 2, 23, 30, tzinfo=UTC)) as world:
        world.person()
        order = world.order()
        await world.settle()

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
        text = words_in((await document(world, "checklista")).content, tmp_path)
        assert "Nycklar är inhämtade mot kvittens" in text
        assert "inte ännu enligt Lifecare" in text


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a4_swedish_titled_and_tagged(kind: str) -> None:
    pdf = render(kind, DATA)
    assert pdf.startswith(b"%PDF-")
    assert b"/MarkInfo" in pdf
    assert b"/StructTreeRoot" in pdf
    assert re.search(rb"/Lang ?\(sv", pdf)
    assert b"595." in pdf
    assert b"pdfuaid:part" in pdf


@pytest.mark.parametrize("kind", KINDS)
def test_without_times_each_can_still_be_made(kind: str) -> None:
    bare = {**DATA, "times": [], "keys": "alarm", "executed": False, "gates": ["Lämna informationsbladet."]}
    assert render(kind, bare).startswith(b"%PDF-")


def test_a_municipality_s_own_template_goes_first_and_a_broken_one_is_told(tmp_path: Path) -> None:
    own = tmp_path / "bilaga-1.typ"
    own.write_text('#set document(title: "Vår egen")\n#set text(lang: "sv")\n= Vår egen', encoding="utf-8")
    assert render("bilaga-1", DATA, folder=tmp_path) != render("bilaga-1", DATA)
    own.write_text("#let", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"bilaga-1\.typ"):
        render("bilaga-1", DATA, folder=tmp_path)
