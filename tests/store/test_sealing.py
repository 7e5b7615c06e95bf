"""Encryption at rest: a personal value opens only with the right key and in its own row."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text, type_coerce, update
from sqlalchemy import Text as Raw

from adapter.domain.facts import Note, Signal
from adapter.engine.audit_heads import readable_head
from adapter.store import cases, events, facts, keys, queries, reads, requests
from adapter.store.audit_chain import HEAD
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.facts import StoredFact
from adapter.store.sealing import MARK, PLAIN, SEALED, Sealing
from adapter.store.tables import events as event_table
from adapter.store.tables import metadata
from tests.service import ENCRYPTION_KEY, PSEUDONYM_KEY
from tests.store.backends import NOW, PERSON, Store

LOOKUP = PSEUDONYM_KEY.encode()
OLD, NEW = ENCRYPTION_KEY, "the-key-that-comes-after-the-first-one"
NOTES = (Note("n", Signal.TIMES_AGREED, NOW, text="Anna vill sova till klockan 22"),)
WORDS = "Anna vill ha tillsyn klockan två"


def database(url: str, *secrets: str, lookup: bytes = LOOKUP) -> Database:
    return Database(url, inline=True, sealing=Sealing(lookup, secrets))


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db" if request.param == "file" else request.getfixturevalue("postgres_url")


both = pytest.mark.parametrize("place", ["file", "postgres"], indirect=True)


def filled(db: Database, count: int = 3) -> list[str]:
    """Cases with a personal value in each kind of column. Returns their references."""
    db.upgrade()
    store = Store(db)
    store.run(keys.note_keys, NOW)
    refs = []
    for n in range(count):
        case = store.open(f"order-{n}", person_id=f"{PERSON}-{n}")
        store.run(facts.save, "north", case.ref, {}, {"notes": StoredFact.read("notes", NOTES, (), NOW)})
        store.run(events.record, "north", case.ref, "told", {"why": WORDS}, now=NOW)
        store.run(reads.note, ["north"], reads.Reader(WORDS, "shell"), "case", NOW, case.ref)
        refs.append(case.ref)
    store.run(requests.take, ["north"], "r", "resync", {"who": WORDS}, NOW)
    taken = store.run(requests.claim, ["north"], now=NOW, owner="me", lease_until=NOW)
    store.run(requests.give_back, taken, error=WORDS)
    return refs


def kept(db: Database, refs: list[str]) -> None:
    """All of them are read as they were written."""
    store = Store(db)
    for n, ref in enumerate(refs):
        assert store.run(cases.the_case, "north", ref).person_id == f"{PERSON}-{n}"
        assert [c.ref for c in store.run(cases.open_cases_of_person, "north", f"{PERSON}-{n}")] == [ref]
        assert store.run(facts.load, "north", ref).resources["notes"].value == NOTES
        assert store.run(events.of_case, "north", ref)[-1].data == {"why": WORDS}
        assert store.run(reads.find, "north", ref=ref)[0].who == WORDS
    (request,) = store.run(requests.all_requests)
    assert (request.content, request.error) == ({"who": WORDS}, WORDS)


def stored(conn: Connection) -> str:
    """All columns that may be encrypted, as they are stored."""
    rows = (row for column in SEALED for row in conn.scalars(select(type_coerce(column, Raw))))
    return "\n".join(row for row in rows if row)


# A single value


@given(st.text(), st.text(max_size=20), st.text(max_size=20))
def test_a_sealed_value_opens_where_it_was_sealed_and_nowhere_else(plain: str, here: str, there: str) -> None:
    sealing = Sealing(LOOKUP, [NEW, OLD])
    hidden = sealing.seal(plain, here)
    assert sealing.open(hidden, here) == plain
    assert not plain or (hidden.startswith(f"{MARK}{sealing.current}:") and sealing.seal(plain, here) != hidden)
    if plain and here != there:
        with pytest.raises(StoreError, match="moved there from another row"):
            sealing.open(hidden, there)
    assert Sealing(LOOKUP, [OLD, NEW]).open(hidden, here) == plain, "each key opens, in whatever order"


def test_a_value_of_another_key_or_damaged_is_refused_in_words_that_say_what_to_do() -> None:
    hidden = Sealing(LOOKUP, [OLD]).seal(PERSON, "cases.identity_number x")
    for sealing in (PLAIN, Sealing(LOOKUP, [NEW])):
        with pytest.raises(StoreError, match=r"cases.identity_number is encrypted by the key .*add it, and restart"):
            sealing.open(hidden, "cases.identity_number x")
    for spoilt in (hidden[:-8], hidden[:-4] + "AAA=", hidden + "!", f"{hidden[: len(MARK) + 8]}:"):
        with pytest.raises(StoreError, match="damaged") as refused:
            Sealing(LOOKUP, [OLD]).open(spoilt, "cases.identity_number x")
        assert PERSON not in str(refused.value)


def test_persons_are_told_apart_by_a_hash_that_only_the_key_makes_and_that_differs_by_municipality() -> None:
    mine, others = Sealing(LOOKUP), Sealing(b"another")
    assert len({mine.person(t, p) for t in ("north", "south") for p in (PERSON, "19900101TF04")}) == 4
    assert mine.person("north", PERSON) != others.person("north", PERSON)
    assert mine.person("north", "") == ""


# The database


@both
def test_a_value_that_was_moved_to_another_row_is_not_taken_for_its_own(place: str) -> None:
    db = database(place, OLD)
    one, other, third = filled(db)
    move = "UPDATE {0} SET {1} = (SELECT {1} FROM {0} WHERE ref = :one {2}) WHERE ref = :other {2}"
    moves = [("cases", "identity_number", ""), ("facts", "value", "AND resource = 'notes'")]
    for table, column, which in (*moves, ("events", "data", "AND name = 'told'")):
        moved = text(move.format(table, column, which))
        db.run_sync(lambda c, m=moved: c.execute(m, {"one": one, "other": other}))  # type: ignore[misc]  # bound early
    store = Store(db)
    with pytest.raises(StoreError, match="moved there"):
        _ = store.run(cases.the_case, "north", other).person_id
    assert store.run(facts.load, "north", other).resources["notes"].read_at is None, "it is read afresh"
    assert "moved there" in str(store.run(events.of_case, "north", other)[-1].data["unreadable"])
    assert {case.ref for case in store.claim()} == {one, other, third}, "the others are worked on"
    db.close()


@both
def test_a_new_key_takes_over_while_everybody_writes_and_after_a_kill(place: str) -> None:
    """From no key to one, and from one to the next: interrupted after each transaction in turn, and then continued."""
    db = database(place)
    refs = filled(db)
    db.close()
    for secrets in ((OLD,), (NEW, OLD)):
        for _ in range(40):
            db = database(place, *secrets)
            try:
                _reseal_until_killed(db, refs)
            except KeyboardInterrupt:
                continue
            finally:
                db.close()
            break
        else:
            pytest.fail("it never came to its end")
    db = database(place, NEW)
    kept(db, refs)
    Store(db).run(keys.note_keys, NOW)
    raw = db.run_sync(stored)
    assert raw.count(MARK) == len(raw.splitlines())
    assert f"{MARK}{db.sealing.current}" in raw
    assert not [word for word in (PERSON, "Anna", Sealing(LOOKUP, [OLD]).current) if str(word) in raw]
    db.close()


def _reseal_until_killed(db: Database, refs: list[str]) -> None:
    """Two transactions of the change of keys, with others between them; ``KeyboardInterrupt`` if more is left."""
    store = Store(db)
    store.run(keys.note_keys, NOW)
    for turn, each in enumerate(keys.TABLES):
        changed, _ = db.run_sync(partial(keys.reseal_batch, each=each, after=()))
        store.run(events.record, "north", refs[0], "told", {"why": WORDS}, now=NOW)
        store.run(facts.save, "north", refs[1], {}, {"notes": StoredFact.read("notes", NOTES, (), NOW)})
        kept(db, refs)
        if changed and turn:
            raise KeyboardInterrupt
    assert db.run_sync(keys.left) == 0
    assert db.run_sync(partial(keys.note_all_sealed, now=NOW)) == 0


async def test_the_change_is_made_once_and_asked_for_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "BATCH", 5)
    url = f"sqlite:///{tmp_path}/store.db"
    plain = database(url)
    filled(plain, count=keys.BATCH + 5)
    plain.close()
    db = database(url, OLD)
    Store(db).run(keys.note_keys, NOW)
    first = await keys.reseal(db, lambda: NOW)
    assert (first.changed > 3 * keys.BATCH, first.left) == (True, 0)
    assert await keys.reseal(db, lambda: NOW) == keys.Resealed(0, 0)
    db.run_sync(lambda c: c.execute(text("UPDATE events SET data = '{}' WHERE id = 1")))
    assert await keys.reseal(db, lambda: NOW, at_once=True) == keys.Resealed(1, 0)
    db.run_sync(lambda c: c.execute(text(f"UPDATE cases SET error = '{MARK}00000000:x'")))
    assert (await keys.reseal(db, lambda: NOW, at_once=True)).left == keys.BATCH + 5, "what can't be opened is told"
    db.close()


@pytest.mark.parametrize(
    ("lookup", "secrets", "told"),
    [
        (LOOKUP, (), r"encrypted by the key \w{8}, and that isn't in store.encryption_key .*which is empty"),
        (LOOKUP, (NEW,), r"which has \w{8}. Nothing is done with .*Else put it back"),
        (b"another pseudonym key", (OLD,), "another pseudonym_key"),
    ],
)
def test_a_lost_or_wrong_key_is_told_once_and_nothing_is_done(
    tmp_path: Path, lookup: bytes, secrets: tuple[str, ...], told: str
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    right = database(url, OLD)
    filled(right)
    right.close()
    db = database(url, *secrets, lookup=lookup)
    with pytest.raises(StoreError, match=told) as refused:
        Store(db).run(keys.note_keys, NOW)
    assert refused.value.reason == "key"
    db.close()


def test_without_a_key_values_stay_as_they_are(tmp_path: Path) -> None:
    db = database(f"sqlite:///{tmp_path}/store.db")
    refs = filled(db)
    kept(db, refs)
    assert MARK not in db.run_sync(stored)
    assert db.run_sync(lambda c: c.scalars(select(event_table.c.data)).all())[-1] is not None
    db.close()


def test_what_is_encrypted_and_why_the_rest_is_not_is_told_of_every_table() -> None:
    told = (
        Path("docs/privacy.md").read_text(encoding="utf-8").partition("## Encrypted at rest")[2].partition("\n## ")[0]
    )
    rows = {line.split("|")[1].strip(" `"): line for line in told.splitlines() if line.startswith("| `")}
    assert rows.keys() == {table.name for table in metadata.sorted_tables}
    for column in SEALED:
        assert f"`{column.name}`" in rows[column.table.name].split("|")[2], column


def test_a_damaged_request_comparison_or_head_stops_no_page_no_other_request_and_no_verification() -> None:
    db = database("sqlite://", NEW)
    filled(db, 1)
    store = Store(db)
    for name in ("comparison", HEAD):
        store.run(events.record, "north", None, name, {"up_to": 1, "events": 1, "head": "a"}, now=NOW)
    damaged = f"{MARK}{db.sealing.current}:{'A' * 40}"
    for table, column in ((metadata.tables["requests"], "content"), (event_table, "data")):
        store.run(lambda c, t=table, name=column: c.execute(update(t).values({name: damaged})))
    (found,) = store.run(requests.all_requests)
    assert "damaged" in found.content["unreadable"]
    assert store.run(requests.claim, ["north"], now=NOW, owner="a", lease_until=NOW) is not None
    assert store.run(queries.last_drift, "north") is None
    (head,) = store.run(events.named, "north", HEAD)
    assert readable_head(head.data) is None
    db.close()
