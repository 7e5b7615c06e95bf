"""No personal value that went in comes out in a log, a mail or an error. After the purge none is in the database or
its file."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event

from adapter.domain.decision import Phase
from adapter.domain.facts import Signal
from adapter.engine.retention import forget
from adapter.store import cases, events, facts
from adapter.store.database import Database
from connectors.mock.faults import Kind, Rule
from connectors.mock.lifecare.acts import Ordered
from tests.conftest import Logs
from tests.ops.conftest import site_of
from tests.world import SEALING, World

PEOPLE = {
    "19340101TF01": {
        "first_name": "Ingegerd-Provnamn",
        "last_name": "Nattljusberg",
        "street": "Provstigen 4711",
        "phone": "070-9990017",
        "entry_code": "Kod9137",
    },
    "19410202TF02": {
        "first_name": "Torvald-Provnamn",
        "last_name": "Skymningsgren",
        "street": "Testbacken 8822",
        "phone": "070-9990028",
        "entry_code": "Kod4406",
    },
}
SAID = {
    "times": "Överenskommet: 22.30, 02:15 och 05.00",
    "consent": "Samtycke i original. Dottern Hjördis-Prov var med, tfn 070-9990099.",
    "heard": "Brukaren vill avsluta, hunden Bosse-Prov skäller på kameran.",
    "absence": "Inlagd på avdelning Prov-77 för höften.",
}
PRIVATE = (
    "Đorđe",
    "Šimić",
    "anna-prov",
    "дмитрий",
    "340101 1234",
    "Hjördis-Prov",
    "070-9990099",
    "Bosse-Prov",
    "Prov-77",
    "skäller på kameran",
)


def personal_values() -> set[str]:
    """All personal data that went into the case system, in all forms in which it could come out."""
    found = set(PRIVATE)
    for person_id, told in PEOPLE.items():
        found |= {person_id, f"{person_id[:8]}-{person_id[8:]}", person_id[2:], f"{person_id[2:8]}-{person_id[8:]}"}
        found |= set(told.values()) | {told["phone"].replace("-", "")}
    return found


def leaks(text: str) -> list[str]:
    """The personal values in a text, also escaped as in JSON or SQL."""
    return sorted(v for v in personal_values() for form in {v, json.dumps(v)[1:-1]} if form in text)


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def raw_files(folder: Path) -> bytes:
    """The database, and the file with which a process knows that it is alone."""
    assert {file.name for file in folder.iterdir()} <= {"adapter.db", "adapter.db-alone"}
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def live(world: World, person_id: str, *, keys: bool) -> tuple[Ordered, int]:
    """The way in, with an absence and a personal remark on the way."""
    world.lifecare.seed_person(person_id, **PEOPLE[person_id])
    if not keys:
        shower = world.lifecare.order(person_id, "shower", start=world.today, order_date=world.today)
        world.lifecare.accept(shower.order_id)
        world.lifecare.start_execution(shower.order_id, start=world.today)
    order = world.order(person_id)
    await world.settle()
    execution = world.execute(order)
    world.prepare(execution, SAID["times"])
    if keys:
        world.note(execution, Signal.KEYS_COLLECTED)
    world.note(execution, Signal.CONSENT_SIGNED, SAID["consent"])
    await world.pass_time(hours=20)
    first = world.today + timedelta(days=1)
    world.lifecare.absence(person_id, first, first + timedelta(days=1), note=SAID["absence"])
    world.note(execution, Signal.END_HEARD, SAID["heard"])
    await world.pass_time(days=3)
    return order, execution


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Over a database file without fsync, with few readings so that days pass quickly."""
    db = Database(f"sqlite:///{tmp_path}/adapter.db", inline=True)

    @event.listens_for(db._engine, "checkout")
    def hurry(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    return World(db=db, poll_seconds=6 * 3600, awaiting_minutes=720)


def texts_written(world: World, logs: Logs) -> Iterable[str]:
    yield logs.getvalue()
    yield repr(world.mail.sent)


async def served(world: World) -> str:
    """Everything that the HTTP side shows: every page of every case, metrics and health."""
    refs = [case.ref for case in await world.cases()]
    told = []
    async with site_of(world).client() as client:
        for path in ("/", *(f"/cases/{ref}" for ref in refs), "/metrics", "/readyz"):
            answer = await client.get(path)
            assert path in ("/readyz",) or answer.status_code == 200
            told.append(answer.text)
    assert all(ref in "".join(told) for ref in refs)
    return "\n".join(told)


async def test_whole_lives_leave_nothing_personal_behind(tmp_path: Path, world: World, logs: Logs) -> None:
    async with world:
        one, other = PEOPLE
        begun = await live(world, one, keys=False), await live(world, other, keys=True)
        assert {case.phase for case in await world.cases()} == {Phase.ACTIVE}
        assert leaks(await served(world)) == []
        assert leaks(dump(tmp_path / "adapter.db")), "the search finds nothing even where it must"
        for each in begun:
            await world.closes(*each)
        assert {case.phase for case in await world.cases()} == {Phase.CLOSED}
        assert leaks(await served(world)) == []
        assert leaks(repr(world.phoniro.customers)) == []
        assert await forget(world.rt) == {"exempel": []}
        assert leaks(dump(tmp_path / "adapter.db")), "nothing is forgotten before its time"

        world.clock.time += timedelta(days=91)
        refs = [case.ref for case in await world.cases()]
        assert sorted((await forget(world.rt, dry_run=True))["exempel"]) == refs
        assert leaks(dump(tmp_path / "adapter.db"))
        assert sorted((await forget(world.rt))["exempel"]) == refs
        assert leaks(dump(tmp_path / "adapter.db")) == []
        assert [line["cases"] for line in logs.events("purge_done")] == [2, 2]
        for text in texts_written(world, logs):
            assert leaks(text) == []
        assert len(world.mail.sent) > 0
    # When it is closed, the file holds everything from the write-ahead log. Not even free pages keep old values.
    raw = raw_files(tmp_path)
    assert leaks(raw.decode("latin-1")) == []
    assert leaks(raw.decode("utf-8", errors="replace")) == []


async def test_while_lives_are_lived_nothing_personal_stands_plain_in_the_files_of_an_encrypted_database(
    tmp_path: Path,
) -> None:
    """The file and its write-ahead log, byte by byte, while the adapter works; and it still knows its persons."""
    db = Database(f"sqlite:///{tmp_path}/adapter.db", inline=True, sealing=SEALING)
    async with World(db=db, poll_seconds=6 * 3600, awaiting_minutes=720) as world:
        one = next(iter(PEOPLE))
        await live(world, one, keys=False)
        (case,) = await world.cases()
        assert (case.person_id, case.phase) == (one, Phase.ACTIVE)
        known = await world.db.run(lambda c: facts.load(c, case.tenant, case.ref))
        assert SAID["times"] in str(known.resources["notes"].value)
        raw = b"".join((tmp_path / name).read_bytes() for name in ("adapter.db", "adapter.db-wal"))
        assert case.ref.encode() in raw
        for told in (raw.decode("latin-1"), raw.decode("utf-8", errors="replace")):
            assert leaks(told) == []
            assert SAID["times"] not in told


async def test_errors_tell_nothing_personal_whatever_the_vendors_answer(
    tmp_path: Path, world: World, logs: Logs
) -> None:
    """Error pages that name the person, answers cut off, garbage: for reads and writes, at both vendors."""
    names = " ".join([*PEOPLE, *PEOPLE["19340101TF01"].values(), *PRIVATE])
    async with world:
        for plan in (world.lifecare_faults, world.phoniro_faults):
            for kind in (Kind.STATUS_BEFORE, Kind.GARBAGE, Kind.WRONG_SCHEMA, Kind.CUT_AFTER, Kind.EMPTY):
                for method in ("GET", "POST", "PUT"):
                    plan.add(Rule(kind=kind, method=method, times=2, skip=1, body=f'{{"Message": "No {names}"}}'))
            plan.add(Rule(kind=Kind.STATUS_BEFORE, method="POST", status=422, times=2, body=f"<h1>{names}</h1>"))
        await live(world, "19340101TF01", keys=False)
        errors = await world.db.run(
            lambda c: [str(k.error) + str(k.last_decision) for k in cases.all_cases(c, "exempel", open_only=False)]
        )
        assert leaks(await served(world)) == []
        acts = [str((act.error, act.what)) for case in await world.cases() for act in await world.acts(case.ref)]
        assert any(name in logs.getvalue() for name in ("act_retry", "act_unknown", "feed_failed", "fact_unread"))
        audit = [
            str(e.data)
            for case in await world.cases()
            for e in await world.db.run(partial(events.of_case, tenant="exempel", ref=case.ref))
        ]
        assert any("'failure': 'refused'" in told and "'status': 422" in told for told in audit)
        for text in (*texts_written(world, logs), *errors, *acts, *audit):
            assert leaks(text) == []


async def test_one_closed_case_can_be_forgotten_before_its_time(tmp_path: Path, world: World) -> None:
    async with world:
        one, other = PEOPLE
        begun = world.order(one)
        world.order(other)
        await world.settle()
        world.lifecare.will_not_be_executed(begun.order_id)
        await world.pass_time(days=1)
        closed, still = sorted(await world.cases(), key=lambda case: case.open)
        assert await forget(world.rt, ref=still.ref) == {"exempel": []}
        assert await forget(world.rt, ref=closed.ref) == {"exempel": [closed.ref]}
        left = dump(tmp_path / "adapter.db")
    assert one not in left
    assert other in left


async def test_a_person_with_another_open_case_is_remembered_until_that_is_closed_too() -> None:
    """An old case is purged on its day; what the person's other case needs stays."""
    async with World(poll_seconds=12 * 3600, awaiting_minutes=720) as world:
        person = next(iter(PEOPLE))
        await world.closes(*await live(world, person, keys=False))
        again = world.order(person)
        await world.settle()
        world.clock.time += timedelta(days=91)
        assert len((await forget(world.rt))["exempel"]) == 1
        old, new = sorted(await world.cases(), key=lambda case: case.opened_at)
        assert (old.person_id, new.person_id) == ("", person)
        await world.settle()
        assert len(await world.cases()) == 2, "the old order, still in the case system, opened no case anew"
        assert again.order_id
