"""The audit shows tampering: an event that was changed, removed or added is found and named."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, insert, text, update

from adapter.engine.audit_heads import head_of
from adapter.engine.jobs import Jobs
from adapter.engine.retention import forget
from adapter.store import events
from adapter.store.audit_chain import BEGAN, HEAD, Audit, Finding, Head, hash_of, start_of
from adapter.store.database import Database
from adapter.store.errors import StoreError
from adapter.store.tables import events as table
from tests.conftest import Logs
from tests.store.backends import NOW, Store
from tests.store.test_upgrades import at_revision
from tests.world import World

_c = table.c


def audited(db: Database, tenant: str, heads: Iterable[Head] = (), began: int = 0) -> Audit:
    audit = Audit(tenant, heads, began)
    for event in db.run_sync(lambda c: events.after(c, tenant, 0, limit=10_000)):
        audit.take(event)
    audit.finish()
    return audit


def write(store: Store, tenant: str = "north") -> dict[str, list[int]]:
    """Five events for each of two cases and five for no case, in turn. Returns their ids."""
    for n in range(5):
        for ref in ("TK-1", "TK-2", None):
            more = [("act.done", {"key": f"b{n}", "told": 'å"\\ 🦊', "ok": True, "none": None})] if ref else []
            store.run(events.record_all, tenant, ref, [("act.wanted", {"n": n}), *more], now=NOW, correlation="x")
    found = store.run(events.after, tenant, 0)
    return {str(ref): [event.id for event in found if event.ref == ref] for ref in ("TK-1", "TK-2", None)}


def spoil(data: str) -> Callable[[Connection, int], object]:
    """Run a statement, as somebody may in the database's own shell."""
    return lambda c, id: c.execute(text("UPDATE events SET data = :data WHERE id = :id"), {"data": data, "id": id})


def change(**values: object) -> Callable[[Connection, int], object]:
    return lambda c, id: c.execute(update(table).where(_c.id == id).values(**values))


def remove(c: Connection, id: int) -> None:
    c.execute(delete(table).where(_c.id == id))


TAMPERED: dict[str, tuple[Callable[[Connection, int], object], str, int]] = {
    # what is done to the third event, what is found, and for which event
    "what was done": (change(data={"n": 7}), "changed", 2),
    "what was done, by what is no JSON": (spoil("{'n': 7"), "changed", 2),
    "what was done, by what is no object": (spoil("[7]"), "changed", 2),
    "when": (change(at=NOW - timedelta(seconds=1)), "changed", 2),
    "what it was": (change(name="act.parked"), "changed", 2),
    "by which work": (change(correlation=None), "changed", 2),
    "taken out of the chain": (change(previous=None, hash=None), "added", 2),
    "removed": (remove, "removed", 3),
}


def test_an_event_that_was_changed_or_removed_is_found_and_which_it_was(store: Store) -> None:
    for how, (tamper, what, place) in TAMPERED.items():
        ids = write(store, how)
        assert audited(store.db, how).findings == []
        for of in ("TK-1", "None"):
            store.run(tamper, ids[of][2])
        found = {(finding.what, finding.id) for finding in audited(store.db, how).findings}
        assert {(what, ids["TK-1"][place]), (what, ids["None"][place])} <= found, how
        assert not any(id in ids["TK-2"] for _, id in found), "the other case's events are as they were"


def test_damage_of_today_is_found_before_a_head_holds_it_and_the_next_head_hides_nothing(store: Store) -> None:
    write(store)
    yesterday = audited(store.db, "north").head
    store.run(events.record, "north", "TK-1", "act.done", {"n": 8}, now=NOW)
    newest = store.run(events.after, "north", yesterday.up_to)[-1]
    store.run(change(data={"n": 9}), newest.id)
    found = [Finding("changed", newest.id, "TK-1", "act.done")]
    today = audited(store.db, "north", [yesterday])
    assert (today.findings, today.agreed) == (found, 1)
    store.run(events.record, "north", "TK-1", "act.done", {"n": 10}, now=NOW)
    tomorrow = audited(store.db, "north", [yesterday, today.head])
    assert (tomorrow.findings, tomorrow.agreed) == (found, 2)


def test_an_event_that_was_added_by_hand_is_found_with_or_without_a_hash(store: Store) -> None:
    write(store)
    row = {"tenant": "north", "ref": "TK-1", "at": NOW, "name": "act.done", "data": {}}
    store.run(lambda c: c.execute(insert(table), [row]))
    made = start_of("north", "TK-9")
    hashed = hash_of(made, "north", "TK-1", NOW, "act.done", {}, None)
    store.run(lambda c: c.execute(insert(table), [row | {"previous": made, "hash": hashed}]))
    assert [finding.what for finding in audited(store.db, "north").findings] == ["added", "removed"]


