"""The follow-up and the guides on the status page: the choices, and the downloads."""

from datetime import date

from adapter.followup.tallies import Tally
from adapter.store import counts
from tests.ops.conftest import Site

JANUARY, MARCH = date(2026, 1, 5), date(2026, 3, 1)
COUNTED = [
    *(
        Tally(day, unit, "ordered", 0, n)
        for day, unit, n in ((JANUARY, 7101, 1234), (MARCH, 7101, 3), (MARCH, 7102, 9))
    ),
    Tally(MARCH, 7101, "unwatched.not_started", 0, 2),
]


async def test_it_is_shown_by_month_and_unit_and_taken_along_as_file_and_paper(site: Site) -> None:
    await site.world.db.run(lambda c: counts.add(c, "exempel", COUNTED))
    async with site.client() as client:
        page = (await client.get("/followup")).text
        assert "Beställningar in: 1\u202f246 under perioden, som mest 1\u202f234 i januari 2026." in page
        assert '<td class="number">2</td>' in page, "a page behind a sign-in shows every number"
        assert "script" not in page
        south = (await client.get("/followup", params={"from": "2026-03", "to": "2026-03", "unit": "7102"})).text
        assert "Beställningar in: 9." in south
        assert '<option value="7102" selected>' in south

        table = await client.get("/followup/cases.csv", params={"from": "2026-01", "to": "2026-01"})
        assert table.headers["content-disposition"] == 'attachment; filename="cases.csv"'
        assert table.content.decode("utf-8-sig").splitlines()[1].startswith("2026-01;Alla;1234;")
        paper = await client.get("/followup/uppfoljning.pdf", params={"from": "2026-01"})
        assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")


async def test_what_can_t_be_shown_is_shown_as_the_year_so_far_and_an_unknown_name_leads_back(site: Site) -> None:
    async with site.client() as client:
        for odd in ("from=9999-99&to=x&unit=é", "from=0001-01&to=0001-02", "from=2026-02&to=2025-01", "tenant=nobody"):
            answer = await client.get(f"/followup?{odd}")
            assert (answer.status_code, "Inget under perioden." in answer.text) == (200, True), odd
        for unknown in ("/followup/nothing.csv", "/guides/nobody", "/guides/nobody.pdf"):
            answer = await client.get(unknown)
            assert (answer.status_code, "Till översikten" in answer.text) == (404, True)


async def test_the_guides_are_the_mapping_s_and_the_overview_leads_to_all_of_it(site: Site) -> None:
    async with site.client() as client:
        overview, guide = (await client.get("/")).text, (await client.get("/guides/alarm-team")).text
        assert 'href="/followup"' in overview
        assert 'href="/guides"' in overview
        assert "larmgruppen@exempelkommun.example" not in guide, "nobody is sent to oneself"
        assert "it-drift@exempelkommun.example" in guide
        assert (await client.get("/guides/alarm-team.pdf")).content.startswith(b"%PDF-")
