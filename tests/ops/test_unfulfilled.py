"""The list of decisions that aren't executed or are interrupted: by mail once a month, on the page, for Excel."""

import asyncio
import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from adapter.engine import monthly_list
from adapter.engine.feed_reader import read_feeds
from adapter.engine.monthly_list import want_monthly_list
from adapter.engine.worker import work
from adapter.presentation.unfulfilled_page import unfulfilled_csv, unfulfilled_json
from adapter.store.cases import all_cases
from adapter.store.queries import unfulfilled_cases
from adapter.store.tables import cases
from tests.ops.conftest import site_of
from tests.outside import example_with
from tests.world import ANNA, World


def by_the_one_before(c: Connection) -> str:
    """A decision from a version that didn't know the list. One that isn't encrypted can be read, too."""
    (case,) = all_cases(c, "exempel")
    assert case.decision is not None
    decision = json.loads(case.decision.open())
    assert decision.pop("unfulfilled")
    return json.dumps(decision)


BOX = "kvalitet@exempelkommun.example"


async def test_it_is_told_once_a_month_whatever_restarts_and_stands_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = example_with(tmp_path, (f'# followup = "{BOX}"', f'followup = "{BOX}"'))
    ordered = date(2026, 3, 2)
    async with World(datetime(2026, 5, 4, 8, tzinfo=UTC), mapping=mapping, go_live=ordered) as world:

        async def months_mails() -> list[tuple[str, str]]:
            for _ in range(2):
                await asyncio.gather(*(want_monthly_list(world.rt, world.tenant) for _ in range(2)))
                await work(world.rt)
                world.restart()
            return [(subject, body) for _, to, subject, body in world.mail.sent if to == BOX]

        world.person()
        order = world.order(start=ordered, order_date=ordered)
        assert await months_mails() == [], "nothing was read yet, so nobody knows"
        await read_feeds(world.rt, world.tenant)
        await want_monthly_list(world.rt, world.tenant)  # nor is anything decided
        await world.settle()
        of_this_version = await world.db.run(lambda c: c.scalar(select(cases.c.decision)))
        await world.db.run(lambda c: c.execute(update(cases).values(decision=by_the_one_before(c))))
        assert await months_mails() == [], "nobody is left out of it because of an upgrade"
        await world.db.run(lambda c: c.execute(update(cases).values(decision=of_this_version)))
        ((subject, body),) = await months_mails()
        monkeypatch.delattr(monthly_list, "undecided")  # all cases are read for it: only while the mail is wanted
        assert len(await months_mails()) == 1
        monkeypatch.undo()
        ref = (await world.case()).ref
        assert subject == "Ej verkställda och avbrutna beslut om trygghetskamera, måndag den 4 maj 2026"
        told = f"- {ref}, beställning {order.order_id}, Hemtjänst Norr: ej verkställt sedan måndag den 2 mars 2026"
        assert told in body
        assert ANNA not in body
        world.clock.time += timedelta(days=29)
        assert len(await months_mails()) == 2, "June has its own"
        assert "2026. Ska rapporteras till IVO." in (await months_mails())[1][1]

        (row,) = await world.db.run(lambda c: unfulfilled_cases(c, "exempel", world.today))
        assert (row.days, row.level) == (92, "report")
        assert unfulfilled_json("exempel", row)["since"] == date(2026, 3, 2)
        site = site_of(world)
        raw = unfulfilled_csv([("exempel", row)], site.ops.words_of())
        assert raw.startswith(b"\xef\xbb\xbf")
        heading, line = csv.reader(raw.decode("utf-8-sig").splitlines(), delimiter=";")
        assert heading[:3] == ["Ärende", "Kommun", "Beställning"]
        assert line[:6] == [ref, "exempel", order.order_id, "Hemtjänst Norr", "ej verkställt", "2026-03-02"]
        async with site.client() as client:
            page, whole = (await client.get("/")).text, (await client.get("/unfulfilled?page=7")).text
            assert ref in whole, "a page that isn't there is the nearest one that is"
        assert "Ej verkställda och avbrutna beslut" in page
        assert f'<a href="/cases/{ref}">{ref}</a>' in page
        assert "ska rapporteras till IVO (tre månader)" in page
        assert ANNA not in page + raw.decode()