def test_the_audit_can_not_be_forked_however_many_write_at_the_same_moment(shared_store: Store) -> None:
    failed: list[BaseException] = []

    def writer(name: str) -> None:
        for n in range(15):
            while True:
                try:
                    shared_store.run(events.record, "north", "TK-1", name, {"n": n}, now=NOW)
                    break
                except StoreError as error:
                    if "audit" not in str(error) and "previous" not in str(error):
                        failed.append(error)
                        return

    threads = [threading.Thread(target=writer, args=(name,)) for name in ("one", "other", "third")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    audit = audited(shared_store.db, "north")
    assert (audit.findings, audit.head.events, audit.chains) == ([], 45, 1)


async def test_a_daily_head_finds_what_the_chain_can_not_and_survives_the_purge(tmp_path: Path, logs: Logs) -> None:
    """Somebody recomputes all hashes, or removes the last events or a whole case."""
    async with World(poll_seconds=6 * 3600, awaiting_minutes=720) as world:
        rt = replace(world.rt, tuning=replace(world.rt.tuning, audit_heads=tmp_path / "heads"))
        order = await world.taken_in()
        # As the service runs it, every hour.
        take_heads = Jobs(rt).scheduler.get_job("audit heads").func
        await take_heads()
        assert not logs.events("audit_head"), "what is under way may still come to stand before it"
        world.clock.time += timedelta(hours=1)
        await take_heads()
        await take_heads()
        (told,) = logs.events("audit_head")
        kept = [json.loads(line) for line in (tmp_path / "heads").read_text().splitlines()]
        assert kept == [{name: told[name] for name in ("tenant", "up_to", "events", "head")} | {"at": kept[0]["at"]}]
        ref = (await world.case()).ref
        world.lifecare.will_not_be_executed(order.order_id)
        await world.pass_time(days=2)
        await take_heads()
        world.clock.time += timedelta(days=91)
        assert await forget(world.rt) == {"exempel": [ref]}
        heads = [head_of(json.loads(line)) for line in (tmp_path / "heads").read_text().splitlines()]
        own = [head_of(e.data) for e in world.db.run_sync(lambda c: events.named(c, "exempel", HEAD))]
        assert own == heads
        audit = audited(world.db, "exempel", heads)
        assert (audit.findings, audit.agreed) == ([], 2)

        def recompute(c: Connection) -> None:
            previous = start_of("exempel", ref)
            for event in events.after(c, "exempel", 0, ref=ref, limit=10_000):
                data = {**event.data, "n": 99}
                said = (event.tenant, event.ref, event.at, event.name, data, event.correlation)
                hashed = hash_of(previous, *said)
                new = {"data": data, "previous": previous, "hash": hashed}
                c.execute(update(table).where(_c.id == event.id).values(previous=None))
                c.execute(update(table).where(_c.id == event.id).values(**new))
                previous = hashed

        assert {finding.what for finding in audited(world.db, "exempel", heads).findings} == set()
        for tamper in (recompute, lambda c: c.execute(delete(table).where(_c.ref == ref))):
            world.db.run_sync(tamper)
            found = audited(world.db, "exempel", heads).findings
            assert found == [Finding("head", head.up_to) for head in heads]


def test_what_stood_in_the_audit_before_the_upgrade_is_said_to_be_from_before_and_then_held_by_the_heads(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    row = "('north', 'TK-1', '2026-03-02T12:00:00.000000Z', 'act.done', '{\"n\": 1}')"
    with at_revision(url, "0008") as conn:
        conn.execute(text(f"INSERT INTO events (tenant, ref, at, name, data) VALUES {row}, {row}"))
    db = Database(url, inline=True)
    db.upgrade()
    store = Store(db)
    (began,) = store.run(events.named, "north", BEGAN)
    assert began.data == {"up_to": 2}
    store.run(events.record, "north", "TK-1", "act.done", {}, now=NOW)
    audit = audited(db, "north", began=2)
    assert (audit.findings, audit.unchained, audit.head.events) == ([], 2, 4)
    heads = [audit.head]
    store.run(change(data={"n": 2}), 1)
    assert audited(db, "north", heads, began=2).findings == [Finding("head", 4)]
    db.close()
