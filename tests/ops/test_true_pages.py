"""P10: no page and no command claims what Phoniro denies, in a world where Phoniro carries out nothing."""

import html
import io
import re
from datetime import timedelta

from rich.console import Console
from sqlalchemy import update

from adapter.domain.facts import Signal
from adapter.domain.ledger import ScheduleRecord
from adapter.engine.reconcile import preview
from adapter.presentation.case_cards import card, cards_page
from adapter.presentation.case_file import case_file
from adapter.presentation.case_page import case_page
from adapter.presentation.case_summary import CaseSummary
from adapter.presentation.plan_page import plan_page
from adapter.store.purge import purge
from adapter.store.tables import cases
from mappings.texts import Texts
from tests.mappings.text_claims import denied
from tests.ops.conftest import Site
from tests.world import down

TEXTS = Texts.load().sections
LABELS = {*TEXTS["steps"].values(), *TEXTS["pairs_in"].values(), *TEXTS["pairs_out"].values()}
"""Texts that say what a line of the checklist or the balance is about. The sign beside them says whether it is done."""


async def shown(site: Site) -> tuple[dict[str, str], ScheduleRecord | None]:
    """Every page and command about the case, as text; and the schedule as it was last seen."""
    rt, words, case = site.world.rt, site.ops.words_of("exempel"), await site.world.case()
    now, policy = rt.clock.now(), rt.tenants["exempel"].policy
    file = await rt.db.run(lambda c: case_file(c, case, policy, now))
    decision, _ = await preview(rt, case)
    console = Console(file=io.StringIO(), width=400)
    found = {}
    for name, what in {
        "case show": case_page(file, words, now),
        "case list": cards_page([card(CaseSummary.of(case), words, now)], several=False),
        "plan": plan_page(case, decision, file.ledger, words, now),
    }.items():
        with console.capture() as printed:
            console.print(what)
        found[name] = printed.get()
    async with site.client() as client:
        for path in ("/", f"/cases/{case.ref}"):
            found[path] = html.unescape(re.sub(r"<[^>]+>", "\n", (await client.get(path)).text))
    return found, file.ledger.schedule


async def test_nothing_is_said_to_go_well_before_lifecare_was_read_once(site: Site) -> None:
    async with site.client() as client:
        before = (await client.get("/")).text
        await site.world.cycle()
        after = (await client.get("/")).text
    assert "Lifecare har inte lästs färdigt ännu" in before
    assert "aldrig läst ännu" in before
    for claim in ("Allt går som det ska", "har alla med gällande beslut sin tillsyn"):
        assert claim not in before
        assert claim in after


async def test_no_page_and_no_command_says_that_it_is_done(site: Site) -> None:
    world = site.world
    order, execution = await world.active()
    down(world.phoniro)
    for happens, hours, expected in (
        (lambda: world.note(execution, Signal.CONSENT_WITHDRAWN), 2, "ska vara pausad"),
        (lambda: world.lifecare.decision_end(order.decision_id, world.today), 20, "ska vara avslutad"),
    ):
        happens()
        await world.pass_time(hours=hours)
        pages, record = await shown(site)
        assert world.statuses() == ["active"], "nothing was done"
        for name, text in pages.items():
            claims = re.sub("|".join(map(re.escape, LABELS)), "", text)
            assert denied(claims, record) == [], name
            assert "inte inlagd" not in text, name
            assert "Utan tillsyn: " not in text, "it runs still"
        assert "är utan tillsyn via kamera" not in pages["/"]
        assert expected in pages["case show"]
        assert expected in pages["/"]


async def test_a_purged_case_is_not_said_to_wait_for_a_reading(site: Site) -> None:
    world, rt, words = site.world, site.world.rt, site.ops.words_of("exempel")
    await world.taken_in()
    now, policy = rt.clock.now(), rt.tenants["exempel"].policy
    await rt.db.run(lambda c: c.execute(update(cases).values(closed_at=now, phase="closed")))
    await rt.db.run(lambda c: purge(c, "exempel", closed_before=now + timedelta(days=1), now=now))
    case = await world.case()
    file = await rt.db.run(lambda c: case_file(c, case, policy, now))
    console = Console(file=io.StringIO(), width=400)
    with console.capture() as printed:
        console.print(case_page(file, words, now), cards_page([card(CaseSummary.of(case), words, now)], several=False))
    async with site.client() as client:
        page = (await client.get(f"/cases/{case.ref}")).text
    for text in (printed.get(), page):
        assert "Personuppgifterna gallrades." in text
        assert "har inte kunnat läsas" not in text
        assert "innan ärendet har lästs" not in text
